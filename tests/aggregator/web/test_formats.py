import pytest

from aggregator.web.formats import Formats
from tests.aggregator.town import NOW_MS, ZONE

JA, EN = Formats("ja", ZONE), Formats("en", ZONE)


@pytest.mark.parametrize(
    ("length_ms", "ja", "en"),
    [
        (0, "0 秒", "0 s"),
        (59_999, "59 秒", "59 s"),
        (200_000, "3 分 20 秒", "3 min 20 s"),
        (3_600_000, "1 時間 0 分", "1 h 0 min"),
        (86_400_000 * 12 + 3_600_000 * 5, "12 日 5 時間", "12 d 5 h"),
        (-5, "0 秒", "0 s"),
        (None, "不明", "unknown"),
    ],
)
def test_durations_have_the_two_largest_units(length_ms: int | None, ja: str, en: str) -> None:
    assert (JA.duration(length_ms), EN.duration(length_ms)) == (ja, en)


def test_ages_say_how_long_ago() -> None:
    assert JA.age(NOW_MS - 3_200, NOW_MS) == "3 秒前"
    assert EN.age(NOW_MS - 3_200, NOW_MS) == "3 s ago"
    assert JA.age(NOW_MS, NOW_MS) == "たった今"
    assert EN.age(None, NOW_MS) == "unknown"


def test_numbers_have_separators_and_unknown_is_never_zero() -> None:
    assert (JA.count(1_234_567), EN.count(0), JA.count(None)) == ("1,234,567", "0", "不明")
    assert (JA.share(0.634), EN.share(0.0), EN.share(None)) == ("63%", "0%", "unknown")
    assert EN.hours(5_400_000) == "1.5"


def test_times_stand_in_the_zone_of_the_federation() -> None:
    assert JA.clock(NOW_MS, NOW_MS) == "14:05"
    assert (JA.clock(NOW_MS), EN.clock(NOW_MS)) == ("11月24日 14:05", "24 Nov 14:05")
    assert JA.clock(NOW_MS - 86_400_000, NOW_MS) == "11月23日 14:05"
    assert JA.iso(NOW_MS) == "2026-11-24T14:05:30+09:00"
