"""The pages of spare capacity in Chromium: on a phone, readable, by keyboard, and fresh without a reload."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.aggregator.busy_town import found_busy_town
from tests.aggregator.town import NOW_MS, ticking
from tests.browser.looks import CONTRASTS, TOO_WIDE
from tests.browser.visiting import WITHIN_MS, Served, chromium, serving, visit

__all__ = ["chromium"]  # fixtures

PATHS = (
    "/capacity",
    "/capacity/cutting?week=2026-W49",
    "/capacity/cutting/aoki?week=2026-W49",
    "/capacity/inspection/higashi",
)


def done(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Do it in a thread of its own: Playwright has a loop running in this one."""
    with ThreadPoolExecutor(1) as threads:
        threads.submit(lambda: asyncio.run(work())).result()


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The busy town, measured."""
    town = found_busy_town(tmp_path_factory.mktemp("busy"), now=ticking())

    done(town.services.days.refresh)
    done(town.services.spare.refresh)
    with serving(town) as place:
        yield place


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("language", ["ja", "en"])
def test_text_is_readable_and_nothing_is_wider_than_a_phone(
    chromium: Browser, busy: Served, path: str, scheme: str, language: str
) -> None:
    page = visit(
        chromium.new_context(locale=language, color_scheme=scheme, viewport={"width": 390, "height": 800}),  # type: ignore[arg-type]
        busy,
        path,
    )
    assert page.evaluate(CONTRASTS) == []
    wide = page.evaluate(TOO_WIDE.replace(".scroll, ", ".scroll, .scroll-x, "))
    assert wide == []
    page.context.close()


def test_a_long_name_of_a_machine_lets_its_table_scroll_not_the_page(chromium: Browser, busy: Served) -> None:
    context = chromium.new_context(locale="en", viewport={"width": 390, "height": 800})
    page = visit(context, busy, "/capacity/cutting/aoki?week=2026-W49")
    page.evaluate(
        "document.querySelectorAll('.machine-parts tbody th')"
        ".forEach(name => { name.textContent = '5軸マシニングセンタ' })"
    )
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    context.close()


def test_a_tap_leads_to_the_factories_and_another_to_the_reason(chromium: Browser, busy: Served) -> None:
    page = visit(chromium.new_context(locale="en"), busy, "/capacity")
    page.locator('a[href="/capacity/cutting?week=2026-W50"]').click()
    expect(page.locator("h1")).to_have_text("Cutting")
    page.locator('.factory-weeks a[href="/capacity/cutting/aoki?week=2026-W50"]').press("Enter")
    expect(page.locator("#why-title")).to_have_text("7 Dec: why this number")
    page.context.close()


def test_figures_follow_without_a_reload_and_what_is_open_stays_open(chromium: Browser, busy: Served) -> None:
    services = busy.town.services
    page = visit(chromium.new_context(locale="en"), busy, "/capacity/shipping/minato?week=2026-W49")
    expect(page.locator("#live")).to_have_class("live on")
    page.evaluate("window.notReloaded = true")
    page.locator("#past-table summary").click()
    expect(page.locator(".sum")).not_to_contain_text("Reserve")
    profile = services.profiles.get("minato")
    services.profiles.save(replace(profile, reserve=0.25), profile.revision, "test", NOW_MS)
    done(services.spare.refresh)
    expect(page.locator(".sum")).to_contain_text("Reserve that the factory keeps", timeout=WITHIN_MS)
    expect(page.locator("#past-table")).to_have_attribute("open", "")
    assert page.evaluate("window.notReloaded")
    page.context.close()


def test_a_page_that_is_open_over_a_restart_keeps_its_last_figures(
    chromium: Browser, busy: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = visit(chromium.new_context(locale="en"), busy, "/capacity")
    expect(page.locator("#live")).to_have_class("live on")
    spare = busy.town.services.spare
    with monkeypatch.context() as restarted:
        restarted.setattr(spare, "cells", lambda *_: [])
        restarted.setattr(spare, "fresh_ms", lambda: 0)
        for _ in range(2):  # what the first answer did to the page is there when the second comes
            page.wait_for_event("response", timeout=WITHIN_MS)
        expect(page.locator(".heat")).to_have_count(6 * 12)
        expect(page.locator(".live time")).to_contain_text("ago")
        fresh = visit(page.context, busy, "/capacity")
        expect(page.context.pages[1].locator("main")).to_contain_text("The numbers are being calculated")
    expect(fresh.locator(".heat")).to_have_count(6 * 12, timeout=WITHIN_MS)
    page.context.close()


def test_without_scripts_every_number_is_there(chromium: Browser, busy: Served) -> None:
    page = visit(chromium.new_context(locale="en", java_script_enabled=False), busy, "/capacity")
    expect(page.locator(".heat")).to_have_count(6 * 12)
    expect(page.locator(".live time")).to_contain_text("ago")
    page.context.close()
