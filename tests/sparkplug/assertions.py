"""Assertions of Sparkplug 3.0 that apply to us: id -> what breaks it in recorded traffic, as sentences.

The ids are those of the specification, without `tck-id-`. Each check sees packets only.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise

from tests.sparkplug.wire import CONNECT, DISCONNECT, PUBLISH, SUBSCRIBE, Metric, Packet

Check = Callable[[Sequence[Packet]], Iterator[str]]
BOOLEAN, DATATYPES = 11, range(1, 35)
REBIRTH, BD_SEQ = "Node Control/Rebirth", "bdSeq"
DATA = ("NDATA", "DDATA")
BIRTHS = ("NBIRTH", "DBIRTH")
SEQUENCED = (*BIRTHS, *DATA, "DDEATH")


def of(packets: Iterable[Packet], *types: str, out: bool = True) -> list[Packet]:
    """Return published messages of these types."""
    return [
        packet for packet in packets if packet.kind == PUBLISH and packet.out == out and packet.type in types
    ]


def lines(packets: Sequence[Packet]) -> list[list[Packet]]:
    """Return what was sent by connection."""
    numbers = sorted({packet.line for packet in packets})
    return [[packet for packet in packets if packet.line == number and packet.out] for number in numbers]


def bd_seq(packet: Packet) -> int | None:
    """Return the bdSeq of a birth, a death or a will."""
    found = [metric.value for metric in packet.payload.metrics if metric.name == BD_SEQ]
    return next((value for value in found if isinstance(value, int)), None)


def plain(*types: str) -> Check:
    """QoS 0, not retained."""

    def check(packets: Sequence[Packet]) -> Iterator[str]:
        for packet in of(packets, *types):
            if packet.qos or packet.retain:
                yield f"{packet.topic}: QoS {packet.qos}, retain {packet.retain}"

    return check


def stamped(*types: str) -> Check:
    """With the time of sending."""

    def check(packets: Sequence[Packet]) -> Iterator[str]:
        for packet in of(packets, *types):
            if not packet.payload.timestamp:
                yield f"{packet.topic}: no timestamp"

    return check


def metrics(types: Sequence[str], fault: Callable[[Metric], bool], what: str) -> Check:
    """Say which metrics of these messages have the fault."""

    def check(packets: Sequence[Packet]) -> Iterator[str]:
        for packet in of(packets, *types):
            for metric in packet.payload.metrics:
                if fault(metric):
                    yield f"{packet.topic}: {metric.name or metric.alias}: {what}"

    return check


def seq_zero(packets: Sequence[Packet]) -> Iterator[str]:
    """NBIRTH has seq 0."""
    for packet in of(packets, "NBIRTH"):
        if packet.payload.seq != 0:
            yield f"{packet.topic}: seq {packet.payload.seq}"


def seq_goes_on(packets: Sequence[Packet]) -> Iterator[str]:
    """Each message has one more than the one before, 0 after 255; a birth begins at 0."""
    for sent in lines(packets):
        for before, packet in pairwise(of(sent, *SEQUENCED)):
            expected = 0 if packet.type == "NBIRTH" else ((before.payload.seq or 0) + 1) % 256
            if packet.payload.seq != expected:
                yield f"{packet.topic}: seq {packet.payload.seq} after {before.payload.seq}"


def always_numbered(packets: Sequence[Packet]) -> Iterator[str]:
    """Every message but NDEATH has a seq."""
    for packet in of(packets, *SEQUENCED):
        if packet.payload.seq is None:
            yield f"{packet.topic}: no seq"


def no_seq_in_death(packets: Sequence[Packet]) -> Iterator[str]:
    """NDEATH has no seq."""
    for packet in (*of(packets, "NDEATH"), *wills(packets)):
        if packet.payload.seq is not None:
            yield f"{packet.topic}: seq {packet.payload.seq}"


def only_bd_seq(packets: Sequence[Packet]) -> Iterator[str]:
    """NDEATH has bdSeq and nothing else."""
    for packet in (*of(packets, "NDEATH"), *wills(packets)):
        if [metric.name for metric in packet.payload.metrics] != [BD_SEQ]:
            yield f"{packet.topic}: {[metric.name for metric in packet.payload.metrics]}"


def wills(packets: Iterable[Packet]) -> list[Packet]:
    """Return the NDEATH wills of all connections."""
    found = [packet.will for packet in packets if packet.kind == CONNECT and packet.will is not None]
    return [will for will in found if will.type == "NDEATH"]


def will_is_there(packets: Sequence[Packet]) -> Iterator[str]:
    """Every connection of a node has an NDEATH will at QoS 1, not retained."""
    for sent in lines(packets):
        if not of(sent, "NBIRTH"):
            continue
        will = wills(sent)
        if len(will) != 1 or will[0].qos != 1 or will[0].retain:
            yield f"connection {sent[0].line}: {will}"


def bd_seq_matches(packets: Sequence[Packet]) -> Iterator[str]:
    """Births and the node's own death have the bdSeq of the connection's will."""
    for sent in lines(packets):
        for packet in of(sent, "NBIRTH", "NDEATH"):
            if wills(sent) and bd_seq(packet) != bd_seq(wills(sent)[0]):
                yield f"{packet.topic}: bdSeq {bd_seq(packet)}, the will has {bd_seq(wills(sent)[0])}"


def bd_seq_counts(packets: Sequence[Packet]) -> Iterator[str]:
    """bdSeq grows by one with every CONNECT, 0 after 255."""
    for before, after in pairwise(wills(packets)):
        first, second = bd_seq(before), bd_seq(after)
        if first is None or second != (first + 1) % 256:
            yield f"bdSeq {second} after {first}"


def rebirth_metric(packets: Sequence[Packet]) -> Iterator[str]:
    """NBIRTH names Node Control/Rebirth, Boolean, false, without an alias."""
    for packet in of(packets, "NBIRTH"):
        found = [metric for metric in packet.payload.metrics if metric.name == REBIRTH]
        wrong = not found or found[0].datatype != BOOLEAN or found[0].value != 0 or found[0].alias is not None
        if wrong:
            yield f"{packet.topic}: {found}"


def aliases_are_unique(packets: Sequence[Packet]) -> Iterator[str]:
    """An alias means one metric of one node or machine, over all births of a connection."""
    for sent in lines(packets):
        seen: dict[int, tuple[str, str | None]] = {}
        for packet in of(sent, *BIRTHS):
            for metric in packet.payload.metrics:
                whose = (packet.topic, metric.name)
                if metric.alias is not None and seen.setdefault(metric.alias, whose) != whose:
                    yield f"alias {metric.alias} is {seen[metric.alias]} and {whose}"


def data_was_born(packets: Sequence[Packet]) -> Iterator[str]:
    """Data has only metrics that the last birth of the node or machine declared."""
    for sent in lines(packets):
        born: dict[str, set[int | None]] = {}
        for packet in of(sent, *BIRTHS, *DATA):
            whose = "/".join(packet.topic.split("/")[3:])
            known = {metric.alias for metric in packet.payload.metrics}
            if packet.type in BIRTHS:
                born[whose] = known
            elif known - born.get(whose, set()):
                yield f"{packet.topic}: {known - born.get(whose, set())}"


def births_first(packets: Sequence[Packet]) -> Iterator[str]:
    """NBIRTH is the first message of a connection, and DBIRTHs come before other data."""
    for sent in lines(packets):
        published = of(sent, *SEQUENCED)
        types = [packet.type for packet in published]
        if types and types[0] != "NBIRTH":
            yield f"connection {published[0].line}: begins with {types[0]}"
        if "DBIRTH" in types and any(kind in DATA for kind in types[: types.index("DBIRTH")]):
            yield f"connection {published[0].line}: data before DBIRTH"


def clean(packets: Sequence[Packet]) -> Iterator[str]:
    """Clean session; MQTT 5: clean start, and no session that outlives the connection."""
    for packet in packets:
        if packet.kind == CONNECT and (not packet.clean or packet.session_expiry):
            yield f"connection {packet.line}: clean {packet.clean}, expiry {packet.session_expiry}"


def subscribed(kind: str) -> Check:
    """Before its birth a node subscribes to its commands at QoS 1."""

    def check(packets: Sequence[Packet]) -> Iterator[str]:
        for sent in lines(packets):
            births = [place for place, packet in enumerate(sent) if packet.type == "NBIRTH"]
            wanted = [pair for packet in sent[: min(births, default=0)] for pair in packet.topics]
            if births and not any(f"/{kind}/" in topic and qos == 1 for topic, qos in wanted):
                yield f"connection {sent[0].line}: {wanted}"

    return check


def goodbye(packets: Sequence[Packet]) -> Iterator[str]:
    """Where a node leaves by itself, NDEATH comes before DISCONNECT."""
    for sent in lines(packets):
        kinds = [packet.type or packet.kind for packet in sent if packet.kind in {PUBLISH, DISCONNECT}]
        if DISCONNECT in kinds and kinds[-2:] != ["NDEATH", DISCONNECT]:
            yield f"connection {sent[0].line}: ends with {kinds[-3:]}"


def rebirth_answers(packets: Sequence[Packet]) -> Iterator[str]:
    """After a rebirth command NBIRTH and all DBIRTHs come again, with the same bdSeq."""
    for place, packet in enumerate(packets):
        if packet.out or packet.type != "NCMD":
            continue
        if not any(metric.name == REBIRTH and metric.value for metric in packet.payload.metrics):
            continue
        later = [each for each in packets[place:] if each.line == packet.line]
        earlier = [each for each in packets[:place] if each.line == packet.line]
        again = {each.topic for each in of(later, *BIRTHS)}
        if not {each.topic for each in of(earlier, *BIRTHS)} <= again:
            yield f"{packet.topic}: only {again} came again"


def host_will(packets: Sequence[Packet]) -> Iterator[str]:
    """The host's will says offline on its STATE topic, QoS 1, retained, JSON."""
    for packet in packets:
        if packet.kind == CONNECT:
            will = packet.will
            if will is None or will.type != "STATE" or will.qos != 1 or not will.retain:
                yield f"connection {packet.line}: {will}"
            elif json.loads(will.body).get("online") is not False:
                yield f"connection {packet.line}: {will.body!r}"


def host_birth(packets: Sequence[Packet]) -> Iterator[str]:
    """The host's first message says online, QoS 1, retained, with the time of its will."""
    for sent in lines(packets):
        published = [packet for packet in sent if packet.kind == PUBLISH]
        connects = [packet for packet in sent if packet.kind == CONNECT]
        if not published or not connects or connects[0].will is None:
            yield f"connection {sent[0].line}: no STATE"
            continue
        first = published[0]
        said = json.loads(first.body) if first.type == "STATE" else {}
        at = json.loads(connects[0].will.body).get("timestamp")
        if said != {"online": True, "timestamp": at} or first.qos != 1 or not first.retain:
            yield f"connection {first.line}: {first}"


def host_subscribes(packets: Sequence[Packet]) -> Iterator[str]:
    """The host subscribes to everything and to its STATE before it says that it is online."""
    for sent in lines(packets):
        place = next((n for n, packet in enumerate(sent) if packet.kind == PUBLISH), len(sent))
        topics = {topic for packet in sent[:place] if packet.kind == SUBSCRIBE for topic, _ in packet.topics}
        if not {"spBv1.0/#"} < topics or not any(topic.startswith("spBv1.0/STATE/") for topic in topics):
            yield f"connection {sent[0].line}: {topics}"


EDGE: dict[str, Check] = {
    "principles-birth-certificates-order": births_first,
    "principles-persistence-clean-session": clean,
    "topics-nbirth-mqtt": plain("NBIRTH"),
    "topics-nbirth-seq-num": seq_zero,
    "topics-nbirth-timestamp": stamped("NBIRTH"),
    "topics-nbirth-metric-reqs": data_was_born,
    "topics-nbirth-metrics": metrics(
        ("NBIRTH",), lambda m: not m.name or m.datatype is None or (m.value is None and not m.is_null), "bare"
    ),
    "topics-nbirth-bdseq-included": metrics(("NDEATH",), lambda m: m.name != BD_SEQ, "not bdSeq"),
    "topics-nbirth-bdseq-matching": bd_seq_matches,
    "topics-nbirth-bdseq-increment": bd_seq_counts,
    "topics-nbirth-rebirth-metric": rebirth_metric,
    "topics-ndata-mqtt": plain("NDATA"),
    "topics-ndata-seq-num": seq_goes_on,
    "topics-ndata-timestamp": stamped("NDATA"),
    "topics-ndeath-payload": only_bd_seq,
    "topics-ndeath-seq": no_seq_in_death,
    "topics-dbirth-mqtt": plain("DBIRTH"),
    "topics-dbirth-seq": seq_goes_on,
    "topics-dbirth-timestamp": stamped("DBIRTH"),
    "topics-dbirth-metric-reqs": data_was_born,
    "topics-dbirth-metrics": metrics(
        ("DBIRTH",), lambda m: not m.name or m.datatype is None or (m.value is None and not m.is_null), "bare"
    ),
    "topics-ddata-mqtt": plain("DDATA"),
    "topics-ddata-seq-num": seq_goes_on,
    "topics-ddata-timestamp": stamped("DDATA"),
    "topics-ddeath-mqtt": plain("DDEATH"),
    "topics-ddeath-seq-num": seq_goes_on,
    "payloads-sequence-num-always-included": always_numbered,
    "payloads-name-requirement": metrics(
        (*BIRTHS, *DATA), lambda m: m.name is None and m.alias is None, "neither name nor alias"
    ),
    "payloads-alias-birth-requirement": metrics(
        BIRTHS, lambda m: m.alias is None and m.name not in {BD_SEQ, REBIRTH}, "no alias"
    ),
    "payloads-alias-uniqueness": aliases_are_unique,
    "payloads-alias-data-cmd-requirement": metrics(
        DATA, lambda m: m.name is not None or m.alias is None, "not by alias alone"
    ),
    "payloads-name-birth-data-requirement": metrics((*BIRTHS, *DATA), lambda m: not m.timestamp, "no time"),
    "payloads-metric-datatype-req": metrics(BIRTHS, lambda m: m.datatype is None, "no datatype"),
    "payloads-metric-datatype-value": metrics(BIRTHS, lambda m: m.datatype not in DATATYPES, "no such type"),
    "payloads-metric-datatype-not-req": metrics(DATA, lambda m: m.datatype is not None, "datatype"),
    "payloads-ndeath-will-message": will_is_there,
    "payloads-dbirth-order": births_first,
    "message-flow-edge-node-birth-publish-connect": births_first,
    "edge-subscribe-ncmd": subscribed("NCMD"),
    "edge-subscribe-dcmd": subscribed("DCMD"),
    "operational-behavior-edge-node-intentional-disconnect-ndeath": goodbye,
    "operational-behavior-edge-node-intentional-disconnect-packet": goodbye,
    "operational-behavior-data-commands-rebirth-name": rebirth_metric,
    "operational-behavior-data-commands-rebirth-datatype": rebirth_metric,
    "operational-behavior-data-commands-rebirth-value": rebirth_metric,
    "operational-behavior-data-publish-nbirth-values": rebirth_answers,
}
HOST: dict[str, Check] = {
    "intro-sparkplug-host-state": host_birth,
    "message-flow-phid-sparkplug-clean-session": clean,
    "message-flow-phid-sparkplug-subscription": host_subscribes,
    "message-flow-phid-sparkplug-state-publish": host_birth,
    "host-topic-phid-death-payload": host_will,
    "topics-ncmd-mqtt": plain("NCMD"),
    "topics-ncmd-timestamp": stamped("NCMD"),
}
ELSEWHERE: dict[str, str] = {
    "message-flow-edge-node-birth-publish-subscribe": "tests/agent/test_primary_host.py",
    "operational-behavior-primary-application-state-with-multiple-servers-walk": (
        "tests/agent/test_primary_host.py: it ends the session and waits; there is one server"
    ),
    "operational-behavior-device-ddeath": (
        "tests/aggregator/ingest/test_session.py and agent/README.md: a machine that cannot be read is told "
        "as State OFFLINE with its time; its DDEATH comes with the end of the agent"
    ),
}
"""Those that another test shows, or that we answer otherwise, and where."""
