"""Which arrival people are shown: what is shown and what was reckoned anew in, what to show next out.

A date that moves with every cycle is believed by nobody; so a new one is shown once it differs by enough.
"""

from agent.contract.records import HOUR_MS
from aggregator.model.progress import Arrival

LEAST_MS = 12 * HOUR_MS
SHARE = 0.35
"""A new P50 has to lie off by so much of the width from P10 to P90."""


def next_shown(shown: Arrival | None, fresh: Arrival) -> Arrival:
    """Return `fresh` when it tells something else than `shown`, else `shown`."""
    if shown is None or shown.p50_ms is None or fresh.p50_ms is None or shown.p90_ms is None:
        return fresh if shown is None or _says(shown) != _says(fresh) else shown
    assert fresh.p10_ms is not None and fresh.p90_ms is not None
    width_ms = fresh.p90_ms - fresh.p10_ms
    moved = abs(fresh.p50_ms - shown.p50_ms) > max(LEAST_MS, SHARE * width_ms)
    certain = width_ms == 0 and fresh.p50_ms != shown.p50_ms
    return fresh if moved or certain else shown


def _says(arrival: Arrival) -> tuple[bool, str | None]:
    return arrival.p50_ms is None, arrival.unknown
