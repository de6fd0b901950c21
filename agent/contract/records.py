"""Records: what the agent delivers for good, and their table on the wire.

A record is a window (a machine's totals over one aligned minute or less) or a state change. Many of them
travel as one Sparkplug DataSet, a row each; columns are found by name, unknown ones are ignored and
missing ones have their default, so that both sides can be upgraded separately.

Only Int64 and String columns are used: common Sparkplug libraries cannot read other integers in a DataSet,
nor an empty cell, so "not counted" (or not told) is -1 on the wire and None everywhere else.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from agent.contract.sparkplug import DataSet, DataType, Scalar
from agent.contract.states import STATES, State

HOUR_MS = 3_600_000
MINUTE_MS = 60_000


class RecordError(ValueError):
    """A row is no record; the message says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Window:
    """A machine's totals over `length_ms` from `start_ms` (UTC, milliseconds since the epoch).

    `state_ms` holds the milliseconds in each of the six states in the order of `STATES`; they add up to
    `length_ms`. `cycles` are machine cycles, `good` and `scrap` pieces; `cycles_total` is the agent's running
    count at the window's end. None: not counted, or not told outside the factory. `job` is "" when none was
    running.
    A longer window than a minute is several merged ones, never longer than an hour.
    """

    machine: str
    start_ms: int
    length_ms: int
    state_ms: tuple[int, int, int, int, int, int]
    cycles: int | None
    good: int | None = None
    scrap: int | None = None
    cycles_total: int | None = None
    job: str = ""


@dataclass(frozen=True, slots=True)
class StateChange:
    """The machine went into `state` at `at_ms` (UTC, milliseconds since the epoch), `job` running."""

    machine: str
    at_ms: int
    state: State
    job: str = ""


Record = Window | StateChange

KIND_WINDOW = "window"
KIND_STATE = "state"

_INT, _TEXT = DataType.INT64, DataType.STRING
_STATE_COLUMNS = tuple(f"{state.lower()}_ms" for state in STATES)
_DEFAULTS: dict[str, Scalar | None] = {
    "sequence": None,
    "kind": None,
    "machine": None,
    "start_ms": None,
    "length_ms": 0,
    **dict.fromkeys(_STATE_COLUMNS, 0),
    "cycles": 0,
    "good": -1,
    "scrap": -1,
    "cycles_total": -1,
    "job": "",
    "state": "",
}
COLUMNS: tuple[str, ...] = tuple(_DEFAULTS)
_TEXTS = frozenset({"kind", "machine", "job", "state"})
_TYPES = tuple(_TEXT if name in _TEXTS else _INT for name in COLUMNS)
NO_RECORDS = DataSet(COLUMNS, _TYPES, [])
"""What births carry: the columns without a row, for common libraries fail on a DataSet that is null."""

_NO_STATE_MS = (0, 0, 0, 0, 0, 0)


def to_dataset(rows: Iterable[tuple[int, Record]]) -> DataSet:
    """Return the table of (sequence, record) pairs, without columns that hold nothing but their default."""
    columns = list(zip(*(_to_row(sequence, record) for sequence, record in rows), strict=True))
    said = [
        (name, column_type, column)
        for name, column_type, column in zip(COLUMNS, _TYPES, columns, strict=False)
        if any(cell != _DEFAULTS[name] for cell in column)
    ]
    names, types, cells = zip(*said, strict=True) if said else ((), (), ())
    return DataSet(names, types, list(zip(*cells, strict=True)))


def _to_row(sequence: int, record: Record) -> tuple[Scalar, ...]:
    if isinstance(record, StateChange):
        head = (sequence, KIND_STATE, record.machine, record.at_ms, 0)
        return (*head, *_NO_STATE_MS, 0, -1, -1, -1, record.job, record.state.value)
    return (
        *(sequence, KIND_WINDOW, record.machine, record.start_ms, record.length_ms),
        *record.state_ms,
        -1 if record.cycles is None else record.cycles,
        -1 if record.good is None else record.good,
        -1 if record.scrap is None else record.scrap,
        -1 if record.cycles_total is None else record.cycles_total,
        record.job,
        "",
    )


def to_rows(dataset: DataSet) -> list[dict[str, Scalar | None]]:
    """Return the rows by the names of `COLUMNS`: unknown columns gone, missing ones at their default."""
    places = [(place, name) for place, name in enumerate(dataset.columns) if name in _DEFAULTS]
    rows = []
    for cells in dataset.rows:
        row = _DEFAULTS.copy()
        for place, name in places:
            if cells[place] is not None:
                row[name] = cells[place]
        rows.append(row)
    return rows


def to_columns(dataset: DataSet) -> dict[str, Sequence[Scalar | None]]:
    """Return what `to_rows` returns by column instead of by row, which is faster to check as a whole."""
    count = len(dataset.rows)
    columns: dict[str, Sequence[Scalar | None]] = {
        name: [default] * count for name, default in _DEFAULTS.items()
    }
    if count:
        for name, cells in zip(dataset.columns, zip(*dataset.rows, strict=True), strict=True):
            if name in columns:
                columns[name] = _filled(cells, columns[name]) if None in cells else cells
    return columns


def _filled(cells: Sequence[Scalar | None], others: Sequence[Scalar | None]) -> list[Scalar | None]:
    return [other if cell is None else cell for cell, other in zip(cells, others, strict=True)]


def sequence_of(row: Mapping[str, Scalar | None]) -> int:
    """Return the row's sequence; raises RecordError without one: such a row can never be acknowledged."""
    sequence = row["sequence"]
    if not isinstance(sequence, int) or isinstance(sequence, bool) or sequence < 1:
        raise RecordError(f"sequence: expected a whole number from 1, got {sequence!r}")
    return sequence


def from_row(row: Mapping[str, Scalar | None]) -> Record:
    """Return the record in one row of `to_rows`; raises RecordError naming the column that is wrong."""
    machine, kind, job = (_text(row, name) for name in ("machine", "kind", "job"))
    start_ms = _whole(row, "start_ms")
    if not machine:
        raise RecordError("machine: empty")
    if kind == KIND_STATE:
        try:
            return StateChange(machine, start_ms, State(_text(row, "state")), job)
        except ValueError:
            raise RecordError(f"state: expected one of {', '.join(STATES)}, got {row['state']!r}") from None
    if kind != KIND_WINDOW:
        raise RecordError(f"kind: expected window or state, got {kind!r}")
    running, setup, idle, down, planned_stop, offline = (_whole(row, name) for name in _STATE_COLUMNS)
    state_ms = (running, setup, idle, down, planned_stop, offline)
    length_ms = _whole(row, "length_ms")
    if not 0 < length_ms <= HOUR_MS:
        raise RecordError(f"length_ms: expected 1 to {HOUR_MS}, got {length_ms}")
    if sum(state_ms) != length_ms:
        raise RecordError(f"milliseconds of the six states add up to {sum(state_ms)}, expected {length_ms}")
    return Window(
        machine, start_ms, length_ms, state_ms, _counted(row, "cycles"),
        _counted(row, "good"), _counted(row, "scrap"), _counted(row, "cycles_total"), job,
    )  # fmt: skip


def _text(row: Mapping[str, Scalar | None], name: str) -> str:
    value = row[name]
    if not isinstance(value, str):
        raise RecordError(f"{name}: expected text, got {value!r}")
    return value


def _whole(row: Mapping[str, Scalar | None], name: str) -> int:
    value = row[name]
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise RecordError(f"{name}: expected a whole number from 0, got {value!r}")
    return value


def _counted(row: Mapping[str, Scalar | None], name: str) -> int | None:
    return None if row[name] == -1 else _whole(row, name)
