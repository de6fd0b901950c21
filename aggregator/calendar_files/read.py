"""A file of dates, whichever kind it is: bytes in, entries of a calendar out."""

from aggregator.calendar_files.ical import read_ical
from aggregator.calendar_files.imported import MAX_BYTES, TOO_LARGE, Imported, Wishes
from aggregator.calendar_files.table import read_table
from aggregator.tables import FileFault


def read_file(data: bytes, wishes: Wishes) -> Imported:
    """Return what an iCalendar file or a CSV table means; raises FileFault in one sentence."""
    if len(data) > MAX_BYTES:
        raise FileFault(TOO_LARGE, most=f"{MAX_BYTES / 1_000_000:g}")
    begins = data.removeprefix(b"\xef\xbb\xbf").lstrip()[:15].upper()
    return read_ical(data, wishes) if begins == b"BEGIN:VCALENDAR" else read_table(data, wishes)
