"""The NIST log of a real machining centre as a cell with an assumed calendar; see tests/data/README.md.

Assumed, from the hours in which it was active: it works Monday to Friday from 5:00 to 15:00 local time, but
not on federal holidays. From 26 September 2016 until 17 December 2017 there are daily files with few gaps.

Most of that time the controller was switched off: the log says UNAVAILABLE although it was being written.
The product takes that for unknown. So there are two readings: `recorded` does the same, `off-is-idle` takes
it for known idle time, and only the days without a file for unknown.
"""

import csv
import gzip
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import NamedTuple
from zoneinfo import ZoneInfo

import holidays
import numpy as np

from aggregator.capacity.load import History, Hours, by_week
from aggregator.model.capacity import CellKey
from tests.auto_time import LOG, UNKNOWN, rows
from tests.bench.fleets import Truth

READINGS = ("recorded", "off-is-idle")
FIRST_DAY, LAST_DAY = date(2016, 9, 26), date(2017, 12, 17)
ZONE = ZoneInfo("America/New_York")
OPENS, CLOSES = time(5), time(15)
RUNNING = {"ACTIVE", "INTERRUPTED", "FEED_HOLD", "PROGRAM_STOPPED"}
GAP_MS = 15 * 60_000


class Stretch(NamedTuple):
    """A time in which `execution` had one value; UNKNOWN where it was UNAVAILABLE, `gap` without a file."""

    start_ms: int
    end_ms: int
    value: str


def real_log(reading: str) -> Truth:
    """Return the machine as a cell; weeks of which less than 80 percent is known are not judged."""
    days = (LAST_DAY - FIRST_DAY).days + 1
    public = holidays.country_holidays("US", years=(2016, 2017))
    opens = {day for number in range(days) if _works(day := FIRST_DAY + timedelta(number), public)}
    hours = np.zeros((3, days))  # planned, busy, unknown
    for day in opens:
        hours[0, (day - FIRST_DAY).days] = CLOSES.hour - OPENS.hour
    unknown = {"gap"} if reading == "off-is-idle" else {"gap", UNKNOWN}
    for stretch in _without_short_gaps(list(_stretches())):
        row = 1 if stretch.value in RUNNING else 2 if stretch.value in unknown else None
        if row is not None:
            _add(hours[row], stretch, opens)
    hours = np.minimum(hours, hours[0])
    planned, busy, lost = hours
    seen = History(CellKey(f"mazak03 {reading}", "cutting"), FIRST_DAY, planned, busy, 0 * busy, lost)
    planned_h, unknown_h = by_week(hours[[0]])[0], by_week(hours[[2]])[0]
    known = 1 - hours[2] / np.maximum(hours[0], 1e-9)
    busy_h = hours[1] / np.maximum(known, 0.2)
    return Truth(seen, busy_h, declared=0.5, judged=unknown_h <= 0.2 * planned_h)


def _works(day: date, public: holidays.HolidayBase) -> bool:
    return day.weekday() < 5 and day not in public


def _stretches() -> Iterator[Stretch]:
    """Yield the log's stretches, and those without a file, which come on top of them."""
    values = [(at_ms, value) for at_ms, key, value in rows() if key == "execution"]
    for (start_ms, value), (end_ms, _) in pairwise(values):
        yield Stretch(start_ms, end_ms, value)
    for before, after in pairwise(_files()):
        if before[1] != after[0]:
            yield Stretch(_ms(before[1]), _ms(after[0]), "gap")


def _files() -> list[tuple[str, str]]:
    with gzip.open(LOG, "rt", encoding="utf-8", newline="") as file:
        names = dict.fromkeys(row["file"] for row in csv.DictReader(file))
    return [(name.partition("-")[0], name.partition("-")[2]) for name in names]


def _ms(day: str) -> int:
    return int(datetime.strptime(day, "%Y%m%d").replace(tzinfo=UTC).timestamp() * 1000)


def _without_short_gaps(stretches: list[Stretch]) -> list[Stretch]:
    """Return them with short idle ones between running ones taken for running, as in the gap rule."""
    result = list(stretches)
    for place in range(1, len(stretches) - 1):
        before, one, after = stretches[place - 1 : place + 2]
        short = one.end_ms - one.start_ms <= GAP_MS and one.value not in {UNKNOWN, "gap"}
        if short and before.value in RUNNING and after.value in RUNNING:
            result[place] = one._replace(value="ACTIVE")
    return result


def _add(hours: Hours, stretch: Stretch, opens: set[date]) -> None:
    """Add a stretch's time within the calendar to the days it lies on."""
    day = datetime.fromtimestamp(stretch.start_ms / 1000, ZONE).date()
    while day <= datetime.fromtimestamp(stretch.end_ms / 1000, ZONE).date():
        if day in opens:
            start_ms = datetime.combine(day, OPENS, ZONE).timestamp() * 1000
            end_ms = datetime.combine(day, CLOSES, ZONE).timestamp() * 1000
            within_ms = min(end_ms, stretch.end_ms) - max(start_ms, stretch.start_ms)
            hours[(day - FIRST_DAY).days] += max(0.0, within_ms) / 3_600_000
        day += timedelta(days=1)
