"""What breaks the rules of Sparkplug 3.0 in recorded traffic, as sentences: of both sides, and of edge nodes.

Each check sees packets only.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise

from tests.sparkplug.wire import CONNECT, DISCONNECT, PUBLISH, Metric, Packet, Table

Check = Callable[[Sequence[Packet]], Iterator[str]]
INT64, BOOLEAN, DATATYPES = 4, 11, range(1, 35)
YEAR_2020_MS, YEAR_2100_MS = 1_577_836_800_000, 4_102_444_800_000
WILL_TOO = 0x04
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


def everything(packets: Iterable[Packet], *types: str) -> list[Packet]:
    """Return published messages of these types, and wills that are to be published."""
    return [*of(packets, *types), *(will for will in wills(packets) if will.type in types)]


def sent_at(types: Sequence[str], qos: int) -> Check:
    """With this quality of service."""

    def check(packets: Sequence[Packet]) -> Iterator[str]:
        for packet in everything(packets, *types):
            if packet.qos != qos:
                yield f"{packet.topic}: QoS {packet.qos}"

    return check


def retained(types: Sequence[str], wanted: bool) -> Check:
    """Kept by the broker, or not."""

    def check(packets: Sequence[Packet]) -> Iterator[str]:
        for packet in everything(packets, *types):
            if packet.retain != wanted:
                yield f"{packet.topic}: retain {packet.retain}"

    return check


def plain(*types: str) -> Check:
    """QoS 0, not retained."""
    return all_of(sent_at(types, 0), retained(types, False))


def all_of(*checks: Check) -> Check:
    """Say what any of the checks says."""

    def check(packets: Sequence[Packet]) -> Iterator[str]:
        for one in checks:
            yield from one(packets)

    return check


def formed(*types: str) -> Check:
    """On `spBv1.0/group/TYPE/node`, machines' with the machine behind; one group and node a connection."""

    def check(packets: Sequence[Packet]) -> Iterator[str]:
        own = {tuple(packet.topic.split("/")[1:4:2]) for packet in of(packets, "NBIRTH")}
        promised = [packet.will for packet in packets if packet.will is not None]
        for packet in [*packets, *promised]:
            parts = packet.topic.split("/")
            if packet.kind != PUBLISH or not set(types) & set(parts):
                continue
            length = 4 if parts[2].startswith("N") else 5
            is_sound = len(parts) == length and all(re.fullmatch(r"[^+#]+", part) for part in parts)
            if parts[0] != "spBv1.0" or parts[2] not in types or not is_sound:
                yield f"{packet.topic}: is not formed as it has to be"
            elif own and (parts[1], parts[3]) not in own:
                yield f"{packet.topic}: is of another node than {own}"

    return check


def stamped(*types: str) -> Check:
    """With the time of sending, in milliseconds of UTC."""

    def check(packets: Sequence[Packet]) -> Iterator[str]:
        for packet in of(packets, *types):
            if not YEAR_2020_MS < (packet.payload.timestamp or 0) < YEAR_2100_MS:
                yield f"{packet.topic}: timestamp {packet.payload.timestamp}"

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


def in_utc(metric: Metric) -> bool:
    """Tell whether a metric's time is in milliseconds of UTC."""
    return metric.timestamp is None or YEAR_2020_MS < metric.timestamp < YEAR_2100_MS


def will_is_there(packets: Sequence[Packet]) -> Iterator[str]:
    """Every connection of a node has an NDEATH will."""
    for sent in lines(packets):
        if of(sent, "NBIRTH") and len(wills(sent)) != 1:
            yield f"connection {sent[0].line}: {wills(sent)}"


def bd_seq_is_there(*types: str) -> Check:
    """Each of these has a bdSeq, INT64 and 0 to 255."""

    def check(packets: Sequence[Packet]) -> Iterator[str]:
        for packet in everything(packets, *types):
            found = [metric for metric in packet.payload.metrics if metric.name == BD_SEQ]
            is_right = len(found) == 1 and found[0].datatype == INT64 and (bd_seq(packet) or 0) < 256
            if not is_right or bd_seq(packet) is None:
                yield f"{packet.topic}: {found}"

    return check


def bd_seq_matches(packets: Sequence[Packet]) -> Iterator[str]:
    """Births and the node's own death have the bdSeq of the connection's will."""
    for sent in lines(packets):
        for packet in of(sent, "NBIRTH", "NDEATH"):
            if wills(sent) and bd_seq(packet) != bd_seq(wills(sent)[0]):
                yield f"{packet.topic}: bdSeq {bd_seq(packet)}, the will has {bd_seq(wills(sent)[0])}"


def bd_seq_counts(packets: Sequence[Packet]) -> Iterator[str]:
    """bdSeq begins at 0 and grows by one with every CONNECT, 0 after 255."""
    for will in wills(packets)[:1]:
        if bd_seq(will) != 0:
            yield f"bdSeq begins with {bd_seq(will)}"
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


def data_was_born(birth: str, data: str) -> Check:
    """Data has only metrics that the last birth of the node or machine declared."""

    def check(packets: Sequence[Packet]) -> Iterator[str]:
        for sent in lines(packets):
            born: dict[str, set[int | None]] = {}
            for packet in of(sent, birth, data):
                whose = "/".join(packet.topic.split("/")[3:])
                known = {metric.alias for metric in packet.payload.metrics}
                if packet.type == birth:
                    born[whose] = known
                elif known - born.get(whose, set()):
                    yield f"{packet.topic}: {known - born.get(whose, set())}"

    return check


def only_changes(birth: str, data: str) -> Check:
    """Data tells of at least one metric what the node's or machine's last word on it was not."""

    def check(packets: Sequence[Packet]) -> Iterator[str]:
        for sent in lines(packets):
            told: dict[tuple[str, int | None], object] = {}
            for packet in of(sent, birth, data):
                whose = "/".join(packet.topic.split("/")[3:])
                said = {(whose, metric.alias): metric.value for metric in packet.payload.metrics}
                if packet.type == data and all(told.get(key, self) == self for key, self in said.items()):
                    yield f"{packet.topic}: nothing new in {said}"
                told |= said

    return check


def in_order_of_time(*types: str) -> Check:
    """What is no history stands in the order of its times."""

    def check(packets: Sequence[Packet]) -> Iterator[str]:
        for packet in of(packets, *types):
            present = [metric.timestamp or 0 for metric in packet.payload.metrics if not metric.is_historical]
            if present != sorted(present):
                yield f"{packet.topic}: {present}"

    return check


def tables(fault: Callable[[Table], bool], what: str) -> Check:
    """Say which tables have the fault."""

    def check(packets: Sequence[Packet]) -> Iterator[str]:
        for packet in of(packets, *BIRTHS, *DATA):
            for metric in packet.payload.metrics:
                if metric.table is not None and fault(metric.table):
                    yield f"{packet.topic}: {what}: {metric.table.columns}, {metric.table.types}"

    return check


def different_in_lower_case(packets: Sequence[Packet]) -> Iterator[str]:
    """No two names of one birth, and no two machines, differ by their case alone."""
    machines = {packet.topic for packet in of(packets, "DBIRTH")}
    if len({topic.lower() for topic in machines}) != len(machines):
        yield f"{machines}"
    for packet in of(packets, *BIRTHS):
        names = [metric.name or "" for metric in packet.payload.metrics]
        if len({name.lower() for name in names}) != len(names):
            yield f"{packet.topic}: {names}"


def births_first(packets: Sequence[Packet]) -> Iterator[str]:
    """NBIRTH is the first message of a connection, and DBIRTHs come before other data."""
    for sent in lines(packets):
        published = of(sent, *SEQUENCED)
        types = [packet.type for packet in published]
        if types and types[0] != "NBIRTH":
            yield f"connection {published[0].line}: begins with {types[0]}"
        if "DBIRTH" in types and any(kind in DATA for kind in types[: types.index("DBIRTH")]):
            yield f"connection {published[0].line}: data before DBIRTH"


def connected_first(packets: Sequence[Packet]) -> Iterator[str]:
    """CONNECT comes before everything else of a connection, and there is one connection at a time."""
    for sent in lines(packets):
        if sent[0].kind != CONNECT:
            yield f"connection {sent[0].line}: begins with {sent[0].type or sent[0].kind}"
    order = [packet.line for packet in packets if packet.kind in {CONNECT, PUBLISH} and packet.out]
    if order != sorted(order):
        yield f"two connections at a time: {order}"


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
    """Where a node leaves by itself, NDEATH comes, and DISCONNECT right after it."""
    for sent in lines(packets):
        kinds = [packet.type or packet.kind for packet in sent if packet.kind in {PUBLISH, DISCONNECT}]
        if (DISCONNECT in kinds or "NDEATH" in kinds) and kinds[-2:] != ["NDEATH", DISCONNECT]:
            yield f"connection {sent[0].line}: ends with {kinds[-3:]}"


def leaves_with_its_will(packets: Sequence[Packet]) -> Iterator[str]:
    """In MQTT 5 a node that leaves asks for its will as well."""
    for packet in packets:
        if packet.kind == DISCONNECT and packet.out and packet.level == 5 and packet.reason != WILL_TOO:
            yield f"connection {packet.line}: reason {packet.reason}"


def quiet_before_rebirth(packets: Sequence[Packet]) -> Iterator[str]:
    """After a rebirth command come births; what had left before it is let pass: one message at most."""
    for place, packet in enumerate(packets):
        asks = any(metric.name == REBIRTH and metric.value for metric in packet.payload.metrics)
        if packet.out or packet.type != "NCMD" or not asks:
            continue
        later = of([each for each in packets[place:] if each.line == packet.line], *SEQUENCED)
        types = [each.type for each in later]
        if "NBIRTH" not in types[:2]:
            yield f"{packet.topic}: {types[:3]} follow"


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
