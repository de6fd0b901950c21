"""Factories and their machines, as the aggregator knows them."""

from dataclasses import dataclass
from typing import NamedTuple


class MachineKey(NamedTuple):
    """A machine's full name inside the federation: ids, not display names."""

    factory: str
    machine: str


@dataclass(frozen=True, slots=True)
class Factory:
    """A member factory; `name` is what people read, `id` its Sparkplug edge node."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine of a factory; `process` is a process id of the configuration, None while unknown.

    `trust` is `measured` (one of our agents counts) or `best-effort` (a foreign edge node).
    """

    key: MachineKey
    name: str
    process: str | None
    trust: str
