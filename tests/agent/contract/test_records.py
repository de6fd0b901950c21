"""Records to a table and back, with columns that come and go between versions."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.contract.records import (
    COLUMNS,
    HOUR_MS,
    Record,
    RecordError,
    StateChange,
    Window,
    from_row,
    sequence_of,
    to_dataset,
    to_rows,
)
from agent.contract.sparkplug import DataSet, DataType, Metric, Payload, Scalar, decode, encode
from agent.contract.states import STATES, State

COUNTS = st.integers(0, 2**40)
OPTIONAL = st.none() | COUNTS
IDS = st.text("abc-_.1", min_size=1, max_size=10)


@st.composite
def windows(draw: st.DrawFn) -> Window:
    length_ms = draw(st.integers(1, HOUR_MS))
    cuts = sorted(draw(st.lists(st.integers(0, length_ms), min_size=5, max_size=5)))
    a, b, c, d, e = cuts
    state_ms = (a, b - a, c - b, d - c, e - d, length_ms - e)
    return Window(
        draw(IDS), draw(COUNTS), length_ms, state_ms, draw(OPTIONAL),
        draw(OPTIONAL), draw(OPTIONAL), draw(OPTIONAL), draw(st.text(max_size=8)),
    )  # fmt: skip


CHANGES = st.builds(StateChange, IDS, COUNTS, st.sampled_from(STATES), st.text(max_size=8))
ROWS = st.lists(st.tuples(st.integers(1, 2**62), windows() | CHANGES), max_size=8)


def over_the_wire(dataset: DataSet) -> DataSet:
    payload = Payload(1, (Metric("Delivery/Records", dataset, DataType.DATASET, 4, 1),), 0)
    value = decode(encode(payload, with_types=False)).metrics[0].value
    assert isinstance(value, DataSet)
    return value


@given(ROWS)
def test_records_come_back_as_they_were(rows: list[tuple[int, Record]]) -> None:
    read = to_rows(over_the_wire(to_dataset(rows)))
    assert [(sequence_of(row), from_row(row)) for row in read] == rows


def test_columns_that_say_nothing_are_not_sent() -> None:
    quiet = Window("m", 60_000, 60_000, (60_000, 0, 0, 0, 0, 0), 5)
    assert to_dataset([(1, quiet)]).columns == (
        "sequence", "kind", "machine", "start_ms", "length_ms", "running_ms", "cycles",
    )  # fmt: skip


def test_a_column_of_a_newer_version_is_ignored() -> None:
    window = Window("m", 60_000, 60_000, (60_000, 0, 0, 0, 0, 0), 5)
    table = to_dataset([(1, window)])
    newer = DataSet(
        ("energy_wh", *table.columns),
        (DataType.DOUBLE, *table.types),
        [(1.5, *row) for row in table.rows],
    )
    assert from_row(to_rows(over_the_wire(newer))[0]) == window


GOOD: dict[str, Scalar | None] = dict(
    zip(COLUMNS, (1, "window", "m", 0, 60_000, 60_000, 0, 0, 0, 0, 0, 5, -1, -1, -1, "", ""), strict=True)
)


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("kind", "hour", "kind: expected window or state"),
        ("machine", "", "machine: empty"),
        ("machine", 5, "machine: expected text"),
        ("start_ms", None, "start_ms: expected a whole number"),
        ("length_ms", 0, "length_ms: expected 1 to"),
        ("length_ms", HOUR_MS + 1, "length_ms: expected 1 to"),
        ("idle_ms", 1, "add up to 60001, expected 60000"),
        ("idle_ms", -1, "idle_ms: expected a whole number"),
        ("cycles", -3, "cycles: expected a whole number"),
        ("good", -2, "good: expected a whole number"),
        ("job", 1.5, "job: expected text"),
    ],
)
def test_a_wrong_row_is_refused_by_column(column: str, value: object, message: str) -> None:
    with pytest.raises(RecordError, match=message):
        from_row(GOOD | {column: value})  # type: ignore[arg-type]


def test_a_state_that_does_not_exist_is_refused() -> None:
    with pytest.raises(RecordError, match="state: expected one of RUNNING, SETUP"):
        from_row(GOOD | {"kind": "state", "state": "BROKEN"})
    assert from_row(GOOD | {"kind": "state", "state": "DOWN"}) == StateChange("m", 0, State.DOWN)


@pytest.mark.parametrize("sequence", [None, 0, -1, "1", True])
def test_a_row_without_a_sequence_is_refused(sequence: object) -> None:
    with pytest.raises(RecordError, match="sequence"):
        sequence_of(GOOD | {"sequence": sequence})  # type: ignore[arg-type]


def test_missing_columns_have_their_default() -> None:
    table = DataSet(
        ("sequence", "kind", "machine", "start_ms", "length_ms", "offline_ms"),
        (DataType.INT64, DataType.STRING, DataType.STRING, *(DataType.INT64,) * 3),
        [(1, "window", "m", 0, 5, 5)],
    )
    expected = Window("m", 0, 5, (0, 0, 0, 0, 0, 5), 0)
    assert from_row(to_rows(table)[0]) == expected
    assert replace(expected, cycles=1) != expected
