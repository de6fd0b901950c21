"""What breaks the rules of Sparkplug 3.0 in a host application's recorded traffic, as sentences."""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from tests.sparkplug.checks import REBIRTH, YEAR_2020_MS, YEAR_2100_MS, Check, lines, of
from tests.sparkplug.wire import CONNECT, DISCONNECT, PUBLISH, SUBSCRIBE, Metric, Packet

COMMANDS = ("NCMD", "DCMD")
TOPIC = r"spBv1\.0/STATE/[^/+#]+"


def said(packet: Packet) -> dict[str, Any]:
    """Return what a STATE says; nothing if it is no JSON object."""
    try:
        found = json.loads(packet.body.decode("utf-8"))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def says(packet: Packet, online: bool) -> bool:
    """Tell whether a STATE says that, with a time in milliseconds of UTC and nothing else."""
    found = said(packet)
    at_ms = found.get("timestamp")
    is_time = isinstance(at_ms, int) and YEAR_2020_MS < at_ms < YEAR_2100_MS
    return found.keys() == {"online", "timestamp"} and found["online"] is online and is_time


def will_of(sent: Sequence[Packet]) -> Packet | None:
    """Return the will of a connection."""
    return next((packet.will for packet in sent if packet.kind == CONNECT), None)


def will(is_right: Callable[[Packet], bool]) -> Check:
    """Every connection has a will, and it is right."""

    def check(packets: Sequence[Packet]) -> Iterator[str]:
        for sent in lines(packets):
            found = will_of(sent)
            if found is None or not is_right(found):
                yield f"connection {sent[0].line}: {found}"

    return check


def birth(is_right: Callable[[Packet], bool]) -> Check:
    """The first message of every connection is right."""

    def check(packets: Sequence[Packet]) -> Iterator[str]:
        for sent in lines(packets):
            published = [packet for packet in sent if packet.kind == PUBLISH]
            if not published or not is_right(published[0]):
                yield f"connection {sent[0].line}: {published[:1]}"

    return check


def death(is_right: Callable[[Packet], bool]) -> Check:
    """The last message of a connection that ends with DISCONNECT is right, and DISCONNECT is next."""

    def check(packets: Sequence[Packet]) -> Iterator[str]:
        left = [sent for sent in lines(packets) if any(packet.kind == DISCONNECT for packet in sent)]
        if not left:
            yield "it never took its leave"
        for sent in left:
            last = [packet for packet in sent if packet.kind in {PUBLISH, DISCONNECT}][-2:]
            if last[-1].kind != DISCONNECT or len(last) < 2 or not is_right(last[0]):
                yield f"connection {sent[0].line}: ends with {last}"

    return check


def on_its_topic(packet: Packet) -> bool:
    """Tell whether it is on `spBv1.0/STATE/host`."""
    return re.fullmatch(TOPIC, packet.topic) is not None


def offline(packet: Packet) -> bool:
    """Tell whether it says that the host is gone."""
    return packet.type == "STATE" and says(packet, False)


def online(packet: Packet) -> bool:
    """Tell whether it says that the host is there."""
    return packet.type == "STATE" and says(packet, True)


def birth_has_the_wills_time(packets: Sequence[Packet]) -> Iterator[str]:
    """The birth has the time that its connection's will has."""
    for sent in lines(packets):
        found, published = will_of(sent), of(sent, "STATE")
        times = [said(packet).get("timestamp") for packet in (found, *published[:1]) if packet is not None]
        if len(times) != 2 or times[0] != times[1]:
            yield f"connection {sent[0].line}: {found}, {published[:1]}"


def subscribes_first(packets: Sequence[Packet]) -> Iterator[str]:
    """The host subscribes to everything and to its STATE before it says that it is online."""
    for sent in lines(packets):
        place = next((n for n, packet in enumerate(sent) if packet.kind == PUBLISH), len(sent))
        topics = {topic for packet in sent[:place] if packet.kind == SUBSCRIBE for topic, _ in packet.topics}
        if not {"spBv1.0/#"} < topics or not any(re.fullmatch(TOPIC, topic) for topic in topics):
            yield f"connection {sent[0].line}: {topics}"


def unnumbered(*types: str) -> Check:
    """Commands have no sequence number."""

    def check(packets: Sequence[Packet]) -> Iterator[str]:
        for packet in of(packets, *types):
            if packet.payload.seq is not None:
                yield f"{packet.topic}: seq {packet.payload.seq}"

    return check


def asks_for_births(is_right: Callable[[Metric], bool]) -> Check:
    """It asks for births, each time by NCMD and a metric that is right."""

    def check(packets: Sequence[Packet]) -> Iterator[str]:
        asking = [
            metric
            for packet in of(packets, "NCMD")
            for metric in packet.payload.metrics
            if "rebirth" in (metric.name or "").lower()
        ]
        if not asking:
            yield "it never asks"
        for metric in asking:
            if not is_right(metric):
                yield f"{metric}"

    return check


def known(kind: str, is_right: Callable[[Metric, Metric | None], bool]) -> Check:
    """Every metric of a command is right beside that of its name in the birth that was heard."""
    birth_kind = {"NCMD": "NBIRTH", "DCMD": "DBIRTH"}[kind]

    def check(packets: Sequence[Packet]) -> Iterator[str]:
        born: dict[tuple[str, ...], dict[str | None, Metric]] = {}
        told = 0
        for packet in packets:
            whose = tuple(packet.topic.split("/")[3:])
            if not packet.out and packet.type == birth_kind:
                born[whose] = {metric.name: metric for metric in packet.payload.metrics}
            elif packet.out and packet.type == kind and whose in born:
                told += 1
                for metric in packet.payload.metrics:
                    if not is_right(metric, born[whose].get(metric.name)):
                        yield f"{packet.topic}: {metric}"
        if not told:
            yield f"no {kind} to whoever was born"

    return check


def is_named(_metric: Metric, declared: Metric | None) -> bool:
    """Tell whether the birth has it."""
    return declared is not None


def fits(metric: Metric, declared: Metric | None) -> bool:
    """Tell whether its value is of the birth's type."""
    same = declared is not None and metric.datatype == declared.datatype
    return same and metric.value is not None and not metric.is_null


def is_rebirth(metric: Metric) -> bool:
    """Tell whether the metric has the name by which births are asked for."""
    return metric.name == REBIRTH
