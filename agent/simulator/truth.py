"""The ground truth: what really happened on the simulated floor, as JSON lines, one event a line.

The file is only ever appended to. A simulator that starts again reads how far each machine had come and goes
on behind that, so that over any number of restarts no event is missing and none is there twice.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import msgspec

from agent.errors import ConfigError
from agent.simulator.plant import Machine
from agent.simulator.status import Status
from agent.simulator.timeline import CycleDone, Event


class _Line(msgspec.Struct):
    at: datetime
    factory: str
    machine: str
    event: str
    total: int = 0
    for_ms: int = 0
    work_order: str = ""


@dataclass(slots=True)
class Told:
    """How much of a machine's timeline the file tells: from `start_ms` and `total` on, so many events.

    And what it was commanded: breakdowns (after which ms, for how many), the last work order.
    """

    start_ms: int
    total: int
    events: int = 0
    breakdowns: list[tuple[int, int]] = field(default_factory=list)
    work_order: str | None = None


class GroundTruth:
    """The open file. Without a path, it keeps nothing."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.told: dict[str, Told] = {}
        self.last_ms = 0
        self._file: BinaryIO | None = None

    def __enter__(self) -> Self:
        """Read what an earlier run has told and open the file; raises ConfigError when it cannot be used."""
        if self.path is None:
            return self
        try:
            if self.path.exists():
                _cut_torn_line(self.path)
                self._read()
            self._file = self.path.open("ab", buffering=0)
        except OSError as error:
            place = f"--ground-truth {self.path}"
            raise ConfigError(f"{place}: cannot be used ({error.strerror}); name another file") from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()

    def _read(self) -> None:
        for line in self._lines():
            key = f"{line.factory}/{line.machine}"
            self.last_ms = round(line.at.timestamp() * 1000)
            if line.event == "start":
                self.told[key] = Told(self.last_ms, line.total)
            elif key in self.told:
                _note(self.told[key], line, self.last_ms)

    def _lines(self) -> Iterator[_Line]:
        assert self.path is not None
        decode = msgspec.json.Decoder(_Line).decode
        with self.path.open("rb") as file:
            for number, line in enumerate(file, 1):
                try:
                    yield decode(line)
                except msgspec.MsgspecError as error:
                    place = f"--ground-truth {self.path}, line {number}"
                    raise ConfigError(f"{place}: is no ground truth ({error}); name another file") from error

    def check_machines(self, known: Iterable[str]) -> None:
        """Raise ConfigError when the file tells of other machines than the known ones."""
        for key in sorted(self.told.keys() - set(known)):
            raise self._foreign(f"tells of {key}, which the scenario does not have")

    def check_start(self, machine: Machine, total: int) -> None:
        """Raise ConfigError when the machine's counter began elsewhere than this scenario says."""
        if self.told[machine.key].total != total:
            raise self._foreign(f"begins {machine.key} at another count than this scenario")

    def _foreign(self, what: str) -> ConfigError:
        return ConfigError(f"--ground-truth {self.path}: {what}; it is another scenario's, name another file")

    def start(self, machine: Machine, status: Status, at_ms: int) -> None:
        """Tell what a machine shows when it is seen for the first time."""
        self._write(machine, at_ms, event="start", state=status.state, total=status.total)

    def tell(self, machine: Machine, event: Event, total: int) -> None:
        """Tell an event; `total` is the machine's lifetime counter after it."""
        if isinstance(event, CycleDone):
            self._write(machine, event.at_ms, event="cycle", total=total, good=event.good)
        else:
            self._write(machine, event.at_ms, event="state", state=event.state)

    def tell_breakdown(self, machine: Machine, after_ms: int, for_ms: int) -> None:
        """Tell that a machine was commanded to break down right after a moment, not before `last_ms`."""
        self._write(machine, after_ms, event="breakdown", for_ms=for_ms)

    def tell_work_order(self, machine: Machine, work_order: str, at_ms: int) -> None:
        """Tell that a machine was given a work order, "" for none."""
        self._write(machine, at_ms, event="work_order", work_order=work_order)

    def _write(self, machine: Machine, at_ms: int, **fields: str | int | bool) -> None:
        if self._file is None:
            return
        self.last_ms = max(self.last_ms, at_ms)  # time in the file never runs backward
        at = datetime.fromtimestamp(self.last_ms / 1000, UTC).isoformat(timespec="milliseconds")
        place = {"at": at.replace("+00:00", "Z"), "factory": machine.factory.id, "machine": machine.id}
        try:
            self._file.write(msgspec.json.encode(place | fields) + b"\n")
        except OSError as error:
            what = f"cannot be written ({error.strerror}); make room or name another file"
            raise ConfigError(f"--ground-truth {self.path}: {what}") from error


def _note(told: Told, line: _Line, at_ms: int) -> None:
    if line.event == "breakdown":
        told.breakdowns.append((at_ms, line.for_ms))
    elif line.event == "work_order":
        told.work_order = line.work_order
    else:
        told.events += 1


def _cut_torn_line(path: Path) -> None:
    """Remove what stands behind the last line end: a line whose writing was cut short by a crash."""
    size = path.stat().st_size
    with path.open("r+b") as file:
        keep = size
        while keep > 0:
            start = max(0, keep - 4096)
            file.seek(start)
            newline = file.read(keep - start).rfind(b"\n")
            if newline >= 0:
                keep = start + newline + 1
                break
            keep = start
        file.truncate(keep)
