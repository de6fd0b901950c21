"""iCalendar files (RFC 5545): bytes in, entries of a calendar out; repetitions are followed."""

import itertools
import re
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

import recurring_ical_events  # type: ignore[import-untyped]
from icalendar import Calendar as ICalendar
from icalendar import Component

from aggregator.calendar_files.imported import (
    ENDS_EARLY,
    MAX_ENTRIES,
    NOTHING_IN_IT,
    TOO_MANY,
    Dated,
    Imported,
    Kind,
    Wishes,
    entry_of,
    gathered,
    utc_ms,
)
from aggregator.tables import FileFault

NO_CALENDAR = "is no iCalendar file: it has to begin with BEGIN:VCALENDAR and end with END:VCALENDAR"
NO_CONTENT_LINE = "cannot be read: {said}"
NO_VALUE = "cannot be understood: {said}"
NO_START = "an event has no start (DTSTART)"
NO_ZONE = "the time zone {said} is not known"
TWICE = "stands twice in one event"
BOTH_TIMES = "start and end both need a time of day, or neither"
TOO_OFTEN = "repeats more often than daily, which no calendar of a factory needs"
TOO_MUCH = "repetitions begin too long ago or are too many; shorten them"

_ONCE = ("UID", "DTSTART", "DTEND", "DURATION", "RRULE", "RECURRENCE-ID", "STATUS", "SUMMARY")
_LIBRARY_ERRORS = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What the libraries raise on events that no calendar program writes: they trust what they read."""
_COMMON_PARTS = frozenset({"FREQ", "INTERVAL", "COUNT", "UNTIL", "WKST"})
_PARTS: dict[str, frozenset[str]] = {
    "DAILY": frozenset({"BYDAY", "BYMONTH"}),
    "WEEKLY": frozenset({"BYDAY", "BYMONTH"}),
    "MONTHLY": frozenset({"BYDAY", "BYMONTH", "BYMONTHDAY", "BYSETPOS"}),
    "YEARLY": frozenset({"BYDAY", "BYMONTH", "BYMONTHDAY", "BYSETPOS", "BYWEEKNO", "BYYEARDAY"}),
}
"""What calendar programs write. Other parts of rules may cost minutes, or never fit, or are below a day."""
_MAX_REPEATED_DAYS = 400_000
"""Days that all repeating events span together: what keeps a file from costing minutes."""
_CONTENT_LINE = re.compile(r"[A-Za-z0-9-]+(;[^:\"]*(\"[^\"]*\"[^:\"]*)*)*:")
_CATEGORIES = {
    Kind.OVERTIME: {"overtime", "残業", "休日出勤", "早出"},
    Kind.STOP: {"stop", "planned stop", "maintenance", "停止", "計画停止", "点検", "保全", "メンテナンス"},
    Kind.CLOSURE: {"closure", "closed", "休業", "休業日", "休み", "休日"},
}


def read_ical(data: bytes, wishes: Wishes) -> Imported:
    """Return what the events mean: those of whole days close, those with times are planned stops or overtime.

    The category of an event, or else the wished kind, says which. Raises FileFault.
    """
    text = data.decode("utf-8-sig", "replace")
    _check_lines(text)
    try:
        calendars = ICalendar.from_ical(text, multiple=True)
    except _LIBRARY_ERRORS as error:
        raise FileFault(NO_CONTENT_LINE, said=_said(error)) from None
    entries = []
    for calendar in calendars:
        _check_events(calendar, text, wishes)
        for event in _occurrences(calendar, wishes):
            if str(event.get("STATUS", "")).upper() == "CANCELLED":
                continue
            entries.append(_entry(event, text, wishes))
            if len(entries) > MAX_ENTRIES:
                raise FileFault(TOO_MANY, most=f"{MAX_ENTRIES:,}")
    if not entries:
        raise FileFault(NOTHING_IN_IT)
    return gathered(entries)


def _check_lines(text: str) -> None:
    lines = text.rstrip().splitlines()
    if not lines or lines[0].strip().upper() != "BEGIN:VCALENDAR":
        raise FileFault(NO_CALENDAR, 1)
    if lines[-1].strip().upper() != "END:VCALENDAR":
        raise FileFault(NO_CALENDAR, len(lines))
    for number, line in enumerate(lines, 1):
        folded = line.startswith((" ", "\t")) or not line.strip()
        if not folded and not _CONTENT_LINE.match(line):
            raise FileFault(NO_CONTENT_LINE, number, said=line[:40])


def _check_events(calendar: Component, text: str, wishes: Wishes) -> None:
    """See that every event can be understood before repetitions are followed, which may cost a lot."""
    events = calendar.walk("VEVENT")
    if len(events) > MAX_ENTRIES:
        raise FileFault(TOO_MANY, most=f"{MAX_ENTRIES:,}")
    repeated = 0
    for event in events:
        for name, reason in event.errors:
            raise FileFault(NO_VALUE, _line_of(event, text, name or ""), name or "", said=str(reason)[:80])
        for name in _ONCE:
            if isinstance(event.get(name), list):
                raise FileFault(TWICE, _line_of(event, text, name), name)
        if "DTSTART" not in event:
            raise FileFault(NO_START, _line_of(event, text, "BEGIN"))
        for name in ("DTSTART", "DTEND"):
            _check_time(event, text, name)
        _check_order(event, text)
        repeated += _repeated_days(event, text, wishes)
    if repeated > _MAX_REPEATED_DAYS:
        raise FileFault(TOO_MUCH)


def _check_time(event: Component, text: str, name: str) -> None:
    """See that a property is a date or a time, in a zone that is known."""
    value = event.get(name)
    zone = getattr(value, "params", {}).get("TZID")
    at = getattr(value, "dt", None)
    if value is not None and not isinstance(at, date):
        raise FileFault(NO_VALUE, _line_of(event, text, name), name, said=name)
    if zone and isinstance(at, datetime) and at.tzinfo is None:
        raise FileFault(NO_ZONE, _line_of(event, text, name), name, said=zone)


def _check_order(event: Any, text: str) -> None:
    """See that the end is not before the start; what follows repetitions would turn both around."""
    if "DTEND" in event:
        start, end = event["DTSTART"].dt, event["DTEND"].dt
        if isinstance(start, datetime) != isinstance(end, datetime):
            raise FileFault(BOTH_TIMES, _line_of(event, text, "DTEND"), "DTEND")
        aware = isinstance(start, datetime) and (start.tzinfo is None) != (end.tzinfo is None)
        if not aware and end < start:
            raise FileFault(ENDS_EARLY, _line_of(event, text, "DTEND"), "DTEND")


def _repeated_days(event: Any, text: str, wishes: Wishes) -> int:
    rule = event.get("RRULE")
    if rule is None:
        return 0
    frequency = str((rule.get("FREQ") or ["?"])[0]).upper()
    frequency = str((rule.get("FREQ") or ["?"])[0]).upper()
    if frequency not in _PARTS:
        raise FileFault(TOO_OFTEN, _line_of(event, text, "RRULE"), "RRULE")
    odd = sorted(set(rule) - _PARTS[frequency] - _COMMON_PARTS)
    odd += ["COUNT + UNTIL"] * ("COUNT" in rule and "UNTIL" in rule)  # RFC 5545, 3.3.10: one of them
    if odd or rule.get("INTERVAL", [1])[0] < 1:
        said = odd[0] if odd else "INTERVAL"
        raise FileFault(NO_VALUE, _line_of(event, text, "RRULE"), "RRULE", said=said)
    if len(set(rule) - _COMMON_PARTS) > 1:  # may fit seldom or never, which takes long to see
        return _MAX_REPEATED_DAYS // 50
    return max((wishes.until - _day(event["DTSTART"].dt)).days, 0)


def _occurrences(calendar: Component, wishes: Wishes) -> Iterator[Any]:
    try:
        found = recurring_ical_events.of(calendar, components=("VEVENT",)).between(wishes.since, wishes.until)
        yield from itertools.islice(found, MAX_ENTRIES + 1)
    except _LIBRARY_ERRORS as error:
        raise FileFault(NO_CONTENT_LINE, said=_said(error)) from None


def _entry(event: Any, text: str, wishes: Wishes) -> Any:
    name = " ".join(str(event.get("SUMMARY", "")).split())[:120]
    start, end = event["DTSTART"].dt, event["DTEND"].dt if "DTEND" in event else event["DTSTART"].dt
    kind = _kind(event)
    if isinstance(start, datetime):
        start_ms, end_ms = utc_ms(start, wishes.zone), utc_ms(end, wishes.zone)
        dated = Dated(name, kind, None, None, None, None, start_ms, end_ms)
    else:
        last = max(end - timedelta(days=1), start)  # the end of whole days is the day after
        dated = Dated(name, kind, None, first=start, last=last)
    try:
        return entry_of(dated, wishes)
    except FileFault as fault:
        line = _line_of(event, text, "DTSTART")
        raise FileFault(fault.reason, line, "DTSTART", **fault.values) from None


def _kind(event: Any) -> Kind | None:
    groups = event.get("CATEGORIES", [])
    said = {
        str(word).strip().lower()
        for group in (groups if isinstance(groups, list) else [groups])
        for word in getattr(group, "cats", [group])
    }
    return next((kind for kind, words in _CATEGORIES.items() if words & said), None)


def _line_of(event: Component, text: str, name: str) -> int | None:
    """Return the line of an event's property; the event is known by its UID, or else by its place."""
    uid = str(event.get("UID", ""))
    block: list[tuple[int, str]] = []
    for number, line in enumerate(text.splitlines(), 1):
        upper = line.strip().upper()
        if upper == "BEGIN:VEVENT":
            block = []
        block.append((number, line))
        if upper == "END:VEVENT" and (not uid or any(uid in each for _, each in block)):
            for place, each in block:
                if re.match(rf"{re.escape(name)}[;:]", each, re.IGNORECASE):
                    return place
            if uid:
                return block[0][0]
    return None


def _day(at: date | datetime) -> date:
    return at.date() if isinstance(at, datetime) else at


def _said(error: Exception) -> str:
    return str(error).partition("\n")[0][:120]
