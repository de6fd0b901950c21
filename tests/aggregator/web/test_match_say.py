"""Days, hours and reasons of matching read as people say them."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date

import pytest

from aggregator.matching.faults import Fault
from aggregator.model.proposal import Missing, Tiers
from aggregator.model.week import Week
from aggregator.web.formats import Formats
from aggregator.web.match_say import Say
from aggregator.web.match_words import COSTS, FAULTS, TIERS
from tests.aggregator.town import ZONE

NONE = Tiers(0, 0, 0, 0, 0, 0)


def say(language: str = "en", factories: Mapping[str, str] | None = None) -> Say:
    return Say(Formats(language, ZONE), factories or {}, lambda process: process, date(2026, 11, 24))


def test_days_and_weeks_read_as_people_write_them() -> None:
    japanese, english = say("ja"), say()
    assert japanese.day(date(2026, 12, 25)) == "12月25日(金)"
    assert english.day(date(2027, 1, 8)) == "Fri 8 Jan 2027"
    assert japanese.day(None) == "不明"
    assert japanese.week(Week(2026, 49)) == "11月30日の週"
    assert english.weeks([Week(2026, 50), Week(2026, 49)]) == "weeks of 30 Nov to 7 Dec"
    assert english.weeks([Week(2026, 49)]) == "week of 30 Nov"


@pytest.mark.parametrize(
    ("share", "text"), [(1.0, "over 99%"), (0.93, "93%"), (0.004, "under 1%"), (0.0, "under 1%")]
)
def test_no_forecast_is_said_to_be_certain(share: float, text: str) -> None:
    assert say().chance(share) == text


@pytest.mark.parametrize(
    ("there", "reason"),
    [
        ({"unplaced_minutes": 90, "late_days": 3}, "1.5 h of work would have no place"),
        ({"late_orders": 1, "late_days": 1}, "the order would be one day late"),
        ({"late_orders": 1, "late_days": 4, "without_backup": 1}, "the order would be 4 days late"),
        ({"without_backup": 1}, "one more lot would have no backup"),
        ({"without_backup": 2, "transport_days": 9}, "2 more lots would have no backup"),
        ({"largest_share_permille": 84}, "one factory would give 8.4% of its spare hours instead of 0.0%"),
        ({"transport_days": 2}, "parts would be 2 days longer on the road"),
        ({}, "by these rules it would be as good; who was given less goes first, then the draw decides"),
    ],
)
def test_the_first_tier_that_tells_two_plans_apart_is_the_reason(there: dict[str, int], reason: str) -> None:
    assert say().because(NONE, replace(NONE, **there)) == reason


def test_a_lighter_tier_never_outweighs_a_heavier_one() -> None:
    here, there = replace(NONE, transport_days=9), replace(NONE, late_days=1)
    assert say().because(here, there) == "the order would be one day later"
    assert say().because(there, here).startswith("by these rules")


def test_every_tier_has_its_words() -> None:
    assert list(TIERS) == list(COSTS) == list(Tiers.__slots__)
    assert say("ja").tier("unplaced_minutes", NONE) == "0 時間"
    assert say("ja").tier("late_orders", replace(NONE, late_orders=1)) == "あり"


def test_what_is_missing_is_said_with_what_cures_it() -> None:
    lack = Missing("1", "cutting", 5, 330, Week(2026, 50), "not_enough_hours")
    assert say().missing(lack) == "There are not enough hours: 5.5 h are missing, first in the week of 7 Dec."
    unable = replace(lack, reason="no_such_ability", lacking=("SUS304", "tolerance_um"))
    assert "SUS304, the tolerance" in say().missing(unable)
    assert say("ja").cure("overtime_minutes", 330) == "残業 5.5 時間"
    assert say("ja").cure("split_lots", 3) == "この工程を最大 3 ロットに分ける"


@pytest.mark.parametrize("language", ["ja", "en"])
def test_every_fault_fills_its_sentence(language: str) -> None:
    blanks = (
        "due today count most quantity length least value lot id known loop process unit".split()  # noqa: SIM905
    )
    for code in FAULTS:
        said = say(language).fault(Fault("steps", "x", code, dict.fromkeys(blanks, "7")))
        assert "{" not in said and said != "x"


def test_a_fault_that_has_no_words_yet_is_said_as_it_comes() -> None:
    assert say().fault(Fault("steps", "too heavy", "heavy", {})) == "too heavy"
