"""The ledger against the ground truth: the file that people download, and what machines really did."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from tests.browser.story_town import MAKERS, Maker, StoryTown
from tests.system.truth import Life, read_truth

Row = Mapping[str, str]


@dataclass(frozen=True)
class Made:
    """What a job made: good and scrapped pieces."""

    good: int
    scrap: int


def rows_of(file: bytes) -> list[Row]:
    """Return the rows of the ledger's CSV file."""
    return list(csv.DictReader(io.StringIO(file.decode("utf-8-sig"))))


def jobs_of(rows: Sequence[Row]) -> dict[str, Made]:
    """Return what each job made, as the ledger says."""
    return {
        row["Job"]: Made(int(row["Good, measured"]), int(row["Scrap"])) for row in rows if row["Row"] == "job"
    }


def true_jobs(town: StoryTown) -> dict[str, Made]:
    """Return what each job really made: the cycles of its machine from when it began until it ended.

    Where it began and ended is told by the counter that the machine showed at these moments, so that a
    cycle right at one of them counts on the side on which the agent saw it.
    """
    lives = read_truth(town.truth)
    found: dict[str, Made] = {}
    for maker in MAKERS:
        life = lives[maker.id, maker.machine]
        for job, first, last in _spans(town, maker):
            cycles, scrapped = _between(life, first, last)
            before = found.get(job, Made(0, 0))
            good = before.good + (cycles - scrapped) * maker.pieces
            found[job] = Made(good, before.scrap + scrapped * maker.pieces)
    return found


def _spans(town: StoryTown, maker: Maker) -> list[tuple[str, int, int]]:
    """Return job, and lifetime counter before and after, of each stretch of windows of one job."""
    path = f"machines/{maker.id}/{maker.machine}/windows"
    answer = town.stack.get(path, since=town.since, until=datetime.now(UTC).isoformat(), limit=10_000)
    windows = answer["windows"]
    assert isinstance(windows, list)
    spans: list[tuple[str, int, int]] = []
    before = None
    for window in windows:
        after = window["cycles_total"]
        if window["job"] and before is not None:
            if spans and spans[-1][0] == window["job"] and spans[-1][2] == before:
                spans[-1] = (window["job"], spans[-1][1], after)
            else:
                spans.append((window["job"], before, after))
        before = after if after is not None else before
    return spans


def _between(life: Life, first: int, last: int) -> tuple[int, int]:
    """Return cycles and scrapped ones of those that took the counter from `first` to `last`."""
    times = [
        at_ms for at_ms, total in zip(life.cycles, life.totals[1:], strict=True) if first < total <= last
    ]
    scrapped = [at_ms for at_ms in life.scrapped if times and times[0] <= at_ms <= times[-1]]
    return len(times), len(scrapped)
