"""Says what matching found in one language: days, hours, tiers, reasons."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from aggregator.matching.faults import Fault
from aggregator.model.job import JobStatus
from aggregator.model.match import MatchStatus, OrderStatus
from aggregator.model.proposal import Missing, Tiers
from aggregator.model.week import Week
from aggregator.web.formats import MONTHS, N_, Formats
from aggregator.web.match_words import (
    AS_GOOD,
    CANCELLED,
    COSTS,
    CURES,
    FAULTS,
    HARDLY,
    HOURS,
    JOB_STATUS,
    LACKING,
    NO,
    REASONS,
    STATUS,
    SURE,
    YES,
)

_WEEKDAYS = {"ja": "月火水木金土日", "en": ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")}
_JOIN, _WEEK, _WEEKS = N_(", "), N_("week of {day}"), N_("weeks of {first} to {last}")
MORE_THAN_99 = 0.995


@dataclass(frozen=True, slots=True)
class Say:
    """Says things in one language; names of factories and processes by id."""

    fmt: Formats
    factories: Mapping[str, str]
    process_name: Callable[[str | None], str | None]
    today: date

    def factory(self, factory: str | None) -> str:
        """Return the factory's name."""
        return self.factories.get(factory, factory) if factory else self.fmt.unknown

    def process(self, process: str) -> str:
        """Return the process as people call it."""
        return self.process_name(process) or process

    def day(self, day: date | None) -> str:
        """Return `12月25日(金)` or `Fri 25 Dec`, with the year when it is another one."""
        if day is None:
            return self.fmt.unknown
        plain, weekday = self._short(day), _WEEKDAYS[self.fmt.language][day.weekday()]
        return f"{plain}({weekday})" if self.fmt.language == "ja" else f"{weekday} {plain}"

    def week(self, week: Week) -> str:
        """Return `11月30日の週` or `week of 30 Nov`."""
        return self.fmt.text(_WEEK).format(day=self._short(week.monday))

    def weeks(self, weeks: Iterable[Week]) -> str:
        """Return one week, or the first and the last of several."""
        found = sorted(weeks)
        if not found:
            return self.fmt.unknown
        if len(found) == 1:
            return self.week(found[0])
        first, last = self._short(found[0].monday), self._short(found[-1].monday)
        return self.fmt.text(_WEEKS).format(first=first, last=last)

    def monday(self, week: Week) -> str:
        """Return `11/30` or `30 Nov`."""
        return self.fmt.tick(week.monday) if self.fmt.language == "ja" else self._short(week.monday)

    def hours(self, minutes: int) -> str:
        """Return hours with one decimal: `12.5`."""
        return f"{minutes / 60:,.1f}"

    def permille(self, value: int) -> str:
        """Return `6.9%`."""
        return f"{value / 10:.1f}%"

    def chance(self, share: float) -> str:
        """Return `93%`; nothing that is forecast is quite sure."""
        if share >= MORE_THAN_99:
            return self.fmt.text(SURE)
        return self.fmt.text(HARDLY) if share < 1 - MORE_THAN_99 else self.fmt.share(share)

    def tier(self, name: str, tiers: Tiers) -> str:
        """Return what a plan costs in one tier."""
        value: int = getattr(tiers, name)
        if name == "unplaced_minutes":
            return self.fmt.text(HOURS).format(hours=self.hours(value) if value else "0")
        if name == "late_orders":
            return self.fmt.text(YES if value else NO)
        return self.permille(value) if name == "largest_share_permille" else f"{value:,}"

    def fault(self, fault: Fault) -> str:
        """Return a fault of a draft as a sentence."""
        pattern = FAULTS.get(fault.code)
        return self.fmt.text(pattern).format(**fault.values) if pattern else fault.reason

    def missing(self, missing: Missing) -> str:
        """Return why work has no place, as a sentence."""
        words = [self.fmt.text(LACKING[each]) if each in LACKING else each for each in missing.lacking]
        week = self.week(missing.week) if missing.week else self.fmt.unknown
        values = {
            "lacking": self.fmt.text(_JOIN).join(words),
            "hours": self.hours(missing.minutes),
            "week": week,
        }
        return self.fmt.text(REASONS[missing.reason]).format(**values) if missing.reason in REASONS else ""

    def cure(self, kind: str, amount: int) -> str:
        """Return what would cure it."""
        hours = self.hours(amount)
        return self.fmt.text(CURES[kind]).format(amount=amount, hours=hours) if kind in CURES else ""

    def because(self, here: Tiers, there: Tiers) -> str:
        """Return what makes `here` better than `there`: the first tier that tells them apart."""
        for name, (one, several) in COSTS.items():
            ours, theirs = getattr(here, name), getattr(there, name)
            if theirs > ours:
                count = there.late_days if name == "late_orders" else theirs - ours
                pattern = self.fmt.text(one if count == 1 else several)
                return pattern.format(**self._cost(name, ours, there, theirs))
            if theirs < ours:
                break
        return self.fmt.text(AS_GOOD)

    def status(self, status: MatchStatus, order: OrderStatus) -> str:
        """Return where a proposal stands."""
        gone = status is MatchStatus.APPROVED and order is OrderStatus.CANCELLED
        return self.fmt.text(CANCELLED if gone else STATUS[status])

    def job_status(self, status: JobStatus) -> str:
        """Return where a job stands."""
        return self.fmt.text(JOB_STATUS[status])

    def _cost(self, name: str, ours: int, there: Tiers, theirs: int) -> dict[str, str]:
        if name == "unplaced_minutes":
            return {"more": self.hours(theirs - ours)}
        if name == "late_orders":
            return {"there": f"{there.late_days:,}"}
        if name == "largest_share_permille":
            return {"there": self.permille(theirs), "here": self.permille(ours)}
        return {"more": f"{theirs - ours:,}"}

    def _short(self, day: date) -> str:
        year = (
            ""
            if day.year == self.today.year
            else f"{day.year}年"
            if self.fmt.language == "ja"
            else f" {day.year}"
        )
        if self.fmt.language == "ja":
            return f"{year}{day.month}月{day.day}日"
        return f"{day.day} {MONTHS[day.month - 1]}{year}"
