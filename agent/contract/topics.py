"""Sparkplug topics: text in, parts out, and back (Sparkplug 3.0, chapter 4)."""

import re
from typing import NamedTuple

NAMESPACE = "spBv1.0"
ID_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$"
"""Ids of federations, factories and machines that we name ourselves; foreign ones may hold more."""

NODE_TYPES = frozenset({"NBIRTH", "NDEATH", "NDATA", "NCMD"})
MACHINE_TYPES = frozenset({"DBIRTH", "DDEATH", "DDATA", "DCMD"})


class TopicError(ValueError):
    """The topic is none of Sparkplug's; the message names it."""


class Topic(NamedTuple):
    """`spBv1.0/{federation}/{type}/{factory}[/{machine}]`."""

    federation: str
    type: str
    factory: str
    machine: str | None = None

    def __str__(self) -> str:
        parts = [NAMESPACE, self.federation, self.type, self.factory]
        return "/".join(parts if self.machine is None else [*parts, self.machine])


def valid_id(text: str) -> bool:
    """Tell whether `text` may name a federation, factory or machine of ours."""
    return re.fullmatch(ID_PATTERN, text) is not None


def state_topic(host: str) -> str:
    """Return the topic on which the host application `host` says whether it is online."""
    return f"{NAMESPACE}/STATE/{host}"


def parse_topic(text: str) -> Topic:
    """Split a node's or machine's topic; raises TopicError for anything else, STATE included."""
    parts = text.split("/")
    if parts[0] != NAMESPACE or not all(parts):
        raise TopicError(f"topic {text!r}: not a Sparkplug topic")
    if len(parts) == 4 and parts[2] in NODE_TYPES:
        return Topic(parts[1], parts[2], parts[3])
    if len(parts) == 5 and parts[2] in MACHINE_TYPES:
        return Topic(parts[1], parts[2], parts[3], parts[4])
    raise TopicError(f"topic {text!r}: neither a node's nor a machine's Sparkplug topic")
