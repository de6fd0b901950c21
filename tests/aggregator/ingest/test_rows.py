"""Tables of records become windows and state changes; what is wrong with a row is said by row."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.contract.records import COLUMNS, Record, StateChange, Window, to_dataset
from agent.contract.schema import PayloadMessage
from agent.contract.sparkplug import DataSet, DataType, decode
from agent.contract.states import State
from aggregator.ingest import rows as module
from aggregator.ingest.events import RecordsArrived
from aggregator.ingest.rows import Rows, read_tables
from aggregator.model import window as model
from aggregator.model.machine import MachineKey
from tests.aggregator.ingest.messages import AT_MS, GOOD, arrived_rows, minutes

MILL = MachineKey("aoki", "mc-01")


def arrived(*pairs: tuple[int, Record]) -> RecordsArrived:
    return RecordsArrived("aoki", "epoch-1", to_dataset(pairs))


def test_records_come_out_as_they_were_sent() -> None:
    window = Window("mc-01", 60_000, 40_000, (1, 2, 3, 4, 5, 39_985), 7, 5, 2, 1_000, "注文-1")
    uncounted = Window("mc-02", 60_000, 60_000, (60_000, 0, 0, 0, 0, 0), 0)
    change = StateChange("mc-01", 61_000, State.DOWN, "注文-1")
    rows = read_tables([arrived((8, window), (9, change), (10, uncounted))], AT_MS)
    assert rows.windows == [
        model.Window(MILL, 60_000, 40_000, (1, 2, 3, 4, 5, 39_985), 7, 5, 2, 1_000, "注文-1"),
        model.Window(MachineKey("aoki", "mc-02"), 60_000, 60_000, (60_000, 0, 0, 0, 0, 0), 0),
    ]
    assert rows.changes == [model.StateChange(MILL, 61_000, State.DOWN, "注文-1")]
    assert rows.sequences == {("aoki", "epoch-1"): [8, 9, 10]}
    assert (rows.refused, rows.unnumbered) == ([], 0)


def test_cycles_that_a_factory_does_not_tell_are_kept_as_none_made() -> None:
    untold = Window("mc-01", 60_000, 60_000, (60_000, 0, 0, 0, 0, 0), None)
    told = Window("mc-01", 120_000, 60_000, (60_000, 0, 0, 0, 0, 0), 7, job="J-1")
    rows = read_tables([arrived((1, untold), (2, told))], AT_MS)
    assert [(window.cycles, window.cycles_total) for window in rows.windows] == [(0, None), (7, None)]
    assert rows.refused == []


def test_tables_of_several_outboxes_are_kept_apart() -> None:
    table = to_dataset(minutes(1, 2))
    tables = [RecordsArrived("aoki", "a", table), RecordsArrived("aoki", "b", table)]
    tables.append(RecordsArrived("fujimi", "a", table))
    rows = read_tables(tables, AT_MS)
    assert rows.sequences == {("aoki", "a"): [1, 2], ("aoki", "b"): [1, 2], ("fujimi", "a"): [1, 2]}
    assert [window.key.factory for window in rows.windows] == ["aoki"] * 4 + ["fujimi"] * 2


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"kind": "dream"}, "kind: expected window or state, got 'dream'"),
        ({"kind": 1}, "kind: expected text"),
        ({"machine": ""}, "machine: empty"),
        ({"machine": "m" * 300}, "machine: expected at most 256"),
        ({"machine": "mc\x0001"}, "machine: expected at most 256 characters and no NUL"),
        ({"job": "J\x00"}, "job: expected at most 256 characters and no NUL"),
        ({"start_ms": None}, "start_ms: expected a whole number"),
        ({"start_ms": -1}, "start_ms: expected a whole number"),
        ({"start_ms": 10**15}, "start_ms: expected less than"),
        ({"length_ms": 0, "running_ms": 0}, "length_ms: expected 1 to 3600000"),
        ({"length_ms": 3_600_001}, "length_ms: expected 1 to 3600000"),
        ({"running_ms": 59_999}, "add up to 59999, expected 60000"),
        ({"running_ms": 120_000, "idle_ms": -60_000}, "idle_ms: expected a whole number from 0"),
        ({"cycles": 10**9}, "cycles: expected less than 1000000000"),
        ({"cycles": 1.5}, "cycles: expected a whole number"),
        ({"cycles": True}, "cycles: expected a whole number"),
        ({"good": -2}, "good: expected a whole number"),
        ({"scrap": 10**12}, "scrap: expected less than"),
        ({"cycles_total": 2**63}, "cycles_total: expected less than"),
        ({"kind": "state", "state": "BUSY"}, "state: expected one of RUNNING"),
        ({"kind": "state", "state": "IDLE", "start_ms": 10**15}, "start_ms: expected less than"),
    ],
)
def test_a_wrong_row_is_kept_aside_with_its_reason_and_acknowledged(
    wrong: dict[str, Any], reason: str
) -> None:
    rows = read_tables([arrived_rows(GOOD, {**GOOD, "sequence": 6, **wrong})], AT_MS)
    assert len(rows.windows) == 1
    assert rows.changes == []
    assert rows.sequences == {("aoki", "epoch-1"): [5, 6]}
    (refused,) = rows.refused
    assert (refused.factory, refused.epoch, refused.sequence, refused.received_ms) == (
        "aoki",
        "epoch-1",
        6,
        AT_MS,
    )
    assert reason in refused.reason
    assert json.loads(refused.content)["sequence"] == 6
    assert "\x00" not in refused.content + refused.reason


def test_a_row_whose_text_is_no_text_is_kept_aside_like_any_other() -> None:
    message = PayloadMessage()
    table = message.metrics.add(name="Delivery/Records", datatype=int(DataType.DATASET)).dataset_value
    columns = {"sequence": "long_value", "kind": "string_value", "machine": "string_value"}
    for name, field in columns.items():
        table.columns.append(name)
        table.types.append(int(DataType.STRING if field == "string_value" else DataType.INT64))
    row = table.rows.add()
    for field, value in zip(columns.values(), (7, "window", "mc-??"), strict=True):
        setattr(row.elements.add(), field, value)
    (metric,) = decode(message.SerializeToString().replace(b"mc-??", b"mc-\xff\xfe")).metrics
    assert isinstance(metric.value, DataSet)
    rows = read_tables([RecordsArrived("aoki", "epoch-1", metric.value)], AT_MS)
    (refused,) = rows.refused
    assert (refused.sequence, refused.reason) == (7, r"machine: expected text, got b'mc-\xff\xfe'")
    assert rows.sequences == {("aoki", "epoch-1"): [7]}


@pytest.mark.parametrize("sequence", [None, 0, -3, "one", 2**63, True, 1.0])
def test_a_row_without_a_sequence_can_only_be_counted(sequence: object) -> None:
    rows = read_tables([arrived_rows(GOOD, {**GOOD, "sequence": sequence})], AT_MS)
    assert (len(rows.windows), rows.unnumbered, rows.refused) == (1, 1, [])
    assert rows.sequences == {("aoki", "epoch-1"): [5]}


def test_unknown_columns_are_ignored_and_missing_ones_have_their_default() -> None:
    rows = read_tables([arrived_rows({**GOOD, "mood": "fine"})], AT_MS)
    assert rows.windows == [model.Window(MILL, 60_000, 60_000, (60_000, 0, 0, 0, 0, 0), 0)]


def test_a_table_without_columns_or_rows_is_nothing() -> None:
    empty = RecordsArrived("aoki", "epoch-1", DataSet((), (), []))
    nameless = RecordsArrived("aoki", "epoch-1", DataSet((), (), [(), ()]))
    rows = read_tables([empty, nameless], AT_MS)
    assert (rows.windows, rows.unnumbered) == ([], 2)


CELLS: dict[str, st.SearchStrategy[Any]] = {
    "sequence": st.integers(0, 9),
    "kind": st.sampled_from(["window", "state", "window", "x"]),
    "machine": st.sampled_from(["mc-01", "mc-02", ""]),
    "start_ms": st.sampled_from([0, 60_000, -1, None]),
    "length_ms": st.sampled_from([0, 60_000, 60_000, 3_600_001]),
    "running_ms": st.sampled_from([60_000, 60_000, 30_000]),
    "idle_ms": st.sampled_from([0, 0, 30_000, -1]),
    "cycles": st.sampled_from([0, 4, -1, True, 10**9]),
    "good": st.sampled_from([-1, 0, 3, None, -2]),
    "cycles_total": st.sampled_from([-1, 5]),
    "job": st.sampled_from(["", "J-1", "J\x00", None]),
    "state": st.sampled_from(["", "IDLE", "BUSY"]),
}


@given(
    st.lists(st.fixed_dictionaries({}, optional=CELLS), max_size=4),
    st.permutations([*COLUMNS, "kind", "mood"]),
)
@settings(max_examples=250, deadline=None)
def test_the_fast_way_says_what_the_careful_way_says(rows: list[dict[str, Any]], columns: list[str]) -> None:
    used = [name for name in columns if any(name in row for row in rows)]
    cells = [tuple(row.get(name) for name in used) for row in rows]
    table = RecordsArrived("aoki", "e", DataSet(tuple(used), (DataType.INT64,) * len(used), cells))
    careful = Rows()
    module._add_each(careful, table, AT_MS)  # the reference
    assert read_tables([table], AT_MS) == careful


def test_a_sound_table_goes_the_fast_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_add_each", None)
    change = StateChange("mc-01", 61_000, State.DOWN)
    assert len(read_tables([arrived(*minutes(1, 50), (51, change))], AT_MS).windows) == 50
