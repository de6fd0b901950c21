"""Public holidays of Japan as the law of the year has them."""

from datetime import date

import pytest

from aggregator.capacity.holidays import is_public_holiday, public_holidays


@pytest.mark.parametrize(
    ("day", "name"),
    [
        (date(2026, 9, 22), "国民の休日"),  # between two others
        (date(2026, 5, 6), "振替休日"),  # for one on a Sunday
        (date(2019, 5, 1), "天皇の即位の日"),  # once
        (date(2021, 7, 23), "スポーツの日"),  # moved for the Olympic Games
        (date(2026, 11, 23), "勤労感謝の日"),
    ],
)
def test_a_public_holiday_is_known_by_its_name(day: date, name: str) -> None:
    assert is_public_holiday(day)
    assert name in public_holidays(day.year)[day]


@pytest.mark.parametrize(
    "day", [date(2026, 8, 14), date(2026, 12, 31), date(2021, 10, 11), date(1900, 1, 1), date(2100, 1, 1)]
)
def test_other_days_are_none(day: date) -> None:
    assert not is_public_holiday(day)


def test_names_are_there_in_english_too() -> None:
    assert public_holidays(2026, "en")[date(2026, 9, 22)] == "National Holiday"
    assert public_holidays(2026).keys() == public_holidays(2026, "en").keys()
