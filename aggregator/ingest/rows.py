"""Tables of records in; windows, state changes, and what is wrong with the other rows out. Pure."""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from agent.contract.records import (
    COLUMNS,
    HOUR_MS,
    KIND_STATE,
    KIND_WINDOW,
    RecordError,
    StateChange,
    from_row,
    sequence_of,
    to_columns,
    to_rows,
)
from agent.contract.sparkplug import Scalar
from agent.contract.states import STATES, State
from aggregator.ingest.events import RecordsArrived
from aggregator.model import window as model
from aggregator.model.machine import MachineKey
from aggregator.store.records import RefusedRecord
from aggregator.store.timeseries import RefusedWrite

Outbox = tuple[str, str]
"""(factory, epoch)"""

_TEXT_LIMIT = 256
_CONTENT_LIMIT = 4_000
_STATES = {state.value: state for state in State}
_STATE_COLUMNS = tuple(f"{state.lower()}_ms" for state in STATES)
_COUNTED = ("good", "scrap", "cycles_total")  # -1 says: not counted, or not told
_OTHERS = ("kind", "machine", "start_ms", "length_ms", "cycles", *_COUNTED, "job", "state")
_LIMITS = {
    "sequence": 2**63,
    "start_ms": 253_402_300_800_000,  # year 10000
    "cycles": 1_000_000_000,  # in one window: an hour's sums must stay far from what a database can hold
    "good": 1_000_000_000_000,
    "scrap": 1_000_000_000_000,
    "cycles_total": 2**63,
}


@dataclass(slots=True)
class Rows:
    """What arrived: `sequences` holds every row that can be acknowledged, refused ones included.

    `unnumbered` counts rows without a sequence: they can be neither kept nor acknowledged.
    """

    windows: list[model.Window] = field(default_factory=list)
    changes: list[model.StateChange] = field(default_factory=list)
    refused: list[RefusedRecord] = field(default_factory=list)
    sequences: dict[Outbox, list[int]] = field(default_factory=lambda: defaultdict(list))
    unnumbered: int = 0


def read_tables(tables: Iterable[RecordsArrived], now_ms: int) -> Rows:
    """Return the records in `tables`, in their order; `now_ms` is noted with refused rows."""
    rows = Rows()
    for table in tables:
        if not _add_sound(rows, table):
            _add_each(rows, table, now_ms)
    return rows


def refused_of(
    tables: Iterable[RecordsArrived], refused: Iterable[RefusedWrite], now_ms: int
) -> list[RefusedRecord]:
    """Return the rows that records came in which the store refuses."""
    reasons: dict[object, str] = {_name(each.record): each.reason for each in refused}
    found: dict[tuple[str, str, int], RefusedRecord] = {}
    for table in tables if reasons else ():
        for row in to_rows(table.table):
            rows = Rows()
            try:
                place = (table.factory, table.epoch, _sequence(row))
                _add(rows, table.factory, row)
            except RecordError:
                continue
            names = [*map(_name, rows.windows), *map(_name, rows.changes)]
            for name in reasons.keys() & set(names):
                found[place] = RefusedRecord(*place, now_ms, reasons[name], _content(row))
    return list(found.values())


def _name(record: model.Window | model.StateChange) -> tuple[MachineKey, str, int]:
    """Return what tells a record apart: a window that was tagged anew is the same one."""
    if isinstance(record, model.Window):
        return record.key, KIND_WINDOW, record.start_ms
    return record.key, KIND_STATE, record.at_ms


def _content(row: Mapping[str, Scalar | None]) -> str:
    # Text that is not UTF-8 is read as bytes.
    return json.dumps(row, ensure_ascii=False, default=repr)[:_CONTENT_LIMIT]


def _add_sound(rows: Rows, table: RecordsArrived) -> bool:
    """Add a table in which nothing is wrong, and tell whether it was one.

    It says what `_add_each` says, several times faster: whole columns are checked at once.
    """
    columns = to_columns(table.table)
    if not all(sound(columns[name]) for name, sound in _SOUND.items()):
        return False
    columns |= {name: _counted(columns[name]) for name in _COUNTED}
    if -1 in columns["cycles"]:
        columns["cycles"] = [_stored_cycles(cell) for cell in _counted(columns["cycles"])]
    spent = zip(*(columns[name] for name in _STATE_COLUMNS), strict=True)
    cells: Any = zip(spent, *(columns[name] for name in _OTHERS), strict=True)
    keys = {machine: MachineKey(table.factory, str(machine)) for machine in set(columns["machine"])}
    windows, changes = [], []
    for state_ms, kind, machine, start, length, cycles, good, scrap, total, job, state in cells:
        key = keys[machine]
        if kind == KIND_WINDOW:
            if not 0 < length <= HOUR_MS or sum(state_ms) != length:
                return False
            windows.append(model.Window(key, start, length, state_ms, cycles, good, scrap, total, job))
        elif state in _STATES:
            changes.append(model.StateChange(key, start, _STATES[state], job))
        else:
            return False
    rows.windows += windows
    rows.changes += changes
    rows.sequences[table.factory, table.epoch] += columns["sequence"]  # type: ignore[arg-type]
    return True


def _add_each(rows: Rows, table: RecordsArrived, now_ms: int) -> None:
    sequences = rows.sequences[table.factory, table.epoch]
    for row in to_rows(table.table):
        try:
            sequence = _sequence(row)
        except RecordError:
            rows.unnumbered += 1
            continue
        sequences.append(sequence)
        try:
            _add(rows, table.factory, row)
        except RecordError as error:
            rows.refused.append(
                RefusedRecord(table.factory, table.epoch, sequence, now_ms, str(error), _content(row))
            )


def _sequence(row: Mapping[str, Scalar | None]) -> int:
    sequence = sequence_of(row)
    _check_number("sequence", sequence)
    return sequence


def _add(rows: Rows, factory: str, row: Mapping[str, Scalar | None]) -> None:
    record = from_row(row)
    _check_text("machine", record.machine)
    _check_text("job", record.job)
    key = MachineKey(factory, record.machine)
    if isinstance(record, StateChange):
        _check_number("start_ms", record.at_ms)
        rows.changes.append(model.StateChange(key, record.at_ms, record.state, record.job))
        return
    for name in ("start_ms", "cycles", "good", "scrap", "cycles_total"):
        _check_number(name, getattr(record, name))
    cycles = _stored_cycles(record.cycles)
    counts = (cycles, record.good, record.scrap, record.cycles_total, record.job)
    rows.windows.append(model.Window(key, record.start_ms, record.length_ms, record.state_ms, *counts))


def _check_number(name: str, value: int | None) -> None:
    if value is not None and value >= _LIMITS[name]:
        raise RecordError(f"{name}: expected less than {_LIMITS[name]}, got {value}")


def _check_text(name: str, value: str) -> None:
    if not _sound_text(value):
        raise RecordError(f"{name}: expected at most {_TEXT_LIMIT} characters and no NUL, got {value[:60]!r}")


def _stored_cycles(cycles: int | None) -> int:
    """Return what the store keeps, which cannot say "not told": that is the machine's `Properties/Cycles`."""
    return 0 if cycles is None else cycles


def _counted(cells: Sequence[Any]) -> Sequence[Any]:
    return [None if cell == -1 else cell for cell in cells] if -1 in cells else cells


def _sound_text(value: str) -> bool:
    return len(value) <= _TEXT_LIMIT and "\x00" not in value


def _numbers(name: str, lowest: int) -> Callable[[Sequence[Any]], bool]:
    limit = _LIMITS.get(name, HOUR_MS + 1)
    return lambda cells: set(map(type, cells)) == {int} and lowest <= min(cells) and max(cells) < limit


def _texts(is_sound: Callable[[str], bool]) -> Callable[[Sequence[Any]], bool]:
    return lambda cells: set(map(type, cells)) == {str} and all(map(is_sound, set(cells)))


# What must hold of every cell of a column.
_SOUND: dict[str, Callable[[Sequence[Any]], bool]] = {
    **{name: _numbers(name, 0) for name in COLUMNS},
    **{name: _numbers(name, -1) for name in (*_COUNTED, "cycles")},
    "sequence": _numbers("sequence", 1),
    "kind": _texts(lambda kind: kind in (KIND_WINDOW, KIND_STATE)),
    "machine": _texts(lambda machine: machine != "" and _sound_text(machine)),
    "job": _texts(_sound_text),
    "state": _texts(_sound_text),
}
