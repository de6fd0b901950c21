"""How fast orders are matched in a large federation, and how fairly: `python -m tests.bench.matching`.

The baseline is a greedy rule: each step goes to whoever is done first. Promises are about wall times, so
nothing else should run on the computer; processor times stand beside them.
"""

import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from aggregator.matching.offer import Market
from aggregator.matching.propose import propose, propose_many
from tests.aggregator.matching.fairness import Fairness, greedy, simulate
from tests.aggregator.matching.federations import PROCESSES, equal_federation, federation, order
from tests.aggregator.matching.small_markets import TODAY

ONE_S, TEN_S, ORDERS = 1.0, 8.0, 20

T = TypeVar("T")


@dataclass(frozen=True)
class Timed:
    """Seconds of each run, by the clock and of the processor."""

    seconds: list[float]
    processor: list[float]

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    def __str__(self) -> str:
        return f"{self.median:9.2f} {max(self.seconds):10.2f} {statistics.median(self.processor):10.2f}"


def timed(work: Callable[[T], object], each: Sequence[T]) -> Timed:
    """Run the work for each of them."""
    seconds, processor = [], []
    for one in each:
        begun, before = time.perf_counter(), time.process_time()
        work(one)
        seconds.append(time.perf_counter() - begun)
        processor.append(time.process_time() - before)
    return Timed(seconds, processor)


def speed(market: Market) -> bool:
    """Print how long proposals take; returns whether they are as fast as promised."""
    drafts = [order(seed) for seed in range(ORDERS)]
    ours = timed(lambda draft: propose(draft, market, TODAY, "bench"), drafts)
    naive = timed(lambda draft: greedy(draft, market), drafts)
    ten = [order(seed) for seed in range(100, 110)]
    together = timed(lambda drafts: propose_many(drafts, market, TODAY, "bench"), [ten])
    size = "100 factories x 10 machines x 6 steps x 12 weeks"
    print(f"{size:52} {'median s':>9} {'longest s':>10} {'processor':>10}")
    rows = {
        "one order, with backups and counterfactuals": ours,
        "greedy (baseline), without": naive,
        "ten orders one after another": together,
    }
    for name, found in rows.items():
        print(f"{name:52} {found}")
    good = ours.median <= ONE_S and together.median <= TEN_S
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
