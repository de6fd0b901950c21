"""The pages in Chromium: live, calm, usable without scripts, with the keyboard, on a phone, in the dark."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from agent.contract.states import State
from aggregator.live import LiveMachine
from aggregator.model.machine import Machine, MachineKey
from aggregator.web.formats import Formats
from tests.aggregator.town import NOW_MS, PASSWORD, ZONE, Town, found_town, ticking
from tests.browser.looks import CONTRASTS, SMALL_TARGETS, require_fit
from tests.browser.visiting import (
    KEY,
    TILE,
    WITHIN_MS,
    Served,
    change,
    chromium,
    live_page,
    reopened,
    seeded,
    serving,
    town,
    visit,
)
from tests.stack import free_port

PATHS = ("/", "/floor", "/floor?process=pressing", "/nowhere")

__all__ = ["chromium", "seeded", "town"]  # fixtures


def test_signing_in_leads_to_the_page_that_was_asked_for(chromium: Browser, seeded: Served) -> None:
    page = chromium.new_context(locale="ja").new_page()
    page.goto(f"{seeded.url}/floor?state=DOWN")
    expect(page.locator("input[name=name]")).to_be_focused()
    page.keyboard.type("aoki")
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{seeded.url}/floor?state=DOWN")
    expect(page.locator(".who")).to_have_text("aoki")
    page.context.close()


def test_a_change_is_on_the_page_without_reloading(chromium: Browser, town: Town) -> None:
    with serving(town) as place:
        page = live_page(chromium, place)
        page.evaluate("window.notReloaded = true")
        expect(page.locator('[data-count="DOWN"]')).to_have_text("2")
        place.run(change(town, State.DOWN))
        expect(page.locator(TILE)).to_have_attribute("data-state", "DOWN", timeout=WITHIN_MS)
        expect(page.locator(f"{TILE} strong").first).to_have_text("Down")
        expect(page.locator('[data-count="DOWN"]')).to_have_text("3")
        expect(page.locator('[data-count="RUNNING"]')).to_have_text("9")
        expect(page.locator("#spoken")).to_have_text("マシニングセンタ 1号機: Down")
        assert page.evaluate("window.notReloaded")
        page.context.close()


def test_a_filter_holds_while_machines_change(chromium: Browser, town: Town) -> None:
    with serving(town) as place:
        page = live_page(chromium, place, "/floor?state=DOWN")
        expect(page.locator(".tile:visible")).to_have_count(2)
        place.run(change(town, State.DOWN))
        expect(page.locator(".tile:visible")).to_have_count(3, timeout=WITHIN_MS)
        expect(page.locator('[data-factory-row="aoki"]')).to_be_visible()
        place.run(change(town, State.RUNNING))
        expect(page.locator(".tile:visible")).to_have_count(2, timeout=WITHIN_MS)
        expect(page.locator('[data-factory-row="aoki"]')).to_be_hidden()
        page.context.close()


def test_a_new_machine_appears_by_itself_even_on_an_empty_floor(chromium: Browser, tmp_path: Path) -> None:
    town = found_town(tmp_path, settled=False, now=ticking())
    services = town.services
    with serving(town) as place:
        page = live_page(chromium, place)
        expect(page.locator(".attach")).to_be_visible()
        machine = Machine(KEY, "はじめの機械", "cutting", "measured")
        services.records.remember([], [machine])
        live = LiveMachine(KEY, State.RUNNING, NOW_MS, 1, heard_ms=NOW_MS, connected=True)
        place.run(lambda: services.board.update(live))
        expect(page.locator(f"{TILE} h3")).to_have_text("はじめの機械", timeout=WITHIN_MS)
        expect(page.locator(".attach")).to_have_count(0)
        page.context.close()


def test_a_broken_stream_is_told_and_mended(chromium: Browser, town: Town) -> None:
    port = free_port()
    with serving(town, port) as place:
        page = live_page(chromium, place)
        page.evaluate("window.notReloaded = true")
        expect(page.locator("#banner")).to_be_hidden()
    expect(page.locator("#banner")).to_contain_text("Disconnected", timeout=WITHIN_MS)
    expect(page.locator("#live-word")).to_have_text("Disconnected")
    expect(page.locator("#board")).to_have_class("is-off")
    change(town, State.SETUP)()  # while nobody could hear of it
    with serving(reopened(town), port):
        expect(page.locator("#banner")).to_be_hidden(timeout=WITHIN_MS)
        expect(page.locator(TILE)).to_have_attribute("data-state", "SETUP", timeout=WITHIN_MS)
        expect(page.locator("#live-word")).to_have_text("Live")
        assert page.evaluate("window.notReloaded")
        page.context.close()


def test_durations_read_the_same_in_scripts_and_on_the_server(chromium: Browser, seeded: Served) -> None:
    lengths = (0, 999, 59_000, 60_000, 200_000, 3_599_999, 3_600_000, 86_399_000, 86_400_000, 10**9, -5_000)
    for language in ("ja", "en"):
        page = visit(chromium.new_context(locale=language), seeded)
        formats = Formats(language, ZONE)
        for length_ms in lengths:
            assert page.evaluate("ms => duration(ms)", length_ms) == formats.duration(length_ms)
            assert page.evaluate("ms => age(ms)", length_ms) == formats.age(NOW_MS - length_ms, NOW_MS)
        page.context.close()


def test_ages_tick_and_nothing_moves(chromium: Browser, town: Town) -> None:
    places = """() => [...document.querySelectorAll('.tile, .tile h3, .word, .strip, .figures div, h2')]
      .map(each => each.getBoundingClientRect()).map(box => [box.x, box.y, box.width, box.height])"""
    with serving(town) as place:
        page = live_page(chromium, place)
        place.run(change(town, State.DOWN))
        expect(page.locator(TILE)).to_have_attribute("data-state", "DOWN", timeout=WITHIN_MS)
        before = page.evaluate(places)
        two_digits = re.compile(r"\d\d s$")  # or a minute and some, on a slow machine
        expect(page.locator(f"{TILE} .lasts")).to_have_text(two_digits, timeout=WITHIN_MS)
        assert page.evaluate(places) == before
        page.context.close()


@pytest.mark.parametrize("path", ["/", "/floor"])
def test_without_scripts_the_page_says_the_same(chromium: Browser, seeded: Served, path: str) -> None:
    page = visit(chromium.new_context(locale="ja", java_script_enabled=False), seeded, path)
    expect(page.locator("h1")).to_have_text("概況" if path == "/" else "稼働状況")
    page.goto(f"{seeded.url}/floor")
    page.click("text=異常停止 >> nth=0")
    expect(page.locator(".tile:visible")).to_have_count(2)
    expect(page.locator(".tile:visible .lasts").first).to_contain_text("時間")
    expect(page.locator("#live-word")).to_contain_text("現在")  # no claim to be live
    page.context.close()


@pytest.mark.parametrize("language", ["ja", "en"])
def test_no_page_is_wider_than_its_screen(chromium: Browser, seeded: Served, language: str) -> None:
    context = chromium.new_context(locale=language)
    for path in PATHS:
        page = visit(context, seeded, path)
        require_fit(page, path)
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground(chromium: Browser, seeded: Served, scheme: str) -> None:
    context = chromium.new_context(locale="ja", color_scheme=scheme)  # type: ignore[arg-type]
    for path in PATHS:
        page = visit(context, seeded, path)
        assert page.evaluate(CONTRASTS) == [], path
    context.clear_cookies()
    page.goto(f"{seeded.url}/login")
    assert page.evaluate(CONTRASTS) == []
    context.close()


@pytest.mark.parametrize("width", [360, 390])
@pytest.mark.parametrize("language", ["ja", "en"])
def test_on_a_phone_the_pages_stand_in_one_row(
    chromium: Browser, seeded: Served, language: str, width: int
) -> None:
    context = chromium.new_context(locale=language, viewport={"width": width, "height": 800})
    page = visit(context, seeded, "/factories")
    links = page.get_by_role("navigation").get_by_role("link")
    boxes = [box for link in links.all() if (box := link.bounding_box())]
    assert len(boxes) == 6
    assert len({box["y"] for box in boxes}) == 1
    assert boxes[0]["x"] >= 0
    assert boxes[-1]["x"] + boxes[-1]["width"] <= width
    assert all(link.inner_text().strip() for link in links.all())
    context.close()


def test_poor_contrast_and_small_targets_would_be_found(chromium: Browser, seeded: Served) -> None:
    page = visit(chromium.new_context(locale="ja"), seeded, "/nowhere")
    page.evaluate(
        """() => { const link = document.createElement('a'); link.href = '/'; link.textContent = 'faint';
          link.style.color = '#bbb'; document.querySelector('main').append(link); }"""
    )
    assert [text for text, _ in page.evaluate(CONTRASTS)] == ["faint"]
    assert len(page.evaluate(SMALL_TARGETS)) == 1
    page.context.close()


def test_targets_are_large_enough_for_fingers(chromium: Browser, seeded: Served) -> None:
    context = chromium.new_context(
        locale="ja", viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True
    )
    for path in PATHS:
        page = visit(context, seeded, path)
        assert page.evaluate(SMALL_TARGETS) == [], path
    context.clear_cookies()
    page.goto(f"{seeded.url}/login")
    assert page.evaluate(SMALL_TARGETS) == []
    context.close()


def test_the_keyboard_reaches_everything_and_focus_is_seen(chromium: Browser, seeded: Served) -> None:
    page = live_page(chromium, seeded)
    reached = []
    for _ in range(40):
        page.keyboard.press("Tab")
        text, outline = page.evaluate(
            """() => document.activeElement === document.body ? ['', ''] : [
              document.activeElement.innerText.trim().replace(/\\s+/g, ' '),
              getComputedStyle(document.activeElement).outlineStyle]"""
        )
        if text in reached or not text:
            break
        reached.append(text)
        assert outline == "solid", text
    assert reached[0] == "Skip to content"
    for name in ("Overview", "Machines now", "日本語", "Sign out", "All 20", "Down 2", "Cutting"):
        assert name in reached
    page.keyboard.press("Enter")
    page.context.close()


def test_a_very_long_name_keeps_within_its_tile(chromium: Browser, tmp_path: Path) -> None:
    town = found_town(tmp_path, days=0.1, now=ticking())
    names = ["長い名前の機械" * 40, "W" * 300, '<img src=x onerror="document.title=1">']
    town.services.records.remember(
        [],
        [
            Machine(MachineKey("aoki", f"mc-0{i + 1}"), name, "cutting", "measured")
            for i, name in enumerate(names)
        ],
    )
    with serving(town) as place:
        context = chromium.new_context(locale="ja", viewport={"width": 390, "height": 844})
        page = visit(context, place)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        assert page.locator(".tile img").count() == 0
        heights = page.evaluate("[...document.querySelectorAll('.tile h3')].map(each => each.offsetHeight)")
        assert len(set(heights)) == 1  # one line, however long the name is
        context.close()
