"""The words of spare capacity: levels, reasons and terms as message ids; weeks and hours as text."""

from aggregator.capacity.terms import Level
from aggregator.model.capacity import NoNumber
from aggregator.model.week import Week
from aggregator.web.formats import MONTHS, N_, Formats

LEVEL_WORDS: dict[Level, str] = {
    Level.PLENTY: N_("Plenty"),
    Level.SOME: N_("Some"),
    Level.PERHAPS: N_("Perhaps"),
    Level.NONE: N_("None"),
    Level.CLOSED: N_("Closed"),
    Level.UNKNOWN: N_("unknown"),
}

LEVEL_MEANINGS: dict[Level, str] = {
    Level.PLENTY: N_("at least 20%% of the planned time is free in nine of ten weeks like this"),
    Level.SOME: N_("at least 5%% is free in nine of ten such weeks"),
    Level.PERHAPS: N_("free in every second such week, but not to be promised"),
    Level.NONE: N_("the machines are full"),
    Level.CLOSED: N_("nobody is planned to work"),
    Level.UNKNOWN: N_("too little is measured, or no calendar is entered"),
}

REASONS: dict[NoNumber, str] = {
    NoNumber.NO_CALENDAR: N_("No calendar yet"),
    NoNumber.NO_HISTORY: N_("Measured too short"),
    NoNumber.LOW_COVERAGE: N_("Too little data"),
    NoNumber.STILL_READING: N_("Still being read"),
}

TERMS: dict[str, str] = {
    "planned": N_("Machine time with people planned"),
    "unattended": N_("Machines that nobody can tend"),
    "private": N_("The factory's own work (forecast)"),
    "reserve": N_("Reserve that the factory keeps"),
    "committed": N_("Placed orders still to be made"),
    "floor": N_("More than full: counted as zero"),
}

THIS_WEEK, NEXT_WEEK = N_("This week"), N_("Next week")


def week_word(fmt: Formats, week: Week, current: Week) -> str:
    """Return `This week`, `Next week`, or the Monday it begins with."""
    if week == current:
        return fmt.text(THIS_WEEK)
    return fmt.text(NEXT_WEEK) if week == current.later(1) else monday(fmt, week)


def monday(fmt: Formats, week: Week) -> str:
    """Return the week's first day: `12/7` or `7 Dec`."""
    day = week.monday
    return f"{day.month}/{day.day}" if fmt.language == "ja" else f"{day.day} {MONTHS[day.month - 1]}"


def whole(hours: float) -> str:
    """Return whole hours: `1,234`."""
    return f"{hours:,.0f}"


def fine(hours: float) -> str:
    """Return hours with one decimal; never a minus zero."""
    return f"{round(hours, 1) + 0.0:,.1f}"


def signed(hours: float) -> str:
    """Return hours as they stand in a sum: `120.0`, `−78.5` (with a true minus sign)."""
    return fine(hours).replace("-", "−")
