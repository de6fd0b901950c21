"""A buyer's page in Chromium: it counts along, survives a restart, ends with its link, and fits a phone."""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import Browser, Page, expect

from aggregator.access.links import link_to_order
from aggregator.services import make_services
from aggregator.web import buyer_stream
from tests.aggregator.ordered_town import DAY_MS, ORDER, cycle, found_ordered_town
from tests.aggregator.town import NOW_MS, Town, ticking
from tests.browser.looks import CONTRASTS, SMALL_TARGETS, require_fit
from tests.browser.visiting import WITHIN_MS, Served, chromium, serving
from tests.stack import free_port

__all__ = ["chromium"]  # a fixture

COUNT = ".stop:nth-child(2) .stop-count b"


@pytest.fixture
def town(tmp_path: Path) -> Town:
    return found_ordered_town(tmp_path, now=ticking())


@contextmanager
def followed(town: Town, port: int | None = None) -> Iterator[Served]:
    """Serve the town while its order book runs."""
    book = town.services.order_book
    with serving(town, port) as place:
        tasks: list[asyncio.Task[None]] = []

        def start() -> None:
            tasks.append(asyncio.get_running_loop().create_task(book.run()))

        place.run(start)
        try:
            yield place
        finally:
            place.run(book.close)
            place.run(lambda: [task.cancel() for task in tasks])


def link_of(town: Town) -> str:
    return link_to_order(town.services.links, ORDER, "c", NOW_MS, NOW_MS + 90 * DAY_MS).path


def opened(chromium: Browser, place: Served, path: str, **options: object) -> Page:
    page = chromium.new_context(locale="en", **options).new_page()  # type: ignore[arg-type]
    page.on("pageerror", lambda error: pytest.fail(f"script: {error}"))
    page.goto(place.url + path)
    return page


def begun_again(town: Town) -> Town:
    """Return the town as a process that was started anew knows it."""
    old = town.services
    again = Town(make_services(old.config, old.timeseries, old.records, old.now), town.tokens)
    for live in old.board.all().values():
        again.services.board.update(live)
    return again


def test_it_counts_along_without_a_reload(chromium: Browser, town: Town) -> None:
    with followed(town) as place:
        page = opened(chromium, place, link_of(town))
        expect(page.locator("#live")).to_have_class("live on", timeout=WITHIN_MS)
        expect(page.locator(COUNT)).to_have_text("1,200", timeout=WITHIN_MS)
        page.evaluate("window.loadedOnce = true")
        place.run(lambda: cycle(town.services, 3))
        expect(page.locator(COUNT)).to_have_text("1,203", timeout=WITHIN_MS)
        assert page.evaluate("window.loadedOnce")
        assert page.locator("#spoken").inner_text() == "", "counts are not spoken"
        page.context.close()


def test_it_comes_back_by_itself_after_a_restart(chromium: Browser, town: Town) -> None:
    port = free_port()
    with followed(town, port) as place:
        page = opened(chromium, place, link_of(town))
        expect(page.locator("#live")).to_have_class("live on", timeout=WITHIN_MS)
        page.evaluate("window.loadedOnce = true")
    expect(page.locator("#banner")).to_be_visible(timeout=WITHIN_MS)
    expect(page.locator("#live-word")).to_have_text("Disconnected")
    again = begun_again(town)
    with followed(again, port) as place:
        place.run(lambda: cycle(again.services, 7))
        expect(page.locator(COUNT)).to_have_text("1,207", timeout=2 * WITHIN_MS)
        expect(page.locator("#banner")).to_be_hidden()
        assert page.evaluate("window.loadedOnce")
        page.context.close()


def test_it_is_right_after_sleep(chromium: Browser, town: Town) -> None:
    port, slept_s = free_port(), 3
    with followed(town, port) as place:
        page = opened(chromium, place, link_of(town))
        expect(page.locator("#live")).to_have_class("live on", timeout=WITHIN_MS)
        page.evaluate("window.ticks = 0; setInterval(() => window.ticks++, 100)")
        asleep = chromium_processes()
        for process in asleep:
            process.suspend()
    again = begun_again(town)  # the connection died meanwhile
    with followed(again, port) as place:
        place.run(lambda: cycle(again.services, 5))
        time.sleep(slept_s)
        for process in asleep:
            process.resume()
        expect(page.locator(COUNT)).to_have_text("1,205", timeout=2 * WITHIN_MS)
        expect(page.locator("#live")).to_have_class("live on", timeout=WITHIN_MS)
        expect(page.locator("#banner")).to_be_hidden()
        assert page.evaluate("window.ticks") > 0, "it was not loaded anew"
        page.context.close()


def chromium_processes() -> list[psutil.Process]:
    """Return the processes of this test's Chromium that draw pages and read from the network."""
    kinds = {"--type=renderer", "--type=utility"}
    found = [each for each in psutil.Process().children(recursive=True) if kinds & set(command_of(each))]
    assert found
    return found


def command_of(process: psutil.Process) -> list[str]:
    try:
        return list(process.cmdline())
    except psutil.NoSuchProcess:  # it has just ended; a zombie is one of them
        return []


def test_when_the_link_is_revoked_the_open_page_says_so(
    chromium: Browser, town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(buyer_stream, "HEARTBEAT_S", 0.2)
    links = town.services.links
    with followed(town) as place:
        page = opened(chromium, place, link_of(town))
        expect(page.locator("#live")).to_have_class("live on", timeout=WITHIN_MS)
        links.revoke(links.of(orders=[ORDER])[0].id, "coordinator", NOW_MS)
        expect(page.locator("h1")).to_have_text("This link is no longer valid", timeout=WITHIN_MS)
        page.context.close()


def test_it_is_useful_without_javascript_and_fits_every_screen(chromium: Browser, town: Town) -> None:
    with followed(town) as place:
        path = link_of(town)
        plain = opened(chromium, place, path, java_script_enabled=False)
        expect(plain.locator(COUNT)).to_have_text("1,200")
        plain.context.close()
        looks: Callable[[str], Page] = lambda scheme: opened(  # noqa: E731
            chromium, place, path, color_scheme=scheme
        )
        for scheme in ("light", "dark"):
            page = looks(scheme)
            expect(page.locator("#live")).to_have_class("live on", timeout=WITHIN_MS)
            require_fit(page, path)
            page.evaluate("document.querySelector('h1').textContent = 'W'.repeat(200)")
            require_fit(page, path)
            assert page.evaluate(CONTRASTS) == []
            assert page.evaluate(SMALL_TARGETS) == []
            page.context.close()
