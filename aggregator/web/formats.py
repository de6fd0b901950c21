"""How numbers, times and durations read in each language; what goes in is milliseconds and plain numbers.

The scripts of the pages tick durations by the same patterns: `patterns()` hands them over.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from aggregator.web.languages import translations

SECOND_MS, MINUTE_MS, HOUR_MS, DAY_MS = 1_000, 60_000, 3_600_000, 86_400_000


def N_(message: str) -> str:
    """Mark a message for the catalogue; it is translated later. (gettext's own name.)"""
    return message


DURATIONS: dict[str, str] = {
    "days": N_("{a} d {b} h"),
    "hours": N_("{a} h {b} min"),
    "minutes": N_("{a} min {b} s"),
    "seconds": N_("{a} s"),
    "ago": N_("{age} ago"),
    "now": N_("just now"),
}


@dataclass(frozen=True, slots=True)
class Formats:
    """Text of one language and time zone. None is unknown, and says so: never 0."""

    language: str
    zone: ZoneInfo

    def text(self, message: str) -> str:
        """Return a message that was marked elsewhere."""
        return translations(self.language).gettext(message)

    def patterns(self) -> dict[str, str]:
        """Return the patterns of durations by name, for the scripts."""
        return {name: self.text(pattern) for name, pattern in DURATIONS.items()}

    def count(self, number: int | None) -> str:
        """Return `1,234`."""
        return self.unknown if number is None else f"{number:,}"

    def share(self, share: float | None) -> str:
        """Return `63%` for 0.634."""
        return self.unknown if share is None else f"{share * 100:.0f}%"

    def duration(self, length_ms: int | None) -> str:
        """Return the two largest units: `3 min 20 s`."""
        if length_ms is None:
            return self.unknown
        length_ms = max(length_ms, 0)
        days, hours = divmod(length_ms // HOUR_MS, 24)
        minutes, seconds = divmod(length_ms // SECOND_MS % 3600, 60)
        if days:
            return self._of("days", days, hours)
        if hours:
            return self._of("hours", hours, minutes)
        if minutes:
            return self._of("minutes", minutes, seconds)
        return self._of("seconds", seconds)

    def hours(self, length_ms: int) -> str:
        """Return hours with one decimal: `12.5`."""
        return f"{length_ms / HOUR_MS:,.1f}"

    def age(self, at_ms: int | None, now_ms: int) -> str:
        """Return how long ago: `3 s ago`."""
        if at_ms is None:
            return self.unknown
        if now_ms - at_ms < SECOND_MS:
            return self.text(DURATIONS["now"])
        return self.text(DURATIONS["ago"]).format(age=self.duration(now_ms - at_ms))

    def clock(self, at_ms: int, now_ms: int | None = None) -> str:
        """Return `14:05`, with the date before it when it is not the day of `now_ms`."""
        at = self._local(at_ms)
        if now_ms is not None and at.date() == self._local(now_ms).date():
            return f"{at:%H:%M}"
        return f"{self.day(at_ms)} {at:%H:%M}"

    def stamp(self, at_ms: int) -> str:
        """Return `2026-11-24 14:05`, the same in every language: for files that are kept."""
        return f"{self._local(at_ms):%Y-%m-%d %H:%M}"

    def tick(self, day: date) -> str:
        """Return a day as short as it gets, for the axis of a chart: `11/30` or `30 Nov`."""
        return f"{day.month}/{day.day}" if self.language == "ja" else f"{day.day} {MONTHS[day.month - 1]}"

    def day(self, at_ms: int) -> str:
        """Return `11月22日` or `22 Nov`."""
        at = self._local(at_ms)
        return f"{at.month}月{at.day}日" if self.language == "ja" else f"{at.day} {MONTHS[at.month - 1]}"

    def iso(self, at_ms: int) -> str:
        """Return RFC 3339 with the zone's offset, for `<time datetime>`."""
        return self._local(at_ms).isoformat(timespec="seconds")

    @property
    def unknown(self) -> str:
        """The word for a number that nobody knows."""
        return self.text(UNKNOWN)

    def _local(self, at_ms: int) -> datetime:
        return datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(self.zone)

    def _of(self, name: str, a: int, b: int = 0) -> str:
        return self.text(DURATIONS[name]).format(a=a, b=b)


UNKNOWN = N_("unknown")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
