"""When a new arrival is told and why it changed: what was told before and what is reckoned now in. Pure."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import NamedTuple
from zoneinfo import ZoneInfo

from agent.contract.records import HOUR_MS
from aggregator.capacity.local_time import local_day
from aggregator.model.progress import Delay, OrderProgress
from aggregator.model.told import Told

STEADY_MS = 4 * HOUR_MS
"""The shown date stays while the reckoned one is less than this away from it: dates do not flicker."""


class Reason(NamedTuple):
    """The step, cause and hours behind a change."""

    step: str
    cause: str
    hours: float


def to_tell(
    before: Told | None, delays_before: Sequence[Delay], now: OrderProgress, zone: ZoneInfo
) -> Told | None:
    """Return what to tell of an order; None while what was told holds, or nothing is known."""
    arrival = now.arrival
    if arrival is None or arrival.p50_ms is None:
        return None
    later = False
    if before is not None and before.p50_ms is not None:
        moved_ms = arrival.p50_ms - before.p50_ms
        if _day(arrival.p50_ms, zone) == _day(before.p50_ms, zone) or abs(moved_ms) < STEADY_MS:
            return None
        later = moved_ms > 0
    reason = why_later(delays_before, now.delays) if later else None
    return Told(
        order=now.order,
        at_ms=now.now_ms,
        p10_ms=arrival.p10_ms,
        p50_ms=arrival.p50_ms,
        p90_ms=arrival.p90_ms,
        on_time=arrival.on_time,
        done=now.share,
        step=reason.step if reason else None,
        cause=reason.cause if reason else None,
        hours=reason.hours if reason else None,
        raw_ms=arrival.raw_ms,
    )


def why_later(before: Sequence[Delay], now: Sequence[Delay]) -> Reason | None:
    """Return what grew most since then of what steps are late by themselves; None when nothing did."""
    was: Mapping[tuple[str, str], float] = {
        (delay.step, cause): hours for delay in before for cause, hours in delay.causes
    }
    grown = [
        Reason(delay.step, cause.value, hours - was.get((delay.step, cause), 0.0))
        for delay in now
        for cause, hours in delay.causes
    ]
    most = max(grown, key=lambda reason: reason.hours, default=None)
    return most if most is not None and most.hours > 0 else None


def _day(at_ms: int, zone: ZoneInfo) -> date:
    return local_day(at_ms, zone)
