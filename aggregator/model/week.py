"""ISO weeks: what capacity is counted in."""

from datetime import date, timedelta
from typing import NamedTuple, Self


class Week(NamedTuple):
    """A week of ISO 8601, Monday to Sunday; reads `2026-W48`."""

    year: int
    number: int

    def __str__(self) -> str:
        return f"{self.year}-W{self.number:02}"

    @property
    def monday(self) -> date:
        """Its first day."""
        return date.fromisocalendar(self.year, self.number, 1)

    def later(self, weeks: int) -> "Week":
        """Return the week so many weeks later."""
        return Week.of(self.monday + timedelta(weeks=weeks))

    @classmethod
    def of(cls, day: date) -> Self:
        """Return the week that the day lies in."""
        year, number, _ = day.isocalendar()
        return cls(year, number)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the week that reads `text`; raises ValueError."""
        year, separator, number = text.partition("-W")
        if not separator or len(year) != 4 or len(number) != 2 or not (year + number).isdecimal():
            raise ValueError(f"expected an ISO week such as 2026-W48, got {text!r}")
        date.fromisocalendar(int(year), int(number), 1)
        return cls(int(year), int(number))
