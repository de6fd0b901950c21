"""iCalendar files of several makers, and broken ones."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import icalendar
import pytest

from aggregator.calendar_files.ical import read_ical
from aggregator.calendar_files.imported import Imported, Kind
from aggregator.model.calendar import Closure, Overtime, PlannedStop
from aggregator.tables import FileFault
from tests.aggregator.calendar_files.dates import DATA, TOKYO, ms, wishes


def calendar(*lines: str) -> bytes:
    return "\r\n".join(("BEGIN:VCALENDAR", "VERSION:2.0", *lines, "END:VCALENDAR", "")).encode()


def event(*lines: str) -> bytes:
    return calendar("BEGIN:VEVENT", "UID:one", *lines, "END:VEVENT")


def test_a_calendar_exported_by_google_is_read_whole() -> None:
    assert read_ical((DATA / "google.ics").read_bytes(), wishes()) == Imported(
        closures=(
            Closure(date(2026, 8, 13), date(2026, 8, 16), "お盆休み"),
            Closure(date(2026, 12, 29), date(2027, 1, 3), "年末年始"),
        ),
        planned_stops=(PlannedStop(ms(2026, 11, 27, 13), ms(2026, 11, 27, 17), None, "1号機 点検"),),
        overtime=tuple(
            Overtime(ms(2026, 12, day, 17, 30), ms(2026, 12, day, 19, 30), None, None, "月曜残業")
            for day in (7, 14, 28)
        ),
    )


def test_a_time_zone_of_its_own_is_kept_through_a_change_of_clocks() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    made = icalendar.Calendar.new()
    entry = icalendar.Event.new(
        summary="Wartung",
        start=datetime(2027, 3, 22, 8, tzinfo=berlin),
        end=datetime(2027, 3, 22, 10, tzinfo=berlin),
    )
    entry.add("RRULE", {"FREQ": "WEEKLY", "COUNT": 2})
    made.add_component(entry)
    made.add_missing_timezones()
    assert b"DTSTART;TZID=Europe/Berlin" in made.to_ical()
    found = read_ical(made.to_ical(), wishes())
    starts = [datetime.fromtimestamp(stop.start_ms / 1000, UTC) for stop in found.planned_stops]
    assert starts == [datetime(2027, 3, 22, 7, tzinfo=UTC), datetime(2027, 3, 29, 6, tzinfo=UTC)]


def test_a_time_without_a_zone_is_the_federations() -> None:
    data = event("DTSTART:20261127T080000", "DTEND:20261127T090000")
    for zone in (TOKYO, ZoneInfo("Europe/Berlin")):
        [stop] = read_ical(data, wishes(zone=zone)).planned_stops
        assert stop.start_ms == ms(2026, 11, 27, 8, zone=zone)


def test_repetitions_are_followed_for_fifteen_months_and_no_longer() -> None:
    data = event("DTSTART;VALUE=DATE:20200105", "RRULE:FREQ=MONTHLY")
    closures = read_ical(data, wishes()).closures
    assert closures[0].first == date(2026, 6, 5)
    assert closures[-1].first == date(2028, 2, 5)


@pytest.mark.parametrize(
    ("rule", "times"),
    [("FREQ=DAILY;COUNT=3", 3), ("FREQ=DAILY;UNTIL=20261130T235959Z", 4), ("FREQ=MONTHLY;COUNT=99", 15)],
)
def test_a_rule_ends_where_it_says_or_where_imports_end(rule: str, times: int) -> None:
    found = read_ical(event("DTSTART:20261127T080000Z", "DURATION:PT1H", f"RRULE:{rule}"), wishes())
    assert len(found.planned_stops) == times


def test_a_changed_and_a_left_out_repetition_are_seen() -> None:
    data = calendar(
        *("BEGIN:VEVENT", "UID:a", "DTSTART:20261201T080000", "DTEND:20261201T090000"),
        *("RRULE:FREQ=DAILY;COUNT=3", "EXDATE:20261202T080000", "END:VEVENT"),
        *("BEGIN:VEVENT", "UID:a", "RECURRENCE-ID:20261203T080000"),
        *("DTSTART:20261203T130000", "DURATION:PT2H", "SUMMARY:later", "END:VEVENT"),
    )
    stops = read_ical(data, wishes()).planned_stops
    assert [(stop.start_ms, stop.end_ms, stop.name) for stop in stops] == [
        (ms(2026, 12, 1, 8), ms(2026, 12, 1, 9), ""),
        (ms(2026, 12, 3, 13), ms(2026, 12, 3, 15), "later"),
    ]


def test_the_wished_kind_and_machine_are_for_events_that_do_not_say() -> None:
    timed = ("DTSTART:20261127T080000", "DTEND:20261127T090000")
    assert read_ical(event(*timed), wishes(Kind.OVERTIME, "mc-01")).overtime[0].machine == "mc-01"
    assert read_ical(event(*timed, "CATEGORIES:点検"), wishes(Kind.OVERTIME)).planned_stops
    assert read_ical(event(*timed, "CATEGORIES:Red,Overtime"), wishes()).overtime
    days = read_ical(event("DTSTART;VALUE=DATE:20261127"), wishes(machine="mc-01")).planned_stops
    assert days == (PlannedStop(ms(2026, 11, 27), ms(2026, 11, 28), "mc-01"),)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\n", "line 2: is no iCalendar file"),
        (calendar("garbage here"), "line 3: cannot be read: garbage here"),
        (event("DTSTART:next week"), "line 5, column DTSTART: cannot be understood"),
        (event("SUMMARY:no start"), "line 3: an event has no start"),
        (event("DTSTART;TZID=Mars/Base:20261127T080000"), "line 5, column DTSTART: the time zone Mars/Base"),
        (event("DTSTART:20261127T080000", "RRULE:FREQ=SECONDLY"), "line 6, column RRULE: repeats more often"),
        (event("DTSTART:20261127T080000", "RRULE:FREQ=DAILY;BYSECOND=1"), "column RRULE: cannot be"),
        (event("DTSTART:20261127T080000", "RRULE:FREQ=FOO"), "line 6, column RRULE: cannot be understood"),
        (event("DTSTART:20261127T080000", "RRULE:FREQ=DAILY;INTERVAL=0"), "line 6, column RRULE: cannot be"),
        (event("DTSTART:20261127", "DTSTART:20261128"), "line 5, column DTSTART: stands twice"),
        (event("DTSTART:20261127T080000"), "line 5, column DTSTART: ends before it starts"),
        (event("DTSTART:20261127T080000", "DTEND:20261127T070000"), "line 6, column DTEND: ends before"),
        (
            event("DTSTART:20261127T080000", "DTEND;VALUE=DATE:20261128"),
            "line 6, column DTEND: start and end",
        ),
        (event("DTSTART;VALUE=DATE:20261127", "CATEGORIES:overtime"), "line 5, column DTSTART: is overtime"),
        (event("DTSTART;VALUE=DATE:20200101"), "the file: holds no dates that can be imported"),
        (calendar(), "the file: holds no dates"),
    ],
)
def test_a_bad_file_is_told_with_its_line(data: bytes, said: str) -> None:
    with pytest.raises(FileFault) as told:
        read_ical(data, wishes())
    assert said in str(told.value)
    assert "\n" not in str(told.value)


def test_a_file_cannot_cost_minutes() -> None:
    daily = ("DTSTART:19000101T080000", "DTEND:19000101T090000", "RRULE:FREQ=DAILY")
    many = calendar(
        *(line for uid in range(20) for line in ("BEGIN:VEVENT", f"UID:{uid}", *daily, "END:VEVENT"))
    )
    with pytest.raises(FileFault, match="repetitions begin too long ago"):
        read_ical(many, wishes())
    seldom = ("DTSTART:20261127T080000", "RRULE:FREQ=MONTHLY;BYMONTH=2;BYMONTHDAY=30", "DURATION:PT1H")
    many = calendar(
        *(line for uid in range(60) for line in ("BEGIN:VEVENT", f"UID:{uid}", *seldom, "END:VEVENT"))
    )
    with pytest.raises(FileFault, match="repetitions begin too long ago or are too many"):
        read_ical(many, wishes())
    day = timedelta(days=1)
    often = calendar(
        *(
            line
            for uid in range(12)
            for line in (
                *("BEGIN:VEVENT", f"UID:{uid}", f"DTSTART;VALUE=DATE:{date(2026, 11, 1) + uid * day:%Y%m%d}"),
                *("RRULE:FREQ=DAILY", "END:VEVENT"),
            )
        )
    )
    with pytest.raises(FileFault, match="more than 5,000 entries"):
        read_ical(often, wishes())
