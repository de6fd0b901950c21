"""Who stands ready for each lot: another factory that could do it in the same weeks, on P10."""

from aggregator.matching.problem import Candidate, Problem
from aggregator.matching.schedule import Key, Ledger, Schedule, weekly_minutes

Backups = dict[Key, str | None]


def find_backups(problem: Problem, schedule: Schedule) -> Backups:
    """Return a backup for every lot, the least assigned first, or None where nobody could.

    Each counts by itself: all else of the plan goes on at the backup factory. Two lots may name the same
    factory, even if it could not stand in for both at once.
    """
    ledger = Ledger.of(problem, schedule)
    return {
        key: next(
            (
                each.factory
                for each in problem.standby[key[0]]
                if each.factory != key[1] and stands_ready(problem, schedule, ledger, key, each)
            ),
            None,
        )
        for key in schedule.done
    }


def least_without_backup(problem: Problem) -> int:
    """Return how many lots are without a backup in any answer that places all: steps that only one can do."""
    return sum(len(row) == 1 for row in problem.standby)


def stands_ready(problem: Problem, schedule: Schedule, ledger: Ledger, key: Key, other: Candidate) -> bool:
    """Tell whether `other` could do the lot `key` in its weeks, beside the works in `ledger`."""
    minutes = weekly_minutes(problem, other, schedule.done[key])
    return all(needed <= ledger.room(other, week) for week, needed in enumerate(minutes) if needed)
