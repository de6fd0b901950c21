"""Says what a buyer reads of an order in one language: dates, chances, what steps do, why a date moved."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime

from aggregator.buyers.view import BuyerArrival, BuyerChange, BuyerStep, Maker
from aggregator.model.progress import Cause, Progress
from aggregator.web.formats import MONTHS, N_, Formats

DOING: dict[Progress, str] = {
    Progress.WAITING: N_("Waiting for the step before"),
    Progress.READY: N_("Ready to begin"),
    Progress.RUNNING: N_("In progress"),
    Progress.PAUSED: N_("On hold"),
    Progress.DONE: N_("Finished"),
    Progress.CANCELLED: N_("Withdrawn"),
}

# Hours are the part of the delay that goes to the cause, and not how long the cause itself lasted.
_AT_STEP: dict[Cause, str] = {
    Cause.BREAKDOWN: N_("Step {number} ({process}): {hours} h behind, as a machine was out of order."),
    Cause.LATE_START: N_("Step {number} ({process}): {hours} h behind, as work began late."),
    Cause.SLOW: N_("Step {number} ({process}): {hours} h behind, as work takes longer."),
    Cause.SCRAP: N_("Step {number} ({process}): {hours} h behind, as parts have to be made again."),
    Cause.WAITING: N_("Step {number} ({process}): {hours} h behind, as the work waited for its turn."),
    Cause.UNKNOWN: N_(
        "Step {number} ({process}): {hours} h behind; data that would tell why did not arrive."
    ),
}
_FIRST = N_("Expected arrival: {day}.")
_LATER = N_("The expected arrival moved back by {days}, to {day}.")
_SOONER = N_("The expected arrival moved forward by {days}, to {day}.")
_GOES_WELL = N_("Work goes faster than planned.")
_RECKONED = N_("The forecast was updated.")
_DAY, _DAYS = N_("1 day"), N_("{days} days")
_FACTORY = N_("Factory {letter}")
_MEASURED, _REPORTED, _BOTH = N_("measured by machine"), N_("reported by people"), N_("measured and reported")
_SURE, _NEVER = N_("over 99%"), N_("under 1%")
_WEEKDAYS = {"ja": "月火水木金土日", "en": ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")}

GOOD, FAIR = 0.8, 0.5
"""From these chances on an arrival in time is likely, or open; below, it is in danger."""
VERDICTS: dict[str, str] = {
    "good": N_("Likely on time"),
    "fair": N_("May be late"),
    "bad": N_("Likely late"),
    "none": N_("Not yet known"),
}


@dataclass(frozen=True, slots=True)
class BuyerSay:
    """`process_name` tells what people call a process."""

    fmt: Formats
    process_name: Callable[[str | None], str | None]

    def day(self, at_ms: int | None) -> str:
        """Return the day in which a moment ends: midnight still belongs to the day before."""
        return self.fmt.unknown if at_ms is None else self.date_of(self._day(at_ms))

    def date_of(self, day: date) -> str:
        """Return `12月9日(水)` or `Wed 9 Dec`."""
        weekday = _WEEKDAYS[self.fmt.language][day.weekday()]
        if self.fmt.language == "ja":
            return f"{day.month}月{day.day}日({weekday})"
        return f"{weekday} {day.day} {MONTHS[day.month - 1]}"

    def iso(self, at_ms: int) -> str:
        """Return the day for `<time datetime>`."""
        return self._day(at_ms).isoformat()

    def chance(self, share: float | None) -> str:
        """Return `92%`; nothing is certain before it happened."""
        if share is None:
            return self.fmt.unknown
        if share >= 0.995 or share < 0.01:
            return self.fmt.text(_SURE if share >= 0.995 else _NEVER)
        return self.fmt.share(share)

    def verdict(self, arrival: BuyerArrival) -> str:
        """Return the key of `VERDICTS`."""
        if arrival.on_time is None:
            return "none"
        return "good" if arrival.on_time >= GOOD else "fair" if arrival.on_time >= FAIR else "bad"

    def maker(self, maker: Maker) -> str:
        """Return the firm's name, or a neutral one."""
        return maker.name or self.fmt.text(_FACTORY).format(letter=maker.letter)

    def process(self, process: str) -> str:
        """Return the process as people call it."""
        return self.process_name(process) or process

    def source(self, step: BuyerStep) -> str:
        """Return where the count comes from; nothing while there is none."""
        if not step.good:
            return ""
        known = _BOTH if step.measured and step.reported else _MEASURED if step.measured else _REPORTED
        return self.fmt.text(known)

    def change(self, change: BuyerChange, process: str | None) -> str:
        """Return what changed and why, as one or two sentences."""
        text, day = self.fmt.text, self.day(change.after_ms)
        if change.before_ms is None:
            return text(_FIRST).format(day=day)
        moved = (self._day(change.after_ms) - self._day(change.before_ms)).days
        days = text(_DAY) if abs(moved) == 1 else text(_DAYS).format(days=abs(moved))
        what = text(_LATER if moved > 0 else _SOONER).format(days=days, day=day)
        gap = "" if self.fmt.language == "ja" else " "
        return f"{self._why(change, process, moved)}{gap}{what}"

    def _why(self, change: BuyerChange, process: str | None, moved: int) -> str:
        pattern = _AT_STEP.get(change.cause) if change.cause else None
        if pattern is None or process is None or change.hours is None:
            return self.fmt.text(_RECKONED if moved > 0 else _GOES_WELL)
        hours = max(round(change.hours), 1)
        return self.fmt.text(pattern).format(
            number=change.position, process=self.process(process), hours=hours
        )

    def _day(self, at_ms: int) -> date:
        return datetime.fromtimestamp((at_ms - 1) / 1000, UTC).astimezone(self.fmt.zone).date()
