"""The agent's clock: readings of the system's two clocks in, one wall time that never runs backwards out.

Wall time is counted from the monotonic clock, and follows the system's wall clock slowly. So a system clock
that is set (by hand, by NTP) shows as a step, and the app decides what that means for open windows, instead
of finding an hour twice or missing. On a Pi without a battery, which wakes up in last week, records are held
until the time is known, and are put right then.
"""

import ctypes
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

logger = logging.getLogger(__name__)

STEP_MS = 1_000
"""The system's clock is taken to have been set, not to drift, when it is off by more than this."""
FOLLOW = 0.01
"""At most so much faster or slower than time passes is the clock while it makes drift good: 1 s in 100 s."""
SETTLE_MS = 10_000
"""Smaller drift is made good over about this time."""

LONGEST_SLOWED_MS = 60_000
"""If the system's clock is set back by more, it would take hours to wait for it, all measured wrong."""
SERVICES = ("/run/systemd/timesync", "/run/chrony", "/run/ntpd.pid", "/run/openntpd")
"""Where time services leave their traces: systemd-timesyncd, chrony, ntpd."""

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


class Step(NamedTuple):
    """What `observe` found: from now on the clock is `shift_ms` later (earlier if negative) than it was.

    `is_released`: the clock is right, or not waited for any more; records that were held may go, and what was
    measured while they were held was that much later, too.
    """

    shift_ms: int = 0
    is_released: bool = False


class SystemClock:
    """Wall time for the app: call it for the time in UTC milliseconds; `observe` it about once a second.

    While `is_held` the time is not to be relied upon: a time service runs here and has not set the clock yet
    (`hold_s` is how long it is waited for). The clock then counts on from where it began. So it does when a
    clock that a time service looks after is set by anyone else.
    """

    def __init__(
        self,
        wall_ms: Callable[[], float] | None = None,
        monotonic_ms: Callable[[], float] | None = None,
        *,
        is_synchronised: Callable[[], bool | None] | None = None,
        has_service: Callable[[], bool] | None = None,
        hold_s: float = 0.0,
    ) -> None:
        self._wall_ms = wall_ms or system_wall_ms
        self._monotonic_ms = monotonic_ms or system_monotonic_ms
        self._is_synchronised = is_synchronised or synchronised
        self._has_service = has_service or time_service_runs
        self._clock = Clock(self._wall_ms(), self._monotonic_ms())
        self._hold_until_ms = self._clock.monotonic_ms + hold_s * 1000
        self._is_told = False
        self.is_held = hold_s > 0 and self._has_service() and self._is_synchronised() is False

    def __call__(self) -> int:
        return int(self._clock.at(self._monotonic_ms()))

    @property
    def base_ms(self) -> int:
        """What the wall clock showed when the monotonic one began."""
        monotonic_ms = self._monotonic_ms()
        return round(self._clock.at(monotonic_ms) - monotonic_ms)

    def count_from(self, base_ms: int) -> None:
        """Count on from the base of an earlier process since this boot, whose records wait."""
        monotonic_ms = self._monotonic_ms()
        self._clock = Clock(base_ms + monotonic_ms, monotonic_ms)

    def observe(self) -> Step:
        """Follow the system's clock; return by how much this clock was set, mostly not at all.

        It is set forward only, or in any direction when it was held. When the system's clock was set back,
        this one goes on, ahead of it; if that is not much it is slowed until both agree.
        """
        wall_ms, monotonic_ms = self._wall_ms(), self._monotonic_ms()
        away_ms = wall_ms - self._clock.at(monotonic_ms)
        if self.is_held:
            return self._observe_held(wall_ms, monotonic_ms)
        if abs(away_ms) <= STEP_MS:
            self._note("")
            self._clock = self._clock.follow(wall_ms, monotonic_ms)
            return Step()
        if self._has_service() and self._is_synchronised() is False:
            self._note("was set by someone, while no time service vouches for it: the agent's own counts on")
        elif away_ms > 0:
            logger.warning("the system's clock was set forward by %.1f s: so is the agent's", away_ms / 1000)
            self._clock = Clock(wall_ms, monotonic_ms)
            return Step(int(away_ms))
        elif away_ms >= -LONGEST_SLOWED_MS:
            self._note(f"was set back by {-away_ms / 1000:.1f} s: the agent's own waits for it, slowed")
            self._clock = self._clock.follow(wall_ms, monotonic_ms)
            return Step()
        else:
            self._note(f"was set back by {-away_ms / 1000:.1f} s: the agent's own counts on, ahead of it")
        self._clock = Clock(self._clock.at(monotonic_ms), monotonic_ms)
        return Step()

    def _observe_held(self, wall_ms: float, monotonic_ms: float) -> Step:
        here_ms = self._clock.at(monotonic_ms)
        is_right = self._is_synchronised() is not False
        if not is_right and monotonic_ms < self._hold_until_ms:
            return Step()
        self.is_held = False
        if not is_right:
            logger.warning("the clock is not synchronised, and not waited for any longer")
            return Step(0, is_released=True)
        shift_ms = round(wall_ms - here_ms)
        logger.info("the clock is synchronised; what was measured before is put %+.1f s", shift_ms / 1000)
        self._clock = Clock(here_ms + shift_ms, monotonic_ms)
        return Step(shift_ms, is_released=True)

    def _note(self, trouble: str) -> None:
        """Say what is wrong with the system's clock once, and when all is well again."""
        if trouble and not self._is_told:
            logger.warning("the system's clock %s", trouble)
        if self._is_told and not trouble:
            logger.info("the system's clock and the agent's agree again")
        self._is_told = bool(trouble)


def system_wall_ms() -> float:
    """Return the system's wall clock in UTC milliseconds since the epoch."""
    return time.time_ns() / 1_000_000


def system_monotonic_ms() -> float:
    """Return milliseconds that only move forward, sleep of the computer included where Linux tells it."""
    boottime = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
    return time.clock_gettime_ns(boottime) / 1_000_000


def boot_id() -> str:
    """Return what tells this run of the computer from others; "" where that is not told."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    except OSError:
        return ""


def time_service_runs() -> bool:
    """Tell whether anything on this computer looks after its clock: if not, nobody is waited for."""
    return any(Path(trace).exists() for trace in SERVICES)


def synchronised() -> bool | None:
    """Tell whether the kernel holds its clock for synchronised (adjtimex(2)); None where it cannot say."""
    try:
        status = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES))
    except (OSError, AttributeError):
        return None
    return None if status < 0 else status != _TIME_ERROR
