"""What was told is there again as it was told, with what it was before past errors corrected it."""

from dataclasses import replace
from pathlib import Path

from aggregator.model.told import Told
from aggregator.store.arrivals import Arrivals
from tests.aggregator.ordered_town import ORDER, found_ordered_town
from tests.aggregator.town import NOW_MS


def test_entries_come_back_in_order_with_what_they_were_made_of(tmp_path: Path) -> None:
    arrivals = Arrivals(found_ordered_town(tmp_path).services.records.engine)
    first = Told(ORDER, NOW_MS, 1, 2, 3, 0.9, 0.25, raw_ms=(4, 5, 6))
    unknown = replace(first, at_ms=NOW_MS + 1, p10_ms=None, p50_ms=None, p90_ms=None, raw_ms=None)
    for told in (first, unknown):
        arrivals.add(told)
    assert arrivals.of([ORDER]) == {ORDER: (first, unknown)}
    assert arrivals.of(["2026-9999"]) == {}
