"""The time-series seam: what every home of windows and state changes must do.

One conformance suite (`tests/aggregator/store/conformance.py`) runs against every home.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol
from zoneinfo import ZoneInfo

from aggregator.model.machine import MachineKey
from aggregator.model.window import StateChange, Totals, Window

ALWAYS_MS = 253_402_300_800_000
"""The end of all time that records may tell (UTC ms): the year 10000."""


class Counts(NamedTuple):
    """How many windows and state changes."""

    windows: int
    changes: int


class StoreError(Exception):
    """The store cannot do it now; the message is one sentence for the operator. Nothing was acknowledged.

    `wait_s` is how long the store asks to be left alone, 0 when it does not.
    """

    def __init__(self, message: str, wait_s: float = 0.0) -> None:
        super().__init__(message)
        self.wait_s = wait_s


@dataclass(frozen=True, slots=True)
class RefusedWrite:
    """A window or change that the store takes at no time, and why; all others of the write are stored."""

    record: Window | StateChange
    reason: str


class TimeSeries(Protocol):
    """All times are UTC milliseconds since the epoch; ranges are `[since_ms, until_ms)` by start."""

    def write(self, windows: Sequence[Window], changes: Sequence[StateChange]) -> Sequence[RefusedWrite]:
        """Store all of it durably or raise StoreError; writing the same key again replaces it.

        Returned are single records that the store can never take: most homes take all.

        Keys are (machine, start) for windows and (machine, time) for changes. Of windows that overlap some
        stay and some go, as `overlap.py` says: no time is counted twice. Hourly totals of the hours that
        the windows fall in are corrected in the same step.
        """

    def windows(
        self, key: MachineKey, since_ms: int, until_ms: int, limit: int | None = None
    ) -> Sequence[Window]:
        """Return windows in time order."""

    def hours(self, keys: Collection[MachineKey], since_ms: int, until_ms: int) -> Sequence[Totals]:
        """Return hourly totals (UTC hours) by machine, then time; hours without a window are absent."""

    def days(
        self, keys: Collection[MachineKey], since_ms: int, until_ms: int, zone: ZoneInfo
    ) -> Sequence[Totals]:
        """Return totals by local day of `zone`, as `hours` does; right over changes of daylight time."""

    def totals(
        self, keys: Collection[MachineKey], since_ms: int, until_ms: int
    ) -> Mapping[MachineKey, Totals]:
        """Return each machine's totals over the range; machines without a window in it are absent."""

    def changes(self, key: MachineKey, since_ms: int, until_ms: int) -> Sequence[StateChange]:
        """Return state changes in time order."""

    def latest(self, keys: Collection[MachineKey]) -> Mapping[MachineKey, Window]:
        """Return each machine's newest window; machines without one are absent."""

    def counts(
        self, keys: Collection[MachineKey], since_ms: int, until_ms: int
    ) -> Mapping[MachineKey, Counts]:
        """Return how many windows and state changes each machine has; machines without any are absent."""

    def machines(self) -> Iterable[MachineKey]:
        """Return every machine that has a window or a state change."""
