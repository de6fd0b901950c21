"""MQTT packets and Sparkplug payloads read from their bytes, by nothing of ours: the referee's own eyes."""

from collections.abc import Iterator
from dataclasses import dataclass, field

CONNECT, PUBLISH, SUBSCRIBE, DISCONNECT = 1, 3, 8, 14
_PROPERTY_BYTES = {0x11: 4, 0x21: 2, 0x27: 4, 0x22: 2, 0x19: 1, 0x17: 1, 0x18: 4, 0x01: 1, 0x02: 4}


@dataclass(frozen=True, slots=True)
class Metric:
    """What a metric holds on the wire; None: the field is not there."""

    name: str | None = None
    alias: int | None = None
    timestamp: int | None = None
    datatype: int | None = None
    is_null: bool = False
    value: int | bytes | None = None
    field: int | None = None
    """The number of the value's field: 10 to 19."""
    is_historical: bool = False

    @property
    def table(self) -> "Table | None":
        """The value as a DataSet, if it is one."""
        return read_table(self.value) if self.field == 17 and isinstance(self.value, bytes) else None


@dataclass(frozen=True, slots=True)
class Table:
    """A DataSet on the wire; a row holds the number of the value's field for each of its cells."""

    columns: int | None
    names: tuple[str, ...]
    types: tuple[int, ...]
    rows: tuple[tuple[int | None, ...], ...]


@dataclass(frozen=True, slots=True)
class Payload:
    """What a payload holds on the wire."""

    timestamp: int | None
    seq: int | None
    metrics: tuple[Metric, ...]


@dataclass(frozen=True, slots=True)
class Packet:
    """One packet; `line` numbers the connections, `out` is from client to broker."""

    line: int
    out: bool
    kind: int
    topic: str = ""
    body: bytes = b""
    qos: int = 0
    retain: bool = False
    level: int = 0
    clean: bool = False
    session_expiry: int = 0
    topics: tuple[tuple[str, int], ...] = ()
    will: "Packet | None" = field(default=None)
    reason: int = 0
    """Why a client leaves, in MQTT 5."""

    @property
    def type(self) -> str:
        """NBIRTH, DDATA, …, STATE; empty for other topics."""
        parts = self.topic.split("/")
        if parts[:2] == ["spBv1.0", "STATE"]:
            return "STATE"
        return parts[2] if len(parts) > 3 and parts[0] == "spBv1.0" else ""

    @property
    def payload(self) -> Payload:
        """The body as a Sparkplug payload."""
        return read_payload(self.body)


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def take(self, count: int) -> bytes:
        found = self.data[self.at : self.at + count]
        assert len(found) == count, "cut off"
        self.at += count
        return found

    def number(self, count: int) -> int:
        return int.from_bytes(self.take(count), "big")

    def varint(self) -> int:
        value = shift = 0
        while True:
            byte = self.take(1)[0]
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    def binary(self) -> bytes:
        return self.take(self.number(2))

    def text(self) -> str:
        return self.binary().decode()

    def properties(self) -> dict[int, int]:
        end = self.varint() + self.at
        found = {}
        while self.at < end:
            name = self.varint()
            if name == 0x0B:
                found[name] = self.varint()
            elif name in _PROPERTY_BYTES:
                found[name] = self.number(_PROPERTY_BYTES[name])
            else:
                self.at = end  # texts: nothing that is judged here
        return found


def split(buffer: bytearray) -> Iterator[tuple[int, bytes]]:
    """Yield the first byte and the body of each whole packet, and take it out of the buffer."""
    while len(buffer) >= 2:
        length = shift = 0
        at = 1
        while True:
            if at >= len(buffer):
                return
            byte = buffer[at]
            length |= (byte & 0x7F) << shift
            shift, at = shift + 7, at + 1
            if byte < 0x80:
                break
        if len(buffer) < at + length:
            return
        head, body = buffer[0], bytes(buffer[at : at + length])
        del buffer[: at + length]
        yield head, body


def read_packet(line: int, out: bool, head: int, body: bytes, level: int) -> Packet:
    """Return a packet; `level` is 4 for MQTT 3.1.1, 5 for MQTT 5."""
    kind, reader = head >> 4, _Reader(body)
    if kind == CONNECT:
        return _connect(line, out, reader)
    if kind == PUBLISH:
        topic, qos = reader.text(), head >> 1 & 3
        if qos:
            reader.take(2)
        if level == 5:
            reader.properties()
        rest = reader.data[reader.at :]
        return Packet(line, out, kind, topic, rest, qos, bool(head & 1), level)
    if kind == SUBSCRIBE:
        reader.take(2)
        if level == 5:
            reader.properties()
        topics = []
        while reader.at < len(body):
            topics.append((reader.text(), reader.take(1)[0] & 3))
        return Packet(line, out, kind, topics=tuple(topics), level=level)
    if kind == DISCONNECT:
        return Packet(line, out, kind, level=level, reason=body[0] if level == 5 and body else 0)
    return Packet(line, out, kind, level=level)


def _connect(line: int, out: bool, reader: _Reader) -> Packet:
    assert reader.text() == "MQTT"
    level, flags = reader.take(1)[0], reader.take(1)[0]
    reader.take(2)
    properties = reader.properties() if level == 5 else {}
    reader.text()
    will = None
    if flags & 4:
        if level == 5:
            reader.properties()
        topic, body = reader.text(), reader.binary()
        will = Packet(line, out, PUBLISH, topic, body, flags >> 3 & 3, bool(flags & 0x20), level)
    return Packet(
        line,
        out,
        CONNECT,
        level=level,
        clean=bool(flags & 2),
        session_expiry=properties.get(0x11, 0),
        will=will,
    )


def read_payload(body: bytes) -> Payload:
    """Return a Sparkplug payload, from the field numbers of the specification (6.4.1)."""
    fields = list(_fields(body))
    metrics = tuple(_metric(value) for number, value in fields if number == 2 and isinstance(value, bytes))
    return Payload(_number(fields, 1), _number(fields, 3), metrics)


def _metric(body: bytes) -> Metric:
    fields = list(_fields(body))
    named = [value for number, value in fields if number == 1 and isinstance(value, bytes)]
    values = [(number, value) for number, value in fields if 10 <= number <= 19]
    return Metric(
        named[0].decode() if named else None,
        _number(fields, 2),
        _number(fields, 3),
        _number(fields, 4),
        bool(_number(fields, 7)),
        values[0][1] if values else None,
        values[0][0] if values else None,
        bool(_number(fields, 5)),
    )


def read_table(body: bytes) -> Table:
    """Return a DataSet, from the field numbers of the specification (6.4.1)."""
    fields = list(_fields(body))
    names = tuple(value.decode() for number, value in fields if number == 2 and isinstance(value, bytes))
    types: list[int] = []
    for number, value in fields:
        if number == 3:
            types += [value] if isinstance(value, int) else list(value)  # packed: one byte each
    rows = [list(_fields(value)) for number, value in fields if number == 4 and isinstance(value, bytes)]
    return Table(_number(fields, 1), names, tuple(types), tuple(tuple(map(_cell, row)) for row in rows))


def _cell(element: tuple[int, int | bytes]) -> int | None:
    content = list(_fields(element[1])) if isinstance(element[1], bytes) else []
    return content[0][0] if content else None


def write_payload(payload: Payload) -> bytes:
    """Return the bytes of a payload, right or wrong, for traffic that is made up."""
    body = b"" if payload.timestamp is None else _tagged(1, payload.timestamp)
    for metric in payload.metrics:
        body += _tagged(2, _metric_bytes(metric))
    return body if payload.seq is None else body + _tagged(3, payload.seq)


def _metric_bytes(metric: Metric) -> bytes:
    said = (
        (1, None if metric.name is None else metric.name.encode()),
        (2, metric.alias),
        (3, metric.timestamp),
        (4, metric.datatype),
        (5, 1 if metric.is_historical else None),
        (7, 1 if metric.is_null else None),
        (metric.field or 11, metric.value),
    )
    return b"".join(_tagged(number, value) for number, value in said if value is not None)


def _tagged(number: int, value: int | bytes) -> bytes:
    if isinstance(value, bytes):
        return _varint(number << 3 | 2) + _varint(len(value)) + value
    return _varint(number << 3) + _varint(value)


def _varint(value: int) -> bytes:
    found = b""
    while value >= 0x80:
        found += bytes([value & 0x7F | 0x80])
        value >>= 7
    return found + bytes([value])


def _number(fields: list[tuple[int, int | bytes]], wanted: int) -> int | None:
    found = [value for number, value in fields if number == wanted and isinstance(value, int)]
    return found[-1] if found else None


def _fields(body: bytes) -> Iterator[tuple[int, int | bytes]]:
    reader = _Reader(body)
    while reader.at < len(body):
        tag = reader.varint()
        kind = tag & 7
        if kind == 0:
            yield tag >> 3, reader.varint()
        elif kind == 2:
            yield tag >> 3, reader.take(reader.varint())
        else:
            yield tag >> 3, int.from_bytes(reader.take(8 if kind == 1 else 4), "little")
