"""Whatever a file holds, it is read or refused in one sentence."""

import contextlib

from hypothesis import example, given, settings
from hypothesis import strategies as st

from aggregator.calendar_files.imported import Imported
from aggregator.calendar_files.read import read_file
from aggregator.tables import FileFault
from tests.aggregator.calendar_files.dates import DATA, wishes
from tests.aggregator.calendar_files.test_table import JAPANESE

GOOGLE = (DATA / "google.ics").read_text("utf-8")
LINES = GOOGLE.splitlines()
VALUES = st.sampled_from(
    (
        *("", "x", "VEVENT", "Asia/Tokyo", "\x00", "1e9", "P1D", "-PT5H", "BEGIN:VEVENT"),
        *("20260231", "20261127T080000Z", "20261127T990000", "19000101", "99991231", "00010101T000000"),
        *("20261127,20261128", "20261127/P1D", "FREQ=DAILY", "FREQ=YEARLY;COUNT=-1", "FREQ=MONTHLY;UNTIL=1"),
        *("FREQ=WEEKLY;BYDAY=XX", "FREQ=MONTHLY;BYSETPOS=-1;BYDAY=MO", "FREQ=DAILY;INTERVAL=0"),
        "FREQ=DAILY;UNTIL=20261231T000000Z;COUNT=3",
    )
)
NAMES = st.sampled_from(
    (
        *("DTSTART", "DTEND", "DURATION", "RRULE", "RDATE", "EXDATE", "RECURRENCE-ID", "UID", "STATUS"),
        *("DTSTART;VALUE=DATE", "DTSTART;TZID=Asia/Tokyo", "DTEND;TZID=Nowhere", "EXDATE;VALUE=DATE"),
        *("CATEGORIES", "BEGIN", "END"),
    )
)


def check(data: bytes) -> None:
    with contextlib.suppress(FileFault):
        assert isinstance(read_file(data, wishes()), Imported)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(LINES) - 1), NAMES, VALUES), min_size=1, max_size=4))
def test_a_calendar_with_lines_replaced(changes: list[tuple[int, str, str]]) -> None:
    lines = list(LINES)
    for place, name, value in changes:
        lines[place] = f"{name}:{value}"
    check("\r\n".join(lines).encode())


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(NAMES, VALUES), max_size=6))
@example([("DTSTART", "20261127T080000Z"), ("DURATION", "-PT5H")])
def test_an_event_of_any_lines(lines: list[tuple[str, str]]) -> None:
    event = ["BEGIN:VCALENDAR", "BEGIN:VEVENT", *(f"{name}:{value}" for name, value in lines)]
    check("\r\n".join([*event, "END:VEVENT", "END:VCALENDAR"]).encode())


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 400), st.binary(max_size=6), st.sampled_from(["cp932", "utf-8", "utf-8-sig"]))
def test_a_table_with_bytes_replaced(place: int, bytes_: bytes, encoding: str) -> None:
    data = JAPANESE.encode(encoding)
    check(data[:place] + bytes_ + data[place + len(bytes_) :])


@given(st.binary(max_size=200))
def test_any_bytes(data: bytes) -> None:
    check(data)
    check(b"BEGIN:VCALENDAR\r\n" + data + b"\r\nEND:VCALENDAR")
