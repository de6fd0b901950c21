"""Payloads as Sparkplug wants them: everything in births, aliases only in data, nothing too long."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent import births
from agent.contract import names
from agent.contract.records import (
    HOUR_MS,
    MINUTE_MS,
    Record,
    StateChange,
    Window,
    from_row,
    sequence_of,
    to_rows,
)
from agent.contract.sparkplug import DataSet, DataType, Scalar, decode, typed
from agent.contract.states import State
from agent.measuring.machine import Live
from agent.sharing import Sharing
from tests.agent.records import NOON_MS, window

LIVE = Live(State.RUNNING, NOON_MS, 1_234, 0.5, "job-1")
VALUES: dict[str, Scalar | None] = {
    names.EPOCH: "epoch",
    names.STORED_EPOCH: "epoch",
    names.STORED_THROUGH: 7,
    names.FORGOTTEN_THROUGH: 7,
    names.NAME: "青木精機",
    names.VERSION: "1",
    names.TIME_SYNCHRONISED: None,
    names.OUTBOX_RECORDS: 3,
    names.MEMORY_BYTES: 30_000_000,
    names.UPTIME_S: 60,
    names.RECONNECTS: 0,
}


def test_a_nodes_birth_names_types_and_times_everything_that_is_ever_sent() -> None:
    payload = decode(births.birth(births.node_birth(5, VALUES, NOON_MS), NOON_MS, 0))
    metrics = {metric.name: metric for metric in payload.metrics}
    assert (payload.seq, payload.timestamp_ms) == (0, NOON_MS)
    assert (metrics[names.BD_SEQ].value, metrics[names.BD_SEQ].datatype) == (5, DataType.INT64)
    assert (metrics[names.REBIRTH].value, metrics[names.REBIRTH].alias) == (False, None)
    assert metrics.keys() == {names.BD_SEQ, names.REBIRTH, *births.NODE_TYPES}
    assert all(metric.timestamp_ms == NOON_MS and metric.datatype for metric in payload.metrics)
    assert {name: metrics[name].value for name in VALUES} == VALUES
    records = metrics[names.RECORDS].value
    assert isinstance(records, DataSet)
    assert (list(records.rows), "sequence" in records.columns) == ([], True)


def test_a_machines_birth_tells_who_it_is_and_what_it_does() -> None:
    metrics = births.machine_birth(0, "旋盤", "cutting", LIVE, NOON_MS, sharing=Sharing("utilization"))
    payload = decode(births.birth(metrics, NOON_MS, 1))
    assert {metric.name: metric.value for metric in payload.metrics} == {
        "State": "RUNNING",
        "State Since": NOON_MS,
        "Cycles Total": 1_234,
        "Utilization": 0.5,
        "Job": "job-1",
        "Properties/Name": "旋盤",
        "Properties/Process": "cutting",
        "Properties/Trust": "measured",
        "Properties/Share": "utilization",
        "Properties/Cycles": "shared-jobs-only",
    }


def test_aliases_are_unique_over_the_factory_and_all_its_machines() -> None:
    aliases = [*births.NODE_ALIASES.values()]
    for place in range(200):
        aliases += births.machine_aliases(place).values()
    assert len(aliases) == len(set(aliases))


def test_live_data_carry_what_changed_by_alias_without_names_and_types() -> None:
    now = replace(LIVE, state=State.DOWN, state_since_ms=NOON_MS + 5, cycles_total=None)
    metrics = births.machine_data(3, LIVE, now, NOON_MS + 5)
    payload = decode(births.data(metrics, NOON_MS + 5, 9))
    by_alias = {alias: name for name, alias in births.machine_aliases(3).items()}
    assert payload.seq == 9
    assert all(metric.name is None and metric.datatype is None for metric in payload.metrics)
    assert all(metric.timestamp_ms == NOON_MS + 5 for metric in payload.metrics)
    assert {by_alias[metric.alias or 0]: metric.value for metric in payload.metrics} == {
        "State": "DOWN",
        "State Since": NOON_MS + 5,
        "Cycles Total": None,
    }


def test_a_nodes_death_carries_its_number_and_nothing_else() -> None:
    payload = decode(births.node_death(200, NOON_MS))
    assert (payload.seq, [metric.name for metric in payload.metrics]) == (None, ["bdSeq"])
    assert payload.metrics[0].value == 200


@pytest.mark.parametrize("historical", [True, False])
def test_records_come_out_as_they_went_in(historical: bool) -> None:
    rows = [(number, window(number, job="受注-7")) for number in range(1, 101)]
    metrics = births.records_data("epoch", rows, NOON_MS, historical=historical)
    payload = decode(births.data(metrics, NOON_MS, 1))
    epoch, records = payload.metrics
    assert (epoch.alias, epoch.value) == (births.NODE_ALIASES[names.EPOCH], "epoch")
    assert (records.alias, records.is_historical) == (births.NODE_ALIASES[names.RECORDS], historical)
    assert isinstance(records.value, DataSet)
    found = [(sequence_of(row), from_row(row)) for row in to_rows(records.value)]
    assert found == rows


JOBS = st.sampled_from(["", "A", "受注-2026-11-" * 6, "x" * 200, "町" * 200])


@given(st.lists(JOBS, min_size=1, max_size=100))
def test_no_message_is_longer_than_16_kb_and_none_is_empty(jobs: list[str]) -> None:
    rows: list[tuple[int, Record]] = [
        (2**62 + place, long_window(place, job)) for place, job in enumerate(jobs)
    ]
    left = rows
    while left:
        sent = births.fitting("e" * 36, left, NOON_MS, historical=True)
        assert sent == left[: len(sent)]
        metrics = births.records_data("e" * 36, sent, NOON_MS, historical=True)
        assert len(births.data(metrics, NOON_MS, 255)) <= births.MAX_BYTES
        left = left[len(sent) :]


def long_window(place: int, job: str) -> Window:
    big = 2**53
    state_ms = (10_000, 10_000, 10_000, 10_000, 10_000, 10_000)
    return Window("m" * 64, NOON_MS + place, MINUTE_MS, state_ms, big, big, big, big, job)


def test_a_hundred_plain_windows_are_one_message() -> None:
    rows: list[tuple[int, Record]] = [(number, window(number)) for number in range(1_000_000, 1_000_100)]
    assert births.fitting("e" * 36, rows, NOON_MS, historical=False) == rows


COUNTS = st.integers(0, 2**63 - 1)
TEXTS = st.sampled_from(["", "a", "町", "x" * 127, "x" * 128, "町" * 200])
STATE_MS = st.tuples(*[st.integers(0, HOUR_MS // 6)] * 6)
WINDOWS = st.builds(
    lambda machine, start, state_ms, counts, job: Window(
        machine, start, sum(state_ms), state_ms, counts[0], counts[1], counts[2], counts[3], job
    ),
    *(TEXTS, COUNTS, STATE_MS, st.tuples(COUNTS, *[st.none() | COUNTS] * 3), TEXTS),
)
CHANGES = st.builds(StateChange, TEXTS, COUNTS, st.sampled_from(State), TEXTS)


@given(st.lists(st.tuples(COUNTS, WINDOWS | CHANGES), min_size=1, max_size=20))
def test_no_row_takes_more_bytes_than_it_is_said_to(rows: list[tuple[int, Record]]) -> None:
    bound = births.HEAD_BYTES + sum(births.most_bytes(*row) for row in rows)
    metrics = births.records_data("e" * 36, rows, 2**63 - 1, historical=True)
    assert len(births.data(metrics, 2**63 - 1, 255)) <= bound


def test_a_value_without_its_type_is_read_with_the_births() -> None:
    (metric,) = births.node_data({names.OUTBOX_RECORDS: -1}, NOON_MS)
    (found,) = decode(births.data((metric,), NOON_MS, 0)).metrics
    assert typed(found.value, births.NODE_TYPES[names.OUTBOX_RECORDS]) == -1
