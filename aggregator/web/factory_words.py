"""Sentences about mistakes in a factory's profile: message ids, translated where they are shown."""

from aggregator.model import profile_faults as faults
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
_PERCENT = {"least": "0", "most": "100"}

WEEKDAYS = (N_("Mon"), N_("Tue"), N_("Wed"), N_("Thu"), N_("Fri"), N_("Sat"), N_("Sun"))


def sentences(wrong: dict[str, Wrong], fmt: Formats) -> dict[str, str]:
    """Return the sentence beside each wrong field, in the language of the page."""
    return {name: _sentence(name, each, fmt) for name, each in wrong.items()}


def _sentence(name: str, wrong: Wrong, fmt: Formats) -> str:
    values = _PERCENT if name == "reserve" and wrong.values else wrong.values
    return fmt.text(FAULT_WORDS.get(wrong.reason, wrong.reason)).format(**values)
