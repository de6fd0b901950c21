"""When an order is alarming: its chance of being late in, an alert raised or cleared out. Pure.

Between the two thresholds nothing changes, so a chance that trembles at one of them raises no second alert.
A chance that is not known changes nothing either: silence is no reason to call an order late, or saved.
"""

from dataclasses import dataclass, replace
from enum import StrEnum

from aggregator.model.progress import Cause, OrderProgress, Progress

OVER = (Progress.DONE, Progress.CANCELLED)


@dataclass(frozen=True, slots=True)
class Rule:
    """An alert is raised when the chance of being late is `raise_at` or more for `for_ms`.

    It is cleared when the chance is `clear_at` or less for as long.
    """

    raise_at: float
    clear_at: float
    for_ms: int


@dataclass(frozen=True, slots=True)
class Watch:
    """An order under watch: whether an alert is `raised`, and since when the chance says the opposite."""

    raised: bool = False
    since_ms: int | None = None


class Turn(StrEnum):
    """What is to be done now."""

    RAISE = "raise"
    CLEAR = "clear"


def next_watch(watch: Watch, late: float | None, now_ms: int, rule: Rule) -> tuple[Watch, Turn | None]:
    """Return the watch after one look at the chance (0 to 1) of being late, and what it turned into."""
    if late is None:
        return watch, None
    opposite = late <= rule.clear_at if watch.raised else late >= rule.raise_at
    if not opposite:
        return replace(watch, since_ms=None), None
    since_ms = now_ms if watch.since_ms is None else watch.since_ms
    if now_ms - since_ms < rule.for_ms:
        return replace(watch, since_ms=since_ms), None
    return Watch(not watch.raised), Turn.CLEAR if watch.raised else Turn.RAISE


def lateness(progress: OrderProgress) -> float | None:
    """Return the chance (0 to 1) of being late; 0 when it is over, None when it is not known."""
    if progress.progress in OVER:
        return 0.0
    if progress.arrival is None or progress.arrival.on_time is None:
        return None
    return 1.0 - progress.arrival.on_time


def culprit(progress: OrderProgress) -> tuple[str, Cause | None] | None:
    """Return the step that is most behind by itself, and its weightiest cause; None when no step is."""
    delays = [delay for delay in progress.delays if delay.own_h > 0]
    if not delays:
        return None
    worst = max(delays, key=lambda delay: delay.own_h)
    return worst.step, worst.causes[0][0] if worst.causes else None
