"""A recorded log: the rows of a CSV file enter, batches of readings in order of time leave.

Hazards of real logs, and what is made of them:

- A row older than one before it (daily files open with a snapshot of values and the time each changed last)
  is stale: it is dropped, neither moving time back nor bringing an old state back.
- Between two files of which the second does not begin where the first ends, nothing was recorded: every
  signal is unknown from the last row before on, until a later row tells its value. So it is at the end.
- A row whose time cannot be read, or that lacks a column, is dropped and counted.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from agent.drivers.replay.settings import Settings
from agent.errors import ConfigError
from agent.measuring.reading import GOOD, Batch, Reading

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


class Row(NamedTuple):
    """One value of the log; `file` is "" where the log does not tell it."""

    at_ms: int
    key: str
    value: str
    file: str


class Log:
    """Makes batches of a log's rows; `rows`, `stale`, `bad` and `first_bad` tell what became of them."""

    def __init__(self, settings: Settings, header: Sequence[str]) -> None:
        self.rows = self.stale = self.bad = 0
        self.first_bad = ""
        self._places = _places(settings, header)
        self._signals: dict[str, list[str]] = {}
        for signal, key in settings.signals.items():
            self._signals.setdefault(key, []).append(signal)
        self._unknown = frozenset((*settings.unknown, ""))
        self._newest_ms: int | None = None
        self._stale_before_ms: int | None = None
        self._batch: list[Reading] = []
        self._knows = False

    def batches(self, rows: Iterable[Sequence[str]]) -> Iterator[Batch]:
        """Yield a batch for each millisecond that tells of a signal, in strictly increasing time."""
        file = ""
        for cells in rows:
            row = self._parse(cells)
            if row is None:
                continue
            if row.file != file:
                if not follows(file, row.file):
                    self._forget("no log")
                file = row.file
            if self._stale_before_ms is not None and row.at_ms < self._stale_before_ms:
                self.stale += 1
                continue
            if row.at_ms != self._newest_ms and self._batch:
                yield self._flush()
            self._hear(row)
        self._forget("end of the log")
        if self._batch:
            yield self._flush()

    def _parse(self, cells: Sequence[str]) -> Row | None:
        self.rows += 1
        try:
            at, key, value, *file = (cells[place] for place in self._places)
            return Row(to_ms(at), key, value, *(file or [""]))
        except IndexError:
            reason = f"{len(cells)} columns are too few"
        except (ValueError, OverflowError) as error:
            reason = str(error)
        self.bad += 1
        self.first_bad = self.first_bad or f"row {self.rows}: {reason}"
        return None

    def _hear(self, row: Row) -> None:
        self._newest_ms = self._stale_before_ms = row.at_ms
        for signal in self._signals.get(row.key, ()):
            self._knows = True
            if row.value in self._unknown:
                self._batch.append(Reading(signal, None, row.at_ms, row.value or "no value"))
            else:
                self._batch.append(Reading(signal, row.value, row.at_ms, GOOD))

    def _forget(self, reason: str) -> None:
        """Let every signal be unknown from the newest row on."""
        if self._newest_ms is None or not self._knows:
            return
        self._knows = False
        self._stale_before_ms = self._newest_ms + 1
        names = [signal for signals in self._signals.values() for signal in signals]
        self._batch += [Reading(signal, None, self._newest_ms, reason) for signal in names]

    def _flush(self) -> Batch:
        batch = tuple(self._batch)
        self._batch.clear()
        return batch


def follows(before: str, file: str) -> bool:
    """Tell whether the file named `file` (START-END) begins where the one named `before` ends."""
    return before == "" or before.rpartition("-")[2] == file.partition("-")[0]


def to_ms(text: str) -> int:
    """Return milliseconds since the epoch; raises ValueError for what is no RFC 3339 time with an offset."""
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError(f"time {text!r} has no offset from UTC, such as Z or +09:00")
    return (at - _EPOCH) // _MILLISECOND


def _places(settings: Settings, header: Sequence[str]) -> list[int]:
    """Return where the columns stand: time, key, value and, if there is one, file."""
    names = {"at": settings.at, "key": settings.key, "value": settings.value}
    if settings.file_column is not None:
        names["file_column"] = settings.file_column
    for setting, name in names.items():
        if name not in header:
            there = ", ".join(header) or "none"
            raise ConfigError(
                f"replay.{setting}: {settings.file} has no column {name!r}; its columns: {there}"
            )
    return [header.index(name) for name in names.values()]
