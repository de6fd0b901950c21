"""How fast orders are matched in a large federation, and how fairly: `python -m tests.bench.matching`.

The baseline is a greedy rule: each step goes to whoever is done first. Times are wall times, so nothing else
should run on the computer.
"""

import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

from aggregator.matching.offer import Market
from aggregator.matching.propose import propose, propose_many
from aggregator.model.order import OrderDraft
from tests.aggregator.matching.fairness import Fairness, greedy, simulate
from tests.aggregator.matching.federations import PROCESSES, equal_federation, federation, order
from tests.aggregator.matching.small_markets import TODAY

ONE_S, TEN_S, ORDERS = 1.0, 8.0, 20


@dataclass(frozen=True)
class Timed:
    """Seconds of each run."""

    seconds: list[float]

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)


def timed(work: Callable[[OrderDraft], object], drafts: list[OrderDraft]) -> Timed:
    """Run the work for each draft."""
    seconds = []
    for draft in drafts:
        begun = time.perf_counter()
        work(draft)
        seconds.append(time.perf_counter() - begun)
    return Timed(seconds)


def speed(market: Market) -> bool:
    """Print how long proposals take; returns whether they are as fast as promised."""
    drafts = [order(seed) for seed in range(ORDERS)]
    ours = timed(lambda draft: propose(draft, market, TODAY, "bench"), drafts)
    naive = timed(lambda draft: greedy(draft, market), drafts)
    begun = time.perf_counter()
    propose_many([order(seed) for seed in range(100, 110)], market, TODAY, "bench")
    ten_s = time.perf_counter() - begun
    print(f"{'100 factories x 10 machines x 6 steps x 12 weeks':52} {'median s':>9} {'longest s':>10}")
    for name, found in (("one order, with backups and counterfactuals", ours), ("greedy (baseline)", naive)):
        print(f"{name:52} {found.median:9.2f} {max(found.seconds):10.2f}")
    print(f"{'ten orders one after another':52} {ten_s:9.2f}")
    good = ours.median <= ONE_S and ten_s <= TEN_S
    print(f"promised: median at most {ONE_S:g} s, ten within {TEN_S:g} s: {'kept' if good else 'BROKEN'}\n")
    return good


def fairness() -> bool:
    """Print how evenly 100 orders are shared out; returns whether more evenly than by the baseline."""
    small = [order(seed, ("cutting", "assembly"), largest=300) for seed in range(100)]
    markets = {
        "20 equal factories": equal_federation(20, ("cutting", "assembly"), 12),
        "20 unequal factories": federation(7, factories=20),
    }
    print(f"{'100 orders one after another':32} {'Gini':>6} {'largest share ‰':>16} {'late or unplaced':>17}")
    good = True
    for name, market in markets.items():
        ours = simulate(small, market)
        naive = simulate(small, market, greedy)
        good = good and ours.gini <= naive.gini
        for label, found in ((name, ours), ("  done-first (baseline)", naive)):
            print(f"{label:32} {_row(found)}")
    print(f"promised: at least as even as the baseline: {'kept' if good else 'BROKEN'}")
    return good


def _row(found: Fairness) -> str:
    return f"{found.gini:6.2f} {found.largest_permille:16} {found.failed:17}"


def main() -> int:
    """Print the tables; returns 1 when a promise is broken."""
    assert len(PROCESSES) == 6
    return 0 if all([speed(federation(1)), fairness()]) else 1


if __name__ == "__main__":
    sys.exit(main())
