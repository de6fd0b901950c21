"""How good arrivals are, beside what people do without them: `python -m tests.bench.arrival`.

Federations of six characters are simulated for each seed; orders run to their end, and at 0, 25, 50 and 75 %
of their work the arrival is told from what is known by then. It returns 1 when a target is missed. The
baselines: standard time (what is left by planned cycle times, one step after the other, on the hours that
factories declare) and linear (as long as it took so far, in proportion; standard time before anything is
made). The plan's own last day stands beside them, not judged. The design was chosen on seeds 1 to 4.
"""

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing import Pool

import numpy as np

from tests.bench.arrival_judge import DAY_MS, STAGES, Followed, Judge, Row
from tests.bench.floor_rules import CHARACTERS

SEEDS = (201, 202, 203, 204)
"""Judged with the design as it is; what was chosen was chosen on others."""
WEEKS = 15
BETTER = 0.6
COVERAGE = (0.75, 0.85)
ALARM = 0.5
"""A prediction is an alarm when it gives the order a chance to be late of more than that."""


@dataclass(frozen=True, slots=True)
class Found:
    """All predictions of orders that are done, and how often shown dates changed."""

    rows: list[Row]
    followed: list[Followed]


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the tables; returns 1 when a target is missed."""
    parser = argparse.ArgumentParser(description="Judge arrivals on simulated federations.")
    parser.add_argument("--seed", type=int, nargs="+", default=list(SEEDS), help="of the federations")
    parser.add_argument("--processes", type=int, default=2, help="how many work at once")
    chosen = parser.parse_args(arguments)
    began = time.monotonic()
    tasks = [(name, seed) for seed in chosen.seed for name in CHARACTERS]
    with Pool(chosen.processes) as pool:
        found = joined(pool.starmap(simulated, tasks, chunksize=1))
    seeds = ", ".join(map(str, chosen.seed))
    print(f"Simulated federations, seeds {seeds}, in {time.monotonic() - began:.0f} s. Errors in days.\n")
    print(table(found.rows))
    print(f"\nThe date that is shown changes {changes_a_week(found.followed):.2f} times a week.")
    missed = misses(found.rows)
    print("\n" + ("\n".join(f"MISSED: {miss}" for miss in missed) or "All targets are kept."))
    return 1 if missed else 0


def simulated(name: str, seed: int, weeks: int = WEEKS) -> Found:
    """Return what was predicted in a federation of a character."""
    judge = Judge(name, CHARACTERS[name], seed, weeks).run()
    return Found(judge.rows, list(judge.followed.values()))


def joined(found: Sequence[Found]) -> Found:
    """Return all of it together."""
    return Found(
        [row for each in found for row in each.rows], [one for each in found for one in each.followed]
    )


def changes_a_week(followed: Sequence[Followed]) -> float:
    """Return how often a week the shown date of an order changed."""
    return 7 * sum(each.changes for each in followed) / max(sum(each.days for each in followed), 1)


def error(rows: Sequence[Row], guess: Callable[[Row], float]) -> float:
    """Return the mean absolute error in days."""
    return float(np.mean([abs(guess(row) - row.actual_ms) for row in rows])) / DAY_MS


def ours(row: Row) -> float:
    """Return the P50."""
    assert row.told.p50_ms is not None
    return float(row.told.p50_ms)


def coverage(rows: Sequence[Row]) -> float:
    """Return how often P10 to P90 held."""
    return float(np.mean([(row.told.p10_ms or 0) <= row.actual_ms <= (row.told.p90_ms or 0) for row in rows]))


def brier(rows: Sequence[Row]) -> float:
    """Return the mean squared error of the chance to be late."""
    return float(np.mean([(late_chance(row) - late(row)) ** 2 for row in rows]))


def false_alarms(rows: Sequence[Row]) -> float:
    """Return how many predictions of orders that came in time were alarms."""
    in_time = [row for row in rows if not late(row)]
    return float(np.mean([late_chance(row) > ALARM for row in in_time])) if in_time else 0.0


def late_chance(row: Row) -> float:
    assert row.told.on_time is not None
    return 1 - row.told.on_time


def late(row: Row) -> bool:
    return row.actual_ms > row.due_ms


HEAD = "| | orders | error | standard time | linear | plan | P10-P90 | late | Brier | false alarms |"


def table(rows: Sequence[Row]) -> str:
    """Return Markdown: all by stage, then each character."""
    parts = [(f"**all**, {stage:.0%} done", [row for row in rows if row.stage == stage]) for stage in STAGES]
    parts += [(name, [row for row in rows if row.character == name]) for name in CHARACTERS]
    lines = [HEAD, "| --- |" + " ---: |" * 9]
    for name, part in parts:
        known = [row for row in part if row.told.p50_ms is not None]
        if not known:
            continue
        errors = [error(known, guess) for guess in (ours, *BASELINES.values(), lambda row: row.plan_ms)]
        shares = [
            coverage(known),
            float(np.mean([late(row) for row in known])),
            brier(known),
            false_alarms(known),
        ]
        cells = [f"{len(known)}", *(f"{each:.2f}" for each in errors), *(f"{each:.2f}" for each in shares)]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


BASELINES: dict[str, Callable[[Row], float]] = {
    "standard time": lambda row: row.standard_ms,
    "linear": lambda row: row.linear_ms,
}


def misses(rows: Sequence[Row]) -> list[str]:
    """Return which targets are missed, one sentence each."""
    result = [
        f"{row.stage:.0%} of {row.character}: no date at all" for row in rows if row.told.p50_ms is None
    ]
    known = [row for row in rows if row.told.p50_ms is not None]
    for stage in STAGES:
        part = [row for row in known if row.stage == stage]
        for name, guess in BASELINES.items():
            most = error(part, guess) * (BETTER if stage == 0 else 1)
            if error(part, ours) > most:
                result.append(
                    f"at {stage:.0%} the error is {error(part, ours):.2f} days, {name} allows {most:.2f}"
                )
        if not COVERAGE[0] <= coverage(part) <= COVERAGE[1]:
            low, high = COVERAGE
            result.append(f"at {stage:.0%} P10 to P90 holds in {coverage(part):.3f}, not {low} to {high}")
    return result


if __name__ == "__main__":
    sys.exit(main())
