"""Commits one batch: what arrived in, rows in the store and how far each outbox is stored out.

The order is what makes delivery safe: first the rows are durable, then the outbox's progress is, and only
then does the caller announce it. A crash anywhere between leaves rows that will be sent and written again,
which changes nothing. What is measured here of foreign machines nobody would send again: its memory is
durable before its rows are, and holds them.

Records get the job that they count for when they are written. If that changes while they are, they are
written again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from aggregator.ingest.events import RecordsArrived
from aggregator.ingest.growth import Growth
from aggregator.ingest.ledger import Ledger
from aggregator.ingest.rows import Outbox, read_tables, refused_of
from aggregator.model.machine import Factory, Machine, MachineKey
from aggregator.model.memory import Memory
from aggregator.model.window import StateChange, Window
from aggregator.store.memories import Memories
from aggregator.store.records import Records, RefusedRecord
from aggregator.store.timeseries import RefusedWrite, TimeSeries

_LEDGERS_LIMIT = 10_000


class Tags(Protocol):
    """Which job records count for."""

    def tag(
        self, windows: Sequence[Window], changes: Sequence[StateChange]
    ) -> tuple[Sequence[Window], Sequence[StateChange]]:
        """Return the records with the jobs that they count for; raises StoreError."""

    def still_holds(self) -> bool:
        """Tell whether that is still so; raises StoreError."""


class OwnTags:
    """Records count for the jobs that their agents say."""

    def tag(
        self, windows: Sequence[Window], changes: Sequence[StateChange]
    ) -> tuple[Sequence[Window], Sequence[StateChange]]:
        """Return them as they are."""
        return windows, changes

    def still_holds(self) -> bool:
        """Nothing changes that."""
        return True


@dataclass(slots=True)
class Batch:
    """What arrived since the last one. `forgotten` says what each outbox no longer has (0: nothing)."""

    factories: dict[str, Factory] = field(default_factory=dict)
    machines: dict[MachineKey, Machine] = field(default_factory=dict)
    forgotten: dict[Outbox, int] = field(default_factory=dict)
    tables: list[RecordsArrived] = field(default_factory=list)
    memories: dict[MachineKey, Memory] = field(default_factory=dict)
    rows: int = 0


@dataclass(frozen=True, slots=True)
class Committed:
    """What became of a batch. `through`: how far each of its outboxes is stored; `lost`: rows nobody has.

    `unnumbered` rows had no sequence: they could be neither kept nor acknowledged.
    """

    machines: frozenset[MachineKey]
    through: Mapping[Outbox, int]
    refused: tuple[RefusedRecord, ...]
    lost: Mapping[Outbox, int]
    unnumbered: int


class Committer:
    """Blocks; used from one thread at a time."""

    def __init__(self, timeseries: TimeSeries, records: Records, tags: Tags | None = None) -> None:
        self._timeseries = timeseries
        self._records = records
        self._memories = Memories(records.engine)
        self._tags = tags or OwnTags()
        self._ledgers: dict[Outbox, Ledger] = {}
        self._growth = Growth(timeseries)

    def commit(self, batch: Batch, now_ms: int) -> Committed:
        """Store all of the batch or raise StoreError; then the same batch can be committed again."""
        if batch.factories or batch.machines:
            self._records.remember(list(batch.factories.values()), list(batch.machines.values()))
        for outbox, through in batch.forgotten.items():
            self._ledger(outbox).forget(through)
        memories = list(batch.memories.values())
        if memories:
            self._memories.save(memories)
        rows = read_tables(batch.tables, now_ms)
        for table in batch.tables:
            self._growth.note(table.factory, table.epoch)
        rows.windows = self._growth.settled(rows.windows)
        for memory in memories:
            rows.windows += memory.windows
            rows.changes += memory.changes
        rows.refused += refused_of(batch.tables, self._write(rows.windows, rows.changes), now_ms)
        lost = {outbox: self._ledger(outbox).add(numbers) for outbox, numbers in rows.sequences.items()}
        settled = {outbox: self._ledger(outbox).through for outbox in rows.sequences}
        self._records.settle(settled, rows.refused)
        born = {outbox: self._ledger(outbox).through for outbox in batch.forgotten}
        return Committed(
            frozenset({window.key for window in rows.windows} | {change.key for change in rows.changes}),
            born | settled,
            tuple(rows.refused),
            {outbox: count for outbox, count in lost.items() if count},
            rows.unnumbered,
        )

    def _write(self, windows: Sequence[Window], changes: Sequence[StateChange]) -> Sequence[RefusedWrite]:
        if not windows and not changes:
            return ()
        while True:
            refused = self._timeseries.write(*self._tags.tag(windows, changes))
            if self._tags.still_holds():
                return refused

    def _ledger(self, outbox: Outbox) -> Ledger:
        ledger = self._ledgers.get(outbox)
        if ledger is None:
            ledger = Ledger(self._records.stored_through(*outbox))
            while len(self._ledgers) >= _LEDGERS_LIMIT:
                del self._ledgers[next(iter(self._ledgers))]
            self._ledgers[outbox] = ledger
        return ledger
