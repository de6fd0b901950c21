"""Text of form fields in, values out; what cannot be understood is remembered by the field's name."""

import math
import re
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from aggregator.capacity.local_time import moment_ms
from aggregator.model.calendar import DAY_MIN
from aggregator.web.formats import N_

NO_TIME = N_("Enter a time such as 8:00.")
NO_DATE = N_("Enter a date.")
NO_MOMENT = N_("Enter date and time.")
NO_NUMBER = N_("Enter a number.")
NO_WHOLE_NUMBER = N_("Enter a whole number.")
NO_SIZE = N_("Enter length, width and height, or none of them.")

_CLOCK = re.compile(r"(\d{1,2}):(\d{2})(?::00)?")
_NEVER = date(1970, 1, 1)

Value = TypeVar("Value", int, float)


@dataclass(frozen=True, slots=True)
class Wrong:
    """A sentence beside a field; `values` fill its braces."""

    reason: str
    values: dict[str, Any] = field(default_factory=dict)


class EnteredText:
    """Reads fields; what it returns for a wrong one is of no meaning, `wrong` says so."""

    def __init__(self, zone: ZoneInfo) -> None:
        self._zone = zone
        self.wrong: dict[str, Wrong] = {}

    def clock(self, name: str, text: str) -> int:
        """Return minutes after midnight, below 1,440."""
        match = _CLOCK.fullmatch(_narrow(text))
        if match and int(match[1]) <= 24 and int(match[2]) < 60:
            return (int(match[1]) * 60 + int(match[2])) % DAY_MIN
        self.wrong[name] = Wrong(NO_TIME)
        return 0

    def date(self, name: str, text: str) -> date:
        """Return the day of `2026-08-13`."""
        try:
            return date.fromisoformat(_narrow(text).replace("/", "-"))
        except ValueError:
            self.wrong[name] = Wrong(NO_DATE)
            return _NEVER

    def moment_ms(self, name: str, text: str) -> int:
        """Return UTC ms of the local time `2026-08-13T08:00`."""
        try:
            at = datetime.fromisoformat(_narrow(text).replace("/", "-"))
            if at.tzinfo is None:
                return moment_ms(at.date(), at.hour * 60 + at.minute, self._zone) + at.second * 1000
        except (ValueError, OverflowError):  # in UTC the first and last days of all time may be in no year
            pass
        self.wrong[name] = Wrong(NO_MOMENT)
        return 0

    def number(self, name: str, text: str) -> float | None:
        """Return the number; None for an empty field."""
        if not text:
            return None
        try:
            value = float(_narrow(text).replace(",", ""))
        except ValueError:
            value = math.nan
        if math.isfinite(value):
            return value
        self.wrong[name] = Wrong(NO_NUMBER)
        return None

    def count(self, name: str, text: str) -> int | None:
        """Return the whole number; None for an empty field."""
        value = self.number(name, text)
        if value is not None and value != int(value):
            self.wrong[name] = Wrong(NO_WHOLE_NUMBER)
        return None if value is None else int(value)

    def needed_number(self, name: str, text: str) -> float:
        """Return the number of a field that may not be empty."""
        return self._needed(name, self.number(name, text)) or 0.0

    def needed_count(self, name: str, text: str) -> int:
        """Return the whole number of a field that may not be empty."""
        return self._needed(name, self.count(name, text)) or 0

    def _needed(self, name: str, value: Value | None) -> Value | None:
        if value is None:
            self.wrong.setdefault(name, Wrong(NO_NUMBER))
        return value


def number_text(value: float | None) -> str:
    """Return a number as people type it: `12.5`, `40`; nothing for None."""
    return "" if value is None else f"{value:.10g}"


def words(text: str) -> frozenset[str]:
    """Return the words between commas, Japanese ones too."""
    parts = re.split(r"[,、\uff0c;\n]", text)
    return frozenset(word.strip() for word in parts if word.strip())


def _narrow(text: str) -> str:
    """Return full-width digits and signs, as Japanese keyboards write them, in their plain form."""
    return text.translate({code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}).strip()
