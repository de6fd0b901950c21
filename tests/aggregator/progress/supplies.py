"""A town of one-machine factories that work on weekdays from 9 to 17, for tests of arrivals."""

from collections.abc import Sequence
from datetime import timedelta

from agent.contract.records import HOUR_MS
from aggregator.progress.supply import JobSupply, MachineNow, Share
from tests.aggregator.progress.facts import MONDAY_MS, WEEK

DAYS = 7 * 30


def working_days(open_h: float = 8) -> tuple[tuple[int, int], ...]:
    """Return eight hours on each weekday from four weeks before the first Monday on."""
    first = WEEK.monday - timedelta(weeks=4)
    found = []
    for number in range(DAYS):
        if (first + timedelta(days=number)).weekday() < 5:
            start = MONDAY_MS + (24 * (number - 28) + 9) * HOUR_MS
            found.append((start, round(start + open_h * HOUR_MS)))
    return tuple(found)


def a_supply(
    shares: Sequence[Share] = (Share(1 << 60, 1, 1, 1),),
    now: Sequence[MachineNow] = (),
    queue_h: float = 0,
    unknown: str | None = None,
) -> JobSupply:
    return JobSupply(working_days(), tuple(shares), queue_h, now=tuple(now), unknown=unknown)
