"""A batch is stored whole, in the order that makes delivery safe."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from sqlalchemy import Engine

from agent.contract.records import Window, to_dataset
from aggregator.ingest.commit import Batch, Committer
from aggregator.ingest.events import RecordsArrived
from aggregator.model.machine import Factory, Machine, MachineKey
from aggregator.store.embedded import Embedded
from aggregator.store.records import Records, RefusedRecord
from aggregator.store.timeseries import StoreError
from tests.aggregator.ingest.messages import AT_MS, GOOD, arrived_rows, minutes

OUTBOX = ("aoki", "epoch-1")
MILL = MachineKey("aoki", "mc-01")
END_MS = 10**12


class Crash(BaseException):
    """The process is killed here."""


class CrashingRecords(Records):
    """Dies where the progress of outboxes would be noted."""

    def settle(self, through: Mapping[tuple[str, str], int], refused: Sequence[RefusedRecord]) -> None:
        raise Crash


def rows(first: int, count: int, epoch: str = "epoch-1") -> Batch:
    return Batch(tables=[RecordsArrived("aoki", epoch, to_dataset(minutes(first, count)))])


@pytest.fixture
def committer(timeseries: Embedded, records: Records) -> Committer:
    return Committer(timeseries, records)


def test_what_is_committed_is_stored_and_settled(
    committer: Committer, timeseries: Embedded, records: Records
) -> None:
    committed = committer.commit(rows(1, 90), AT_MS)
    assert committed.through == {OUTBOX: 90}
    assert committed.machines == {MILL}
    assert records.stored_through(*OUTBOX) == 90
    assert len(timeseries.windows(MILL, 0, END_MS)) == 90


def test_births_are_remembered(committer: Committer, records: Records) -> None:
    factory, machine = Factory("aoki", "青木精機"), Machine(MILL, "1号機", "cutting", "measured")
    committed = committer.commit(Batch({"aoki": factory}, {MILL: machine}, {OUTBOX: 0}), AT_MS)
    assert records.factories() == [factory]
    assert records.machines() == [machine]
    assert committed.through == {OUTBOX: 0}


def test_a_later_birth_renames(committer: Committer, records: Records) -> None:
    for name in ("青木", "青木精機"):
        committer.commit(Batch({"aoki": Factory("aoki", name)}), AT_MS)
    assert records.factories() == [Factory("aoki", "青木精機")]


def test_duplicates_and_disorder_count_once(committer: Committer, timeseries: Embedded) -> None:
    for first, count in ((41, 20), (1, 30), (20, 30), (1, 60)):
        committed = committer.commit(rows(first, count), AT_MS)
    assert committed.through == {OUTBOX: 60}
    total = timeseries.totals([MILL], 0, END_MS)[MILL]
    assert (sum(total.state_ms), total.cycles) == (60 * 60_000, 240)


def test_nothing_behind_a_gap_is_announced(committer: Committer, timeseries: Embedded) -> None:
    committer.commit(rows(1, 10), AT_MS)
    assert committer.commit(rows(21, 10), AT_MS).through == {OUTBOX: 10}
    assert len(timeseries.windows(MILL, 0, END_MS)) == 20
    assert committer.commit(rows(11, 10), AT_MS).through == {OUTBOX: 30}


def test_a_crash_between_write_and_progress_loses_and_doubles_nothing(
    engine: Engine, timeseries: Embedded, records: Records
) -> None:
    with pytest.raises(Crash):
        Committer(timeseries, CrashingRecords(engine)).commit(rows(1, 60), AT_MS)
    assert records.stored_through(*OUTBOX) == 0
    assert Committer(timeseries, records).commit(rows(1, 90), AT_MS).through == {OUTBOX: 90}
    total = timeseries.totals([MILL], 0, END_MS)[MILL]
    assert (sum(total.state_ms), total.cycles) == (90 * 60_000, 360)


def test_a_restart_goes_on_where_it_was(timeseries: Embedded, records: Records) -> None:
    Committer(timeseries, records).commit(rows(1, 50), AT_MS)
    assert Committer(timeseries, records).commit(rows(51, 10), AT_MS).through == {OUTBOX: 60}


def test_each_outbox_counts_for_itself(committer: Committer) -> None:
    committer.commit(rows(1, 50), AT_MS)
    committed = committer.commit(rows(1, 5, epoch="epoch-2"), AT_MS)
    assert committed.through == {("aoki", "epoch-2"): 5}


def test_refused_rows_are_kept_and_acknowledged(committer: Committer, records: Records) -> None:
    good, bad = {**GOOD, "sequence": 1}, {**GOOD, "sequence": 2, "running_ms": 5}
    committed = committer.commit(Batch(tables=[arrived_rows(good, bad)]), AT_MS)
    assert committed.through == {OUTBOX: 2}
    (refused,) = records.refused("aoki")
    assert (refused.sequence, refused.received_ms) == (2, AT_MS)
    assert "add up to 5" in refused.reason
    assert '"running_ms": 5' in refused.content


def test_a_refused_row_that_comes_again_is_kept_once(committer: Committer, records: Records) -> None:
    bad: dict[str, Any] = {**GOOD, "sequence": 1, "kind": "dream"}
    for _ in range(2):
        committer.commit(Batch(tables=[arrived_rows(bad)]), AT_MS)
    assert len(records.refused("aoki")) == 1


def test_records_that_nobody_has_any_more_are_told_and_passed_over(committer: Committer) -> None:
    """The database was restored from a backup that knew 50; the agent forgot 70 long ago."""
    committer.commit(rows(1, 50), AT_MS)
    committer.commit(Batch(forgotten={OUTBOX: 70}), AT_MS)
    committed = committer.commit(rows(71, 5), AT_MS)
    assert committed.lost == {OUTBOX: 20}
    assert committed.through == {OUTBOX: 75}


def test_a_merged_hour_after_its_minutes_counts_once(committer: Committer, timeseries: Embedded) -> None:
    """The agent's outbox was full: it merged minutes that were stored but never acknowledged."""
    committer.commit(rows(60, 60), AT_MS)
    hour = Window("mc-01", 3_600_000, 3_600_000, (3_600_000, 0, 0, 0, 0, 0), 240)
    merged = Batch(tables=[RecordsArrived("aoki", "epoch-1", to_dataset([(500, hour)]))])
    committer.commit(merged, AT_MS)
    total = timeseries.totals([MILL], 0, END_MS)[MILL]
    assert (sum(total.state_ms), total.cycles) == (3_600_000, 240)


def test_a_batch_that_could_not_be_stored_can_be_stored_later(
    engine: Engine, timeseries: Embedded, records: Records
) -> None:
    class Full(Embedded):
        full = True

        def write(self, *what: Any) -> tuple[()]:
            if self.full:
                raise StoreError("the disk is full")
            return super().write(*what)

    store = Full(engine)
    committer, batch = Committer(store, records), rows(1, 5)
    with pytest.raises(StoreError):
        committer.commit(batch, AT_MS)
    assert records.stored_through(*OUTBOX) == 0
    store.full = False
    assert committer.commit(batch, AT_MS).through == {OUTBOX: 5}


def test_many_outboxes_do_not_fill_the_memory(committer: Committer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aggregator.ingest.commit._LEDGERS_LIMIT", 3)
    for number in range(10):
        committer.commit(rows(1, 2, epoch=f"epoch-{number}"), AT_MS)
    assert len(committer._ledgers) == 3
    assert committer.commit(rows(3, 1, epoch="epoch-0"), AT_MS).through == {("aoki", "epoch-0"): 3}
