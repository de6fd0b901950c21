"""What was told is there again as it was told, with what it was before past errors corrected it."""

from dataclasses import replace

from sqlalchemy import Engine

from aggregator.model.told import Told
from aggregator.store.arrivals import Arrivals
from aggregator.store.orders import Orders
from tests.aggregator.store.test_orders import propose

NOW_MS = 1_795_500_000_000


def test_entries_come_back_in_order_with_what_they_were_made_of(engine: Engine) -> None:
    order, arrivals = propose(Orders(engine)).order, Arrivals(engine)
    first = Told(order, NOW_MS, 1, 2, 3, 0.9, 0.25, raw_ms=(4, 5, 6))
    unknown = replace(first, at_ms=NOW_MS + 1, p10_ms=None, p50_ms=None, p90_ms=None, raw_ms=None)
    for told in (first, unknown):
        arrivals.add(told)
    assert arrivals.of([order]) == {order: (first, unknown)}
    assert arrivals.of(["2026-9999"]) == {}
