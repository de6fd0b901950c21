"""The codec against an independent one (npm sparkplug-payload), in both directions, and against bad bytes."""

import base64
import json
import math
import struct
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.contract.records import COLUMNS, NO_RECORDS
from agent.contract.sparkplug import (
    DataSet,
    DataType,
    Metric,
    Payload,
    PayloadError,
    Scalar,
    decode,
    encode,
    typed,
)

PEERS = Path(__file__).parents[2] / "peers"
NAMES = {
    DataType.INT8: "Int8", DataType.INT16: "Int16", DataType.INT32: "Int32", DataType.INT64: "Int64",
    DataType.UINT8: "UInt8", DataType.UINT16: "UInt16", DataType.UINT32: "UInt32", DataType.UINT64: "UInt64",
    DataType.FLOAT: "Float", DataType.DOUBLE: "Double", DataType.BOOLEAN: "Boolean",
    DataType.STRING: "String", DataType.DATETIME: "DateTime", DataType.TEXT: "Text", DataType.UUID: "UUID",
    DataType.DATASET: "DataSet", DataType.BYTES: "Bytes", DataType.FILE: "File",
}  # fmt: skip
WHOLE = {
    DataType.INT8: (-(2**7), 2**7 - 1), DataType.INT16: (-(2**15), 2**15 - 1),
    DataType.INT32: (-(2**31), 2**31 - 1), DataType.INT64: (-(2**63), 2**63 - 1),
    DataType.UINT8: (0, 2**8 - 1), DataType.UINT16: (0, 2**16 - 1), DataType.UINT32: (0, 2**32 - 1),
    DataType.UINT64: (0, 2**64 - 1), DataType.DATETIME: (0, 2**64 - 1),
}  # fmt: skip
# The peer reads only these in the cells of a DataSet; ours are Int64 and String.
CELL_TYPES = [DataType.INT64, DataType.UINT32, DataType.DOUBLE, DataType.BOOLEAN, DataType.STRING]

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
LONGS = st.integers(0, 2**64 - 1)


def scalars(datatype: DataType) -> st.SearchStrategy[Scalar]:
    if datatype in WHOLE:
        return st.integers(*WHOLE[datatype])
    if datatype is DataType.FLOAT:
        return st.floats(width=32, allow_nan=False, allow_infinity=False)
    if datatype is DataType.DOUBLE:
        return st.floats(allow_nan=False, allow_infinity=False)
    if datatype is DataType.BOOLEAN:
        return st.booleans()
    if datatype in (DataType.BYTES, DataType.FILE):
        return st.binary(max_size=40)
    return TEXT


@st.composite
def datasets(draw: st.DrawFn) -> DataSet:
    types = tuple(draw(st.lists(st.sampled_from(CELL_TYPES), min_size=1, max_size=5)))
    columns = tuple(draw(st.lists(TEXT, min_size=len(types), max_size=len(types))))
    rows = draw(st.lists(st.tuples(*(scalars(cell_type) for cell_type in types)), max_size=5))
    return DataSet(columns, types, rows)


@st.composite
def metrics(draw: st.DrawFn) -> Metric:
    datatype = draw(st.sampled_from(list(DataType)))
    # The peer fails on a null DataSet, which is why our births carry an empty one.
    value = draw(datasets() if datatype is DataType.DATASET else st.none() | scalars(datatype))
    return Metric(draw(TEXT), value, datatype, draw(st.none() | LONGS), draw(LONGS), draw(st.booleans()))


PAYLOADS = st.builds(Payload, LONGS, st.lists(metrics(), max_size=6).map(tuple), st.integers(0, 255))


class Peer:
    """The node process; one request, one answer."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        # Whole numbers are text here, so a bare number is a double, whatever digits JavaScript writes.
        answer: dict[str, Any] = json.loads(self.process.stdout.readline(), parse_int=float)
        return answer


@pytest.fixture(scope="module")
def peer() -> Iterator[Peer]:
    with subprocess.Popen(
        ["node", "sparkplug_codec.js"], cwd=PEERS, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield Peer(process)
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(10) == 0


def to_text(datatype: DataType, value: Scalar | DataSet | None) -> Any:
    if value is None:
        return None
    if isinstance(value, DataSet):
        return {
            "columns": list(value.columns),
            "types": [NAMES[cell_type] for cell_type in value.types],
            "rows": [
                [to_text(t, cell) for t, cell in zip(value.types, row, strict=True)] for row in value.rows
            ],
        }
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return str(value) if datatype in WHOLE else value


def as_json(payload: Payload) -> dict[str, Any]:
    return {
        "timestamp": str(payload.timestamp_ms),
        "seq": str(payload.seq),
        "metrics": [
            {
                "name": metric.name,
                "type": NAMES[metric.datatype],  # type: ignore[index]
                "alias": None if metric.alias is None else str(metric.alias),
                "timestamp": str(metric.timestamp_ms),
                "isHistorical": metric.is_historical,
                "value": to_text(metric.datatype, metric.value),  # type: ignore[arg-type]
            }
            for metric in payload.metrics
        ],
    }


@settings(max_examples=300, deadline=None)
@given(payload=PAYLOADS)
def test_an_independent_codec_reads_what_we_write(peer: Peer, payload: Payload) -> None:
    answer = peer.ask({"decode": base64.b64encode(encode(payload)).decode()})
    assert answer == {"payload": as_json(payload)}


@settings(max_examples=300, deadline=None)
@given(payload=PAYLOADS)
def test_we_read_what_an_independent_codec_writes(peer: Peer, payload: Payload) -> None:
    answer = peer.ask({"encode": as_json(payload)})
    assert decode(base64.b64decode(answer["bytes"])) == payload


@pytest.mark.parametrize(
    ("properties", "known"),
    [
        ({"Quality": {"type": "Int32", "value": 192}}, True),
        ({"Quality": {"type": "Int32", "value": 0}}, False),
        ({"Unit": {"type": "String", "value": "rpm"}, "Quality": {"type": "Int32", "value": 500}}, False),
        ({"Unit": {"type": "String", "value": "rpm"}, "Limit": {"type": "Int32", "value": 0}}, True),
        ({"Quality": {"type": "Int32", "value": None}}, True),
    ],
)
def test_a_value_of_bad_or_stale_quality_is_unknown(
    peer: Peer, properties: dict[str, Any], known: bool
) -> None:
    metric = Metric("Spindle/RPM", 900, DataType.UINT32, None, 1)
    request = as_json(Payload(1, (metric,), 0))
    request["metrics"][0]["properties"] = properties
    (read,) = decode(base64.b64decode(peer.ask({"encode": request})["bytes"])).metrics
    assert read == (metric if known else replace(metric, value=None))


@settings(max_examples=200, deadline=None)
@given(payload=PAYLOADS)
def test_what_is_written_is_read_back(payload: Payload) -> None:
    assert decode(encode(payload)) == payload


@given(metric=metrics())
def test_data_by_alias_gets_its_sign_from_the_births_type(metric: Metric) -> None:
    data = encode(Payload(1, (Metric(None, metric.value, metric.datatype, 7, 1),)), with_types=False)
    (read,) = decode(data).metrics
    assert (read.name, read.datatype, read.alias) == (None, None, 7)
    assert metric.datatype is not None
    assert typed(read.value, metric.datatype) == metric.value


@given(st.binary(max_size=200))
def test_random_bytes_are_a_payload_or_one_clear_error(data: bytes) -> None:
    try:
        assert isinstance(decode(data), Payload)
    except PayloadError as error:
        assert "\n" not in str(error)


@pytest.mark.parametrize(
    ("metric", "message"),
    [
        (Metric("Cycles Total", -1, DataType.UINT64), "Cycles Total.*UINT64 holds 0 to"),
        (Metric("Cycles Total", 1.5, DataType.UINT64), "Cycles Total.*cannot hold 1.5"),
        (Metric("Cycles Total", True, DataType.INT8), "Cycles Total.*cannot hold True"),
        (Metric("Rebirth", 1 << 63, DataType.BOOLEAN), "Rebirth.*BOOLEAN cannot hold 9223372036854775808"),
        (Metric("Rebirth", 1, DataType.BOOLEAN), "Rebirth.*BOOLEAN cannot hold 1"),
        (Metric("Utilization", 10**400, DataType.DOUBLE), "Utilization.*too large"),
        (Metric("State", 5, DataType.STRING), "State"),
        (Metric("State", "x"), "State.*data type"),
        (
            Metric("Records", DataSet(("a",), (DataType.INT64,), [(1, 2)]), DataType.DATASET),
            "Records.*row 0.*2 cells for 1 columns",
        ),
    ],
)
def test_a_value_that_does_not_fit_is_refused_by_name(metric: Metric, message: str) -> None:
    with pytest.raises(PayloadError, match=message):
        encode(Payload(1, (metric,)))


def test_a_metric_of_a_type_we_do_not_carry_is_null_and_harms_no_other() -> None:
    template = b"\x0a\x01t\x20\x13" + b"\x92\x01\x00"  # name "t", datatype 19, field 18 (template_value)
    good = b"\x0a\x01g\x20\x03\x50\x05"  # name "g", datatype Int32, int_value 5
    data = b"".join(b"\x12" + bytes([len(metric)]) + metric for metric in (template, good))
    first, second = decode(data).metrics
    assert (first.name, first.value, first.datatype) == ("t", None, None)
    assert (second.name, second.value) == ("g", 5)


def test_a_dataset_that_lies_about_its_shape_is_refused() -> None:
    whole = encode(
        Payload(1, (Metric("r", DataSet(("a", "b"), (DataType.INT64,) * 2, [(1, 2)]), DataType.DATASET),))
    )
    assert b"\x12\x01b" in whole
    with pytest.raises(PayloadError, match="1 columns but 2 types"):
        decode(whole.replace(b"\x12\x01b", b"\x2a\x01b"))  # the second column's name becomes an unknown field


def test_the_empty_table_of_a_birth_is_read_by_an_independent_codec(peer: Peer) -> None:
    payload = Payload(1, (Metric("Delivery/Records", NO_RECORDS, DataType.DATASET, 4, 1),), 0)
    (metric,) = peer.ask({"decode": base64.b64encode(encode(payload)).decode()})["payload"]["metrics"]
    assert metric["value"]["columns"] == list(COLUMNS)
    assert metric["value"]["rows"] == []


def test_not_a_number_survives() -> None:
    (metric,) = decode(encode(Payload(1, (Metric("x", math.nan, DataType.DOUBLE),)))).metrics
    assert isinstance(metric.value, float) and math.isnan(metric.value)
    assert struct.pack("<d", metric.value)
