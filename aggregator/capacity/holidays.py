"""Japanese public holidays: a year in, its days and their names out."""

from collections.abc import Mapping
from datetime import date
from functools import cache

from holidays import country_holidays

FIRST_YEAR, LAST_YEAR = 1949, 2099
"""What the law and the calculation of the equinoxes cover; other years have no holidays here."""


@cache
def public_holidays(year: int, language: str = "ja") -> Mapping[date, str]:
    """Return the public holidays of a year by day, with their names in Japanese (`ja`) or else in English.

    A day between two holidays (国民の休日) and the substitute of one on a Sunday (振替休日) are among them.
    """
    if not FIRST_YEAR <= year <= LAST_YEAR:
        return {}
    return dict(country_holidays("JP", years=year, language="ja" if language == "ja" else "en_US"))


def is_public_holiday(day: date) -> bool:
    """Tell whether the day is a public holiday in Japan."""
    return day in public_holidays(day.year)
