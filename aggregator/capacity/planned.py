"""Planned busy time ahead: a factory's calendar in, hours of its machines by day and week out."""

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np

from agent.contract.records import HOUR_MS
from aggregator.capacity.attendance import unattended_ms
from aggregator.capacity.calendar import Span, open_ms, spans_by_machine
from aggregator.capacity.load import Hours
from aggregator.capacity.local_time import moment_ms
from aggregator.model.calendar import Calendar
from aggregator.model.week import Week


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


class Part(NamedTuple):
    """Hours on each day from today on, of shifts with one number of people: planned, and nobody's to tend."""

    open_h: Hours
    lost_h: Hours


Ahead = tuple[Part, ...]
"""A machine's time ahead. Where people are short depends on the shift, so each staff is a part of its own."""

_Spans = Mapping[str, Sequence[Span]]


class Planned:
    """Planned time of one factory's machines; what lies behind the present day is worked out once."""

    def __init__(
        self, calendar: Calendar, machines: Collection[str], horizon: Horizon, zone: ZoneInfo
    ) -> None:
        self._midnights_ms = horizon.midnights_ms
        spans = spans_by_machine(calendar, machines, horizon.midnights_ms[0], horizon.midnights_ms[-1], zone)
        self._by_staff = _by_staff(spans)
        self._whole = [
            (_open_hours(own, self._midnights_ms), _lost_hours(own, self._midnights_ms))
            for own in self._by_staff
        ]

    def ahead(self, now_ms: int) -> dict[str, Ahead]:
        """Return by machine what is left from now on (`now_ms`, UTC ms, within today)."""
        rest = (now_ms, self._midnights_ms[1])
        found: dict[str, list[Part]] = {}
        for own, (open_h, lost_h) in zip(self._by_staff, self._whole, strict=True):
            open_now, lost_now = _open_hours(own, rest), _lost_hours(own, rest)
            for machine in own:
                part = Part(open_h[machine].copy(), lost_h[machine].copy())
                part.open_h[0], part.lost_h[0] = open_now[machine][0], lost_now[machine][0]
                found.setdefault(machine, []).append(part)
        return {machine: tuple(parts) for machine, parts in found.items()}


def _by_staff(spans: _Spans) -> list[_Spans]:
    """Return the spans of each staff that occurs, every machine in each; at least one."""
    lists = {id(own): own for own in spans.values()}
    staffs = {span.staff for own in lists.values() for span in own} or {None}
    found: list[_Spans] = []
    for staff in staffs:
        kept = {at: [span for span in own if span.staff == staff] for at, own in lists.items()}
        found.append({machine: kept[id(own)] for machine, own in spans.items()})
    return found


def _open_hours(spans: _Spans, edges_ms: Sequence[int]) -> dict[str, Hours]:
    """Return by machine its hours between the edges; machines that work alike share their list, and these."""
    lists = {id(own): own for own in spans.values()}
    hours = {
        at: np.array([open_ms(own, since, until) for since, until in pairwise(edges_ms)]) / HOUR_MS
        for at, own in lists.items()
    }
    return {machine: hours[id(own)] for machine, own in spans.items()}


def _lost_hours(spans: _Spans, edges_ms: Sequence[int]) -> dict[str, Hours]:
    """Return by machine the hours between the edges in which nobody can tend it."""
    lost = {machine: np.zeros(len(edges_ms) - 1) for machine in spans}
    if not any(span.staff is not None for own in spans.values() for span in own):
        return lost
    for at, (since, until) in enumerate(pairwise(edges_ms)):
        near = {machine: _near(own, since, until) for machine, own in spans.items()}
        if any(near.values()):
            for machine, length_ms in unattended_ms(near, since, until).items():
                lost[machine][at] = min(length_ms, open_ms(near[machine], since, until)) / HOUR_MS
    return lost


def _near(spans: Sequence[Span], since_ms: int, until_ms: int) -> Sequence[Span]:
    first = bisect_right(spans, since_ms, key=lambda span: span.end_ms)
    return spans[first : bisect_left(spans, until_ms, key=lambda span: span.start_ms)]
