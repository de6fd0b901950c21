"""Calendars of factories in Chromium: entered without scripts, by keyboard, on a phone."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from aggregator.model.calendar import Break, Calendar, Closure, Overtime, PlannedStop, Shift
from aggregator.model.factory_profile import Abilities, Declared, FactoryProfile
from tests.aggregator.town import NOW_MS, found_town, ticking
from tests.browser.looks import CONTRASTS, SMALL_TARGETS, TOO_WIDE, require_fit
from tests.browser.visiting import Served, chromium, serving, visit

__all__ = ["chromium"]

AOKI = "/factories/aoki"
PATHS = ("/factories", AOKI, "/factories/sakura", f"{AOKI}/import")
TABLE = Path(__file__).parents[1] / "data" / "calendars" / "google.ics"
PROFILE = FactoryProfile(
    "aoki",
    Calendar(
        (
            Shift(frozenset(range(5)), 480, 1020, (Break(600, 610), Break(720, 765)), 3),
            Shift(frozenset(range(5)), 1320, 1800, staff=0),
        ),
        (("mc-04", (Shift(frozenset({5}), 540, 720),)),),
        closures=(Closure(date(2026, 12, 29), date(2027, 1, 3), "年末年始"),),
        planned_stops=(PlannedStop(NOW_MS, NOW_MS + 7_200_000, "mc-01", "主軸の点検"),),
        overtime=(Overtime(NOW_MS + 10**8, NOW_MS + 10**8 + 7_200_000, None, 2, "特急対応" * 20),),
    ),
    0.1,
    {"mc-01": Abilities(frozenset({"SUS304", "A5052"}), 10.0, (600.0, 400.0, 300.0))},
    (Declared("cutting", 60.0), Declared("cutting", 20.0, "2026-W49")),
)
# A checkbox may be small where its label, which is pressed as well, is large enough.
TARGETS = SMALL_TARGETS.replace("input:not([type=hidden])", "input:not([type=hidden], .check input), .check")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    town = found_town(tmp_path_factory.mktemp("town"), days=0.05, now=ticking())
    town.services.profiles.save(PROFILE, 0, "kenta", NOW_MS)
    with serving(town) as served:
        yield served


def test_a_calendar_is_entered_without_scripts(chromium: Browser, place: Served) -> None:
    profiles = place.town.services.profiles
    context = chromium.new_context(locale="ja", java_script_enabled=False)
    page = visit(context, place, "/factories/fujimi")
    expect(page.locator(".preview")).to_contain_text("勤務時間がまだ登録されていません")
    page.get_by_role("button", name="勤務を追加").click()
    expect(page).to_have_url(f"{place.url}/factories/fujimi#shifts")
    page.fill("[name='shifts.0.end']", "16:30")
    page.check("[name='shifts.0.days'][value='5']", force=True)
    page.get_by_role("button", name="＋ 年末年始").click()
    page.click(".save-bar button")
    expect(page.locator(".notice.good")).to_contain_text("保存しました")
    calendar = profiles.get("fujimi").calendar
    assert calendar == Calendar(
        (Shift(frozenset(range(6)), 480, 990, (Break(720, 780),)),),
        closures=(Closure(date(2026, 12, 29), date(2027, 1, 3), "年末年始"),),
    )
    context.close()


def test_enter_in_a_field_saves(chromium: Browser, place: Served) -> None:
    page = visit(chromium.new_context(locale="en"), place, "/factories/minato")
    page.fill("#reserve", "15")
    page.press("#reserve", "Enter")
    expect(page.locator(".notice.good")).to_be_visible()
    assert place.town.services.profiles.get("minato").reserve == 0.15
    page.context.close()


def test_a_mistake_is_one_press_away(chromium: Browser, place: Served) -> None:
    page = visit(chromium.new_context(locale="en"), place, AOKI)
    page.fill("[name='closures.0.last']", "2026-12-01")
    page.click(".save-bar button")
    page.click("text=Closed days 1: This ends before it starts.")
    assert page.evaluate("document.querySelector(':target').name") == "closures.0.last"
    described = page.locator("[name='closures.0.last']").get_attribute("aria-describedby")
    expect(page.locator(f"[id='{described}']")).to_have_text("This ends before it starts.")
    page.context.close()


def test_dates_of_a_file_are_imported(chromium: Browser, place: Served) -> None:
    page = visit(chromium.new_context(locale="en"), place, "/factories/hinode")
    page.set_input_files("#import-file", TABLE)
    page.click("text=Look at the dates")
    expect(page.locator("#found-title")).to_have_text("6 new dates")
    page.click("text=Import these dates")
    expect(page.locator(".notice.good")).to_be_visible()
    expect(page.locator("[name='closures.0.name']")).to_have_value("年末年始")  # the one before is long over
    page.context.close()


@pytest.mark.parametrize("language", ["ja", "en"])
def test_no_page_is_wider_than_its_screen(chromium: Browser, place: Served, language: str) -> None:
    context = chromium.new_context(locale=language)
    for path in PATHS:
        page = visit(context, place, path)
        require_fit(page, path)
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground(chromium: Browser, place: Served, scheme: str) -> None:
    context = chromium.new_context(locale="ja", color_scheme=scheme)  # type: ignore[arg-type]
    for path in PATHS:
        page = visit(context, place, path)
        assert page.evaluate(CONTRASTS) == [], path
    context.close()


def test_targets_are_large_enough_for_fingers(chromium: Browser, place: Served) -> None:
    context = chromium.new_context(
        locale="ja", viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True
    )
    for path in PATHS:
        page = visit(context, place, path)
        assert page.evaluate(TARGETS) == [], path
    context.close()


def test_every_field_has_a_label(chromium: Browser, place: Served) -> None:
    page = visit(chromium.new_context(locale="en"), place, AOKI)
    nameless = """() => [...document.querySelectorAll('input:not([type=hidden]), select')]
      .filter(each => !each.labels.length || ![...each.labels].some(label => label.textContent.trim()))
      .map(each => each.name)"""
    assert page.evaluate(nameless) == []
    doubled = """() => { const ids = [...document.querySelectorAll('[id]')].map(each => each.id);
      return ids.filter((id, index) => ids.indexOf(id) !== index); }"""
    assert page.evaluate(doubled) == []
    page.context.close()


def test_a_long_name_does_not_break_the_page(chromium: Browser, place: Served) -> None:
    profiles = place.town.services.profiles
    before = profiles.get("higashi")
    calendar = Calendar(closures=(Closure(date(2026, 11, 24), date(2026, 11, 24), "長" * 120),))
    profiles.save(replace(before, calendar=calendar), before.revision, "kenta", NOW_MS)
    page = visit(chromium.new_context(viewport={"width": 390, "height": 844}), place, "/factories/higashi")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.evaluate(TOO_WIDE) == []
    page.context.close()
