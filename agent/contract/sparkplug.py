"""The Sparkplug B codec: typed payloads to bytes and back (Sparkplug 3.0, chapter 6).

Every scalar type, Bytes, File and DataSet are carried. A metric of any other type (Template, arrays,
property sets) is decoded as null, so that a foreign edge node's other metrics still count. So is a value
whose property "Quality" says that it is bad or stale (section 6.4.9): nobody knows what is so now.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from google.protobuf.message import DecodeError, EncodeError

from agent.contract.schema import PayloadMessage


class PayloadError(ValueError):
    """The payload breaks Sparkplug's rules; the message names the metric or row."""


class DataType(IntEnum):
    """Sparkplug data types by their number on the wire (section 6.4.16)."""

    INT8 = 1
    INT16 = 2
    INT32 = 3
    INT64 = 4
    UINT8 = 5
    UINT16 = 6
    UINT32 = 7
    UINT64 = 8
    FLOAT = 9
    DOUBLE = 10
    BOOLEAN = 11
    STRING = 12
    DATETIME = 13
    TEXT = 14
    UUID = 15
    DATASET = 16
    BYTES = 17
    FILE = 18


QUALITY, GOOD_QUALITY = "Quality", 192

_FIELDS: dict[int, str] = {
    **dict.fromkeys((1, 2, 3, 5, 6), "int_value"),
    **dict.fromkeys((4, 7, 8, 13), "long_value"),
    9: "float_value",
    10: "double_value",
    11: "boolean_value",
    **dict.fromkeys((12, 14, 15), "string_value"),
    16: "dataset_value",
    **dict.fromkeys((17, 18), "bytes_value"),
}
_BITS: dict[int, int] = {1: 8, 2: 16, 3: 32, 4: 64, 5: 8, 6: 16, 7: 32, 8: 64, 13: 64}
_SIGNED = frozenset({1, 2, 3, 4})
_FIELD_BITS = {"int_value": 32, "long_value": 64}

Scalar = bool | int | float | str | bytes


@dataclass(frozen=True, slots=True)
class DataSet:
    """A table: column names, a type a column, and rows of cells; a cell the sender left out is None."""

    columns: tuple[str, ...]
    types: tuple[DataType, ...]
    rows: Sequence[tuple[Scalar | None, ...]]


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric; `datatype` is None in data that relies on its birth, `value` None when null."""

    name: str | None
    value: Scalar | DataSet | None
    datatype: DataType | None = None
    alias: int | None = None
    timestamp_ms: int | None = None
    is_historical: bool = False


@dataclass(frozen=True, slots=True)
class Payload:
    """One message: its time (UTC ms), sequence number (None in NDEATH and commands) and metrics."""

    timestamp_ms: int | None
    metrics: tuple[Metric, ...]
    seq: int | None = None


def encode(payload: Payload, *, with_types: bool = True) -> bytes:
    """Return the payload's bytes; raises PayloadError naming the metric whose value does not fit its type.

    With `with_types=False` data types are left out, as DATA messages do that carry aliases only.
    """
    message = PayloadMessage()
    if payload.timestamp_ms is not None:
        message.timestamp = payload.timestamp_ms
    if payload.seq is not None:
        message.seq = payload.seq
    for metric in payload.metrics:
        try:
            _fill_metric(message.metrics.add(), metric, with_types)
        except (AttributeError, TypeError, ValueError, OverflowError, EncodeError) as error:
            raise PayloadError(f"metric {metric.name or metric.alias!r}: {error}") from error
    return bytes(message.SerializeToString())


def decode(data: bytes) -> Payload:
    """Return the payload in `data`; raises PayloadError when it is no Sparkplug payload."""
    try:
        message = PayloadMessage.FromString(data)
    except DecodeError as error:
        raise PayloadError(f"{len(data)} bytes are no Sparkplug payload: {error}") from error
    return Payload(
        message.timestamp if message.HasField("timestamp") else None,
        tuple(_read_metric(metric) for metric in message.metrics),
        message.seq if message.HasField("seq") else None,
    )


def _fill_metric(target: Any, metric: Metric, with_type: bool) -> None:
    if metric.name is not None:
        target.name = metric.name
    if metric.alias is not None:
        target.alias = metric.alias
    if metric.timestamp_ms is not None:
        target.timestamp = metric.timestamp_ms
    if metric.is_historical:
        target.is_historical = True
    if metric.datatype is None:
        raise PayloadError("needs a data type to be written")
    if with_type:
        target.datatype = int(metric.datatype)
    if metric.value is None:
        target.is_null = True
    elif isinstance(metric.value, DataSet):
        _fill_dataset(target.dataset_value, metric.value)
    else:
        setattr(target, _FIELDS[metric.datatype], _to_wire(metric.datatype, metric.value))


def _fill_dataset(target: Any, dataset: DataSet) -> None:
    target.num_of_columns = len(dataset.columns)
    target.columns.extend(dataset.columns)
    target.types.extend(int(column_type) for column_type in dataset.types)
    # A whole number that is not negative and fits goes out as it is: most cells, and no need to look closer.
    columns = [(int(column), _FIELDS[column], _highest(column)) for column in dataset.types]
    rows = target.rows
    for index, row in enumerate(dataset.rows):
        if len(row) != len(columns):
            raise PayloadError(f"row {index}: {len(row)} cells for {len(columns)} columns")
        add = rows.add().elements.add
        for (column_type, field, highest), cell in zip(columns, row, strict=True):
            element = add()
            if type(cell) is int and 0 <= cell <= highest:
                setattr(element, field, cell)
            elif cell is not None:
                setattr(element, field, _to_wire(column_type, cell))


def _highest(datatype: int) -> int:
    """Return the highest whole number that the type holds; -1 if it holds none."""
    bits = _BITS.get(datatype, -1)
    return -1 if bits < 0 else (1 << bits - (datatype in _SIGNED)) - 1


def _to_wire(datatype: int, value: Scalar) -> Scalar:
    bits = _BITS.get(datatype)
    if bits is None:
        if datatype == DataType.BOOLEAN and not isinstance(value, bool):
            raise PayloadError(f"BOOLEAN cannot hold {value!r}")
        return value
    if isinstance(value, bool) or not isinstance(value, int):
        raise PayloadError(f"{DataType(datatype).name} cannot hold {value!r}")
    low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if datatype in _SIGNED else (0, (1 << bits) - 1)
    if not low <= value <= high:
        raise PayloadError(f"{DataType(datatype).name} holds {low} to {high}, not {value}")
    return value & ((1 << _FIELD_BITS[_FIELDS[datatype]]) - 1)


def _from_wire(datatype: int, value: Scalar) -> Scalar:
    bits = _BITS.get(datatype)
    if bits is None or not isinstance(value, int):
        return value
    value &= (1 << bits) - 1
    return value - (1 << bits) if datatype in _SIGNED and value >> bits - 1 else value


def _read_metric(message: Any) -> Metric:
    number = message.datatype if message.HasField("datatype") else None
    datatype = DataType(number) if number in _FIELDS else None
    return Metric(
        message.name if message.HasField("name") else None,
        None if message.is_null or not _is_good(message) else _read_value(message, number),
        datatype,
        message.alias if message.HasField("alias") else None,
        message.timestamp if message.HasField("timestamp") else None,
        bool(message.is_historical),
    )


def _is_good(message: Any) -> bool:
    if not message.HasField("properties"):
        return True
    properties = message.properties
    told = dict(zip(properties.keys, properties.values, strict=False))
    quality = told.get(QUALITY)
    if quality is None or quality.WhichOneof("value") is None:
        return True
    return GOOD_QUALITY in (quality.int_value, quality.long_value)


def _read_value(message: Any, number: int | None) -> Scalar | DataSet | None:
    field = message.WhichOneof("value")
    if field is None:
        return None
    if field == "dataset_value":
        return _read_dataset(message.dataset_value)
    value: Scalar = getattr(message, field)
    return _from_wire(number, value) if number is not None else value


def typed(value: Scalar | DataSet | None, datatype: DataType) -> Scalar | DataSet | None:
    """Give a value that came without its type (alias-only data) the sign that the birth's type says."""
    return value if value is None or isinstance(value, DataSet) else _from_wire(datatype, value)


def _read_dataset(message: Any) -> DataSet:
    columns, numbers = tuple(message.columns), tuple(message.types)
    if len(columns) != len(numbers):
        raise PayloadError(f"DataSet: {len(columns)} columns but {len(numbers)} types")
    for name, number in zip(columns, numbers, strict=True):
        if number not in _FIELDS or number > DataType.UUID:
            raise PayloadError(f"DataSet column {name!r}: type {number} is not one a cell can have")
    # The field is known from the column's type: reading it directly is twice as fast as WhichOneof.
    readers = [(_FIELDS[number], _BITS[number] if number in _SIGNED else 0, number) for number in numbers]
    rows = [_read_row(index, row.elements, readers) for index, row in enumerate(message.rows)]
    return DataSet(columns, tuple(DataType(number) for number in numbers), rows)


def _read_row(index: int, elements: Any, readers: list[tuple[str, int, int]]) -> tuple[Scalar | None, ...]:
    if len(elements) != len(readers):
        raise PayloadError(f"DataSet row {index}: {len(elements)} cells for {len(readers)} columns")
    cells: list[Scalar | None] = []
    for element, (field, signed_bits, number) in zip(elements, readers, strict=True):
        value = getattr(element, field)
        if not value and not element.HasField(field):
            value = None
        elif signed_bits and value >> signed_bits - 1:
            value = _from_wire(number, value)
        cells.append(value)
    return tuple(cells)
