"""Sentences about mistakes in a factory's profile: message ids, translated where they are shown."""

from collections.abc import Sequence

from aggregator import tables
from aggregator.calendar_files import ical, imported, table
from aggregator.model import profile_faults as faults
from aggregator.tables import FileFault
from aggregator.web.entered_text import Wrong
from aggregator.web.formats import N_, Formats

FAULT_WORDS: dict[str, str] = {
    faults.NO_DAY: N_("Choose at least one weekday."),
    faults.WRONG_DAY: N_("Choose at least one weekday."),
    faults.START_OF_DAY: N_("Enter a time between 0:00 and 23:59."),
    faults.ENDS_EARLY: N_("This ends before it starts."),
    faults.TOO_LONG_SHIFT: N_("A shift lasts 24 hours at most."),
    faults.BREAK_OUTSIDE: N_("The break lies outside the shift."),
    faults.BETWEEN: N_("Enter a number from {least} to {most}."),
    faults.TOO_MANY: N_("At most {most} entries are possible."),
    faults.TOO_LONG_TEXT: N_("At most {most} characters are possible, on one line."),
    faults.TWICE: N_("This is entered twice."),
    faults.EMPTY: N_("Enter something here."),
    faults.TOO_LONG_CLOSURE: N_("At most {most} days are possible."),
    faults.FAR_YEAR: N_("Enter a year from 2000 to 2099."),
    faults.NO_WEEK: N_("Enter a week such as 2026-W48."),
    faults.POSITIVE: N_("Enter a number above 0, up to {most}."),
}
FILE_WORDS: dict[str, str] = {
    imported.TOO_LARGE: N_("The file is larger than {most} MB. Split it."),
    imported.TOO_MANY: N_("There are more than {most} dates in it. Split the file, or shorten repetitions."),
    imported.NOTHING_IN_IT: N_("There are no dates in it that can be imported."),
    imported.ENDS_EARLY: N_("This ends before it starts."),
    imported.NO_WHOLE_DAY_OVERTIME: N_("Overtime needs times of day."),
    imported.NO_SUCH_MACHINE: N_("{said} is no machine of this factory."),
    ical.NO_CALENDAR: N_("This is no whole iCalendar file."),
    ical.NO_CONTENT_LINE: N_("This cannot be read: {said}"),
    ical.NO_VALUE: N_("This cannot be understood: {said}"),
    ical.NO_START: N_("An event has no start."),
    ical.NO_ZONE: N_("The time zone {said} is not known."),
    ical.TOO_OFTEN: N_("This repeats more often than daily. Shorten it."),
    ical.TOO_MUCH: N_("The repetitions are too many. Shorten them."),
    ical.TWICE: N_("This stands twice in one event."),
    ical.BOTH_TIMES: N_("Start and end both need a time of day, or neither."),
    tables.NO_TEXT: N_("The file is neither UTF-8 nor Shift_JIS text. Save it from Excel as CSV."),
    table.NO_HEADER: N_("The first line has to name the columns, at least the start."),
    tables.NO_DATE: N_("A date such as 2026-08-13 or 2026-08-13 8:00 is expected here, not {said}."),
    table.NO_KIND: N_("Closure, stop or overtime is expected here, not {said}."),
    table.NO_STAFF: N_("A whole number of machines is expected here, not {said}."),
    tables.BROKEN: N_("This cannot be read as a table: {said}"),
}
SECTION_WORDS: dict[str, str] = {
    "shifts": N_("Shift"),
    "closures": N_("Closed days"),
    "stops": N_("Planned stops"),
    "overtime": N_("Overtime"),
    "reserve": N_("Reserve"),
    "declared": N_("Hours that the factory says it has free"),
}
PLACE_AND_REASON = N_("{place}: {reason}")
LINE, COLUMN = N_("line {line}"), N_("column {column}")
_PERCENT = {"least": "0", "most": "100"}

WEEKDAYS = (N_("Mon"), N_("Tue"), N_("Wed"), N_("Thu"), N_("Fri"), N_("Sat"), N_("Sun"))


def sentences(wrong: dict[str, Wrong], fmt: Formats) -> dict[str, str]:
    """Return the sentence beside each wrong field, in the language of the page."""
    return {name: _sentence(name, each, fmt) for name, each in wrong.items()}


def summary(wrong: dict[str, str], machines: Sequence[str], fmt: Formats) -> list[tuple[str, str]]:
    """Return every wrong field's name, and its sentence with the place on the page before it."""
    found = []
    for name, sentence in wrong.items():
        section, _, rest = name.partition(".")
        number = rest.partition(".")[0]
        place = fmt.text(SECTION_WORDS.get(section, ""))
        if section == "machines" and number.isdecimal() and int(number) < len(machines):
            place = machines[int(number)]
        elif number.isdecimal():
            place = f"{place} {int(number) + 1}"
        found.append((name, fmt.text(PLACE_AND_REASON).format(place=place, reason=sentence)))
    return found


def file_sentence(fault: FileFault, fmt: Formats) -> str:
    """Return where a file is wrong, and why."""
    return placed(fault, fmt.text(FILE_WORDS[fault.reason]).format(**fault.values), fmt)


def placed(fault: FileFault, reason: str, fmt: Formats) -> str:
    """Return the reason behind the line and the column that it is about."""
    places = [fmt.text(LINE).format(line=fault.line)] if fault.line is not None else []
    places += [fmt.text(COLUMN).format(column=fault.column)] if fault.column else []
    return f"{fmt.text(', ').join(places)}: {reason}" if places else reason


def _sentence(name: str, wrong: Wrong, fmt: Formats) -> str:
    values = _PERCENT if name == "reserve" and wrong.values else wrong.values
    return fmt.text(FAULT_WORDS.get(wrong.reason, wrong.reason)).format(**values)
