"""Sentences about mistakes in a table of orders: message ids, translated where they are shown."""

from aggregator import tables
from aggregator.order_files import read
from aggregator.order_files.read import DraftFault
from aggregator.tables import FileFault
from aggregator.web.factory_words import FILE_WORDS, placed
from aggregator.web.formats import N_, Formats
from aggregator.web.match_say import Say

WORDS: dict[str, str] = {
    tables.NO_TEXT: FILE_WORDS[tables.NO_TEXT],
    tables.BROKEN: FILE_WORDS[tables.BROKEN],
    read.TOO_LARGE: N_("The file is larger than {most} MB. Split it."),
    read.TOO_MANY: N_("There are more than {most} orders in it. Split the file."),
    read.NO_ORDERS: N_("There are no orders in it."),
    read.NO_HEADER: N_("The first line has to name the columns. Missing: {missing}"),
    read.EMPTY: N_("This must not be empty."),
    read.NO_NUMBER: N_("A number of 0 or more is expected here, not {said}."),
    read.NO_COUNT: N_("A whole number is expected here, not {said}."),
    read.NO_SIZE: N_("Length, width and height such as 120x80x40 are expected here, not {said}."),
    read.NO_DAY: N_("A date such as 2026-12-25 is expected here, not {said}."),
    read.NO_STEP: N_("The number or the process of one step of this order is expected here, not {said}."),
    read.DIFFERS: N_("This is not what line {first} says of the same order."),
    read.UNPRINTABLE: N_("There are characters in it that cannot be shown."),
}


def order_sentence(fault: FileFault, fmt: Formats, say: Say) -> str:
    """Return where a table of orders is wrong, and why."""
    if isinstance(fault, DraftFault):
        return placed(fault, say.fault(fault.fault), fmt)
    return placed(fault, fmt.text(WORDS[fault.reason]).format(**fault.values), fmt)
