"""Which job a machine's time counts for: assignments and the agent's own tag in, the job out. Pure.

A window and a state change count where they begin. Of assignments that cover the moment the one with the
highest id counts. Where there is none, the agent's own tag stands, unless it is that of an assignment that
has ended and that the agent was not heard to let go of: then it only had not heard of the end.
"""

import heapq
from bisect import bisect_right
from collections.abc import Iterable, Sequence

from aggregator.model.work import Assignment

FOREVER = 2**63


class MachineTags:
    """The assignments of one machine, laid out so that a moment is looked up in no time."""

    def __init__(self, assignments: Iterable[Assignment]) -> None:
        mine = list(assignments)
        self._starts, self._jobs = _layers(mine)
        self._unheard = _unheard(mine)

    def job_at(self, at_ms: int, tag: str) -> str:
        """Return the job that counts for what began then with the agent's tag ("" for none)."""
        place = bisect_right(self._starts, at_ms) - 1
        covering = self._jobs[place] if place >= 0 else None
        if covering is not None:
            return covering
        if tag and any(
            until_ms <= at_ms < released_ms for until_ms, released_ms in self._unheard.get(tag, ())
        ):
            return ""
        return tag

    def stands(self, at_ms: int, tag: str) -> bool:
        """Tell whether the agent's own tag counts then: no assignment says anything."""
        place = bisect_right(self._starts, at_ms) - 1
        return (place < 0 or self._jobs[place] is None) and self.job_at(at_ms, tag) == tag


def _layers(assignments: Sequence[Assignment]) -> tuple[list[int], list[str | None]]:
    """Return where each stretch begins, and the job that covers it on top (None: none does)."""
    coming = sorted(assignments, key=lambda each: each.since_ms)
    edges = sorted({each.since_ms for each in coming} | {_end(each) for each in coming})
    starts: list[int] = []
    jobs: list[str | None] = []
    on_top: list[tuple[int, int, str]] = []  # the highest id first
    index = 0
    for at_ms in edges:
        while index < len(coming) and coming[index].since_ms <= at_ms:
            heapq.heappush(on_top, (-coming[index].id, _end(coming[index]), coming[index].job))
            index += 1
        while on_top and on_top[0][1] <= at_ms:
            heapq.heappop(on_top)
        starts.append(at_ms)
        jobs.append(on_top[0][2] if on_top else None)
    return starts, jobs


def _unheard(assignments: Iterable[Assignment]) -> dict[str, list[tuple[int, int]]]:
    """Return by job from when to when its tag only says that the agent had not heard of the end."""
    found: dict[str, list[tuple[int, int]]] = {}
    for each in assignments:
        if each.job and each.until_ms is not None:
            released_ms = FOREVER if each.released_ms is None else each.released_ms
            if released_ms > each.until_ms:
                found.setdefault(each.job, []).append((each.until_ms, released_ms))
    return found


def _end(assignment: Assignment) -> int:
    return FOREVER if assignment.until_ms is None else assignment.until_ms
