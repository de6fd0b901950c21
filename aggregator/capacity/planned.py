"""Planned busy time ahead: a factory's calendar in, hours of its machines by day and week out."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np

from aggregator.capacity.attendance import unattended_ms
from aggregator.capacity.calendar import Span, open_ms, spans_by_machine
from aggregator.capacity.load import Hours
from aggregator.capacity.local_time import moment_ms
from aggregator.model.calendar import Calendar
from aggregator.model.week import Week

HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class Horizon:
    """The days from today to the Sunday of the last week; `midnights_ms` holds one moment more than days."""

    today: date
    weeks: tuple[Week, ...]
    midnights_ms: tuple[int, ...]

    @classmethod
    def of(cls, today: date, weeks: int, zone: ZoneInfo) -> "Horizon":
        """Return the week of `today` and those that follow, `weeks` in all."""
        current = Week.of(today)
        ahead = tuple(current.later(number) for number in range(weeks))
        days = (ahead[-1].monday - today).days + 7
        midnights = (moment_ms(today + timedelta(days=day), 0, zone) for day in range(days + 1))
        return cls(today, ahead, tuple(midnights))

    @property
    def starts(self) -> list[int]:
        """On which day each week begins, counted from today; the current one begins today."""
        return [max(0, (week.monday - self.today).days) for week in self.weeks]


class Ahead(NamedTuple):
    """A machine's planned busy hours on each day from today on; hours of each week that nobody can tend."""

    day_h: Hours
    unattended_h: Hours


class Planned:
    """Planned time of one factory's machines; what lies behind the present day is worked out once."""

    def __init__(
        self, calendar: Calendar, machines: Collection[str], horizon: Horizon, zone: ZoneInfo
    ) -> None:
        self._horizon = horizon
        since_ms, until_ms = horizon.midnights_ms[0], horizon.midnights_ms[-1]
        self._spans = spans_by_machine(calendar, machines, since_ms, until_ms, zone)
        self._staffed = any(span.staff is not None for own in _lists(self._spans) for span in own)
        days = {id(own): _day_hours(own, horizon.midnights_ms) for own in _lists(self._spans)}
        self._day_h = {machine: days[id(own)] for machine, own in self._spans.items()}
        edges = horizon.midnights_ms
        bounds = [edges[start] for start in horizon.starts] + [edges[-1]]
        self._bounds = list(pairwise(bounds))
        self._later = [self._unattended(*bound) for bound in self._bounds[1:]]

    def ahead(self, now_ms: int) -> dict[str, Ahead]:
        """Return by machine what is left from now on (`now_ms`, UTC ms, within today)."""
        tomorrow_ms = self._horizon.midnights_ms[1]
        today_h = {id(own): open_ms(own, now_ms, tomorrow_ms) / HOUR_MS for own in _lists(self._spans)}
        weeks = [self._unattended(now_ms, self._bounds[0][1]), *self._later]
        found: dict[str, Ahead] = {}
        for machine, own in self._spans.items():
            day_h = self._day_h[machine].copy()
            day_h[0] = today_h[id(own)]
            found[machine] = Ahead(day_h, np.array([week.get(machine, 0) for week in weeks]) / HOUR_MS)
        return found

    def _unattended(self, since_ms: int, until_ms: int) -> dict[str, int]:
        if not self._staffed or since_ms >= until_ms:
            return {}
        return unattended_ms(self._spans, since_ms, until_ms)


def _lists(spans: Mapping[str, Sequence[Span]]) -> list[Sequence[Span]]:
    """Return every list of spans once: machines that work alike share theirs."""
    return list({id(own): own for own in spans.values()}.values())


def _day_hours(spans: Sequence[Span], midnights_ms: Sequence[int]) -> Hours:
    return np.array([open_ms(spans, since, until) for since, until in pairwise(midnights_ms)]) / HOUR_MS
