"""Factories, machines, progress of outboxes and refused rows, on both databases."""

import pytest
from sqlalchemy import Engine

from aggregator.model.machine import Factory, Machine, MachineKey
from aggregator.store.records import Records, RefusedRecord

MILL = Machine(MachineKey("aoki", "mc-01"), "マシニングセンタ", "cutting", "measured")
PRESS = Machine(MachineKey("fujimi", "pr-01"), "プレス", None, "best-effort")


@pytest.fixture
def records(engine: Engine) -> Records:
    return Records(engine)


def test_factories_and_machines_are_remembered_in_order(records: Records) -> None:
    records.remember([Factory("fujimi", "富士見プレス"), Factory("aoki", "青木精機")], [PRESS, MILL])
    assert records.factories() == [Factory("aoki", "青木精機"), Factory("fujimi", "富士見プレス")]
    assert records.machines() == [MILL, PRESS]


def test_what_is_told_later_replaces(records: Records) -> None:
    records.remember([Factory("aoki", "青木")], [MILL])
    records.remember_factory(Factory("aoki", "青木精機"))
    moved = Machine(MILL.key, "1号機", None, "best-effort", "utilization", "shared-jobs-only")
    records.remember_machine(moved)
    assert records.factories() == [Factory("aoki", "青木精機")]
    assert records.machines() == [moved]


def test_an_outbox_nobody_knows_is_stored_through_nothing(records: Records) -> None:
    assert records.stored_through("aoki", "epoch-1") == 0


def test_the_progress_of_outboxes_is_kept_each_for_itself(records: Records) -> None:
    records.settle({("aoki", "1"): 10, ("aoki", "2"): 2**62, ("fujimi", "1"): 3}, [])
    records.settle({("aoki", "1"): 11}, [])
    assert [
        records.stored_through(*outbox) for outbox in (("aoki", "1"), ("aoki", "2"), ("fujimi", "1"))
    ] == [11, 2**62, 3]


def test_refused_rows_are_kept_newest_first(records: Records) -> None:
    rows = [RefusedRecord("aoki", "e", number, 1_000 + number, "なぜ", '{"a": 1}') for number in (1, 2, 3)]
    records.settle({("aoki", "e"): 3}, rows)
    records.settle({}, rows[:1])
    assert records.refused("aoki") == [rows[2], rows[1], rows[0]]
    assert records.refused("aoki", limit=1) == [rows[2]]
    assert records.refused("fujimi") == []


def test_nothing_to_settle_is_no_error(records: Records) -> None:
    records.settle({}, [])
    records.remember([], [])
    assert records.factories() == []
