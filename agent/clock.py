"""The agent's clock: readings of the system's two clocks in, one wall time that never runs backwards out.

Wall time is counted from the monotonic clock, and follows the system's wall clock slowly. So a system clock
that is set (by hand, by NTP, by a battery-less Pi that wakes up in last week) shows as a step, and the app
decides what that means for open windows, instead of finding an hour twice or missing.
"""

import ctypes
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

logger = logging.getLogger(__name__)

STEP_MS = 1_000
"""The system's clock is taken to have been set, not to drift, when it is off by more than this."""
FOLLOW = 0.01
"""At most so much faster or slower than time passes is the clock while it makes drift good: 1 s in 100 s."""
SETTLE_MS = 10_000
"""Smaller drift is made good over about this time."""

_TIME_ERROR = 5  # adjtimex(2): the clock is not synchronised
_TIMEX_BYTES = 512  # more than struct timex has on any Linux


@dataclass(frozen=True, slots=True)
class Clock:
    """At `monotonic_ms` it was `wall_ms` (UTC, ms since the epoch); since then it runs at `rate`, near 1."""

    wall_ms: float
    monotonic_ms: float
    rate: float = 1.0

    def at(self, monotonic_ms: float) -> float:
        """Return the wall time at a moment of the monotonic clock."""
        return self.wall_ms + (monotonic_ms - self.monotonic_ms) * self.rate

    def follow(self, wall_ms: float, monotonic_ms: float) -> "Clock":
        """Return the clock that goes on from here towards the system's wall clock."""
        here_ms = self.at(monotonic_ms)
        slope = (wall_ms - here_ms) / SETTLE_MS
        return Clock(here_ms, monotonic_ms, 1 + max(-FOLLOW, min(FOLLOW, slope)))


class SystemClock:
    """Wall time for the app: call it for the time in UTC milliseconds; `observe` it about once a second."""

    def __init__(
        self, wall_ms: Callable[[], float] | None = None, monotonic_ms: Callable[[], float] | None = None
    ) -> None:
        self._wall_ms = wall_ms or system_wall_ms
        self._monotonic_ms = monotonic_ms or system_monotonic_ms
        self._clock = Clock(self._wall_ms(), self._monotonic_ms())
        self._is_behind = False

    def __call__(self) -> int:
        return int(self._clock.at(self._monotonic_ms()))

    def observe(self) -> int:
        """Follow the system's clock; return by how many milliseconds this clock was set forward, mostly 0.

        When the system's clock was set back, this one goes on, ahead of it, and lets it catch up slowly.
        """
        wall_ms, monotonic_ms = self._wall_ms(), self._monotonic_ms()
        away_ms = wall_ms - self._clock.at(monotonic_ms)
        if away_ms > STEP_MS:
            logger.warning("the system's clock was set forward by %.1f s: so is the agent's", away_ms / 1000)
            self._clock = Clock(wall_ms, monotonic_ms)
            return int(away_ms)
        self._clock = self._clock.follow(wall_ms, monotonic_ms)
        self._tell_behind(away_ms)
        return 0

    def _tell_behind(self, away_ms: float) -> None:
        is_behind = away_ms < -STEP_MS
        if is_behind and not self._is_behind:
            logger.warning(
                "the system's clock was set back by %.1f s: the agent's own clock goes on ahead of it, "
                "slowed by %.0f %% until both agree",
                *(-away_ms / 1000, FOLLOW * 100),
            )
        if self._is_behind and not is_behind:
            logger.info("the system's clock and the agent's agree again")
        self._is_behind = is_behind


def system_wall_ms() -> float:
    """Return the system's wall clock in UTC milliseconds since the epoch."""
    return time.time_ns() / 1_000_000


def system_monotonic_ms() -> float:
    """Return milliseconds that only move forward, sleep of the computer included where Linux tells it."""
    boottime = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
    return time.clock_gettime_ns(boottime) / 1_000_000


def synchronised() -> bool | None:
    """Tell whether the kernel holds its clock for synchronised (adjtimex(2)); None where it cannot say."""
    try:
        status = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES))
    except (OSError, AttributeError):
        return None
    return None if status < 0 else status != _TIME_ERROR
