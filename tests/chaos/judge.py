"""The store against the truth: records that agents appended and what a machine did in, a verdict out. Pure.

It is no use unless it can find a loss: `test_judge.py` takes a record away and adds one, and it tells both.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import NamedTuple

from agent.contract.records import Record, Window


class Stored(NamedTuple):
    """What the store has of a machine, as the records it was made of; sums of its hours beside it."""

    records: Sequence[Record]
    hours_ms: int
    hours_cycles: int


FIGURES = ("expected", "stored", "lost", "doubled", "cycles", "length_ms", "known_ms", "dead_ms")


@dataclass
class Verdict:
    """How many records were expected, stored, lost and doubled; `wrong` says in words what is not right.

    Of the windows' length so much is `known`, the rest is OFFLINE; agents were `dead` for so long.
    """

    expected: int = 0
    stored: int = 0
    lost: int = 0
    doubled: int = 0
    cycles: int = 0
    length_ms: int = 0
    known_ms: int = 0
    dead_ms: int = 0
    wrong: list[str] = field(default_factory=list)

    def add(self, other: "Verdict") -> None:
        """Take another machine's figures in."""
        for name in FIGURES:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.wrong += other.wrong

    def __str__(self) -> str:
        figures = f"records: {self.expected} expected, {self.stored} stored, "
        figures += f"{self.lost} lost, {self.doubled} doubled"
        figures += f"; {self.cycles} cycles and {self.length_ms:,} ms of windows"
        return f"{figures}, {self.known_ms:,} ms of them known (agents were dead for {self.dead_ms:,} ms)"


def judge(machine: str, appended: Sequence[Record], stored: Stored, total: int | None = None) -> Verdict:
    """Compare a machine's store with what its agent appended; `total` is its counter once it stands."""
    expected, found = Counter(map(_as_stored, appended)), Counter(stored.records)
    lost, more = expected - found, found - expected
    windows = sorted(
        (each for each in stored.records if isinstance(each, Window)), key=lambda window: window.start_ms
    )
    verdict = Verdict(
        expected=expected.total(),
        stored=found.total(),
        lost=lost.total(),
        doubled=more.total(),
        cycles=sum(window.cycles or 0 for window in windows),
        length_ms=sum(window.length_ms for window in windows),
    )
    wrong = [f"lost: {each}" for each in lost.elements()]
    wrong += [f"stored and never appended, or twice: {each}" for each in more.elements()]
    wrong += [f for before, after in pairwise(windows) for f in _seam(before, after)]
    wrong += [f"{each} does not add up" for each in windows if sum(each.state_ms) != each.length_ms]
    wrong += _sums(verdict, stored)
    if total is not None:
        wrong += _counted(windows, total)
    verdict.wrong = [f"{machine}: {each}" for each in wrong]
    return verdict


def _as_stored(record: Record) -> Record:
    """Return the record as the store keeps it: cycles that nobody counted add nothing there."""
    if isinstance(record, Window) and record.cycles is None:
        return replace(record, cycles=0)
    return record


def _seam(before: Window, after: Window) -> list[str]:
    """Return what is wrong between two windows: every millisecond and every cycle belongs to one of them."""
    wrong = []
    gap_ms = after.start_ms - before.start_ms - before.length_ms
    if gap_ms:
        wrong.append(f"{abs(gap_ms)} ms {'missing' if gap_ms > 0 else 'twice'} before {after}")
    if None not in (before.cycles_total, after.cycles_total):
        grown = (after.cycles_total or 0) - (before.cycles_total or 0)
        if grown != after.cycles:
            wrong.append(f"the counter grew by {grown}, but {after}")
    return wrong


def _sums(verdict: Verdict, stored: Stored) -> list[str]:
    if (verdict.length_ms, verdict.cycles) == (stored.hours_ms, stored.hours_cycles):
        return []
    return [
        f"the hours have {stored.hours_ms} ms and {stored.hours_cycles} cycles, "
        f"the windows {verdict.length_ms} ms and {verdict.cycles}"
    ]


def _counted(windows: Sequence[Window], total: int) -> list[str]:
    last = windows[-1].cycles_total if windows else None
    return [] if last == total else [f"the machine's counter stands at {total}, the store's at {last}"]
