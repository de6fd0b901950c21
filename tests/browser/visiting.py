"""Visits the pages of a seeded town in Chromium."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from agent.contract.states import State
from aggregator.access.visitor import SESSION_COOKIE
from aggregator.live import Board
from aggregator.measurements import Measurements
from aggregator.model.machine import MachineKey
from tests.aggregator.town import ZONE, Town, found_town, served, ticking

KEY = MachineKey("aoki", "mc-01")
TILE = '.tile[data-factory="aoki"][data-machine="mc-01"]'
WITHIN_MS = 30_000  # however slow the machine is


@contextmanager
def launched() -> Iterator[Browser]:
    """Debian's Chromium, until the block ends."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium-headless-shell",
            args=["--no-sandbox", "--disable-background-networking"],
        )
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with launched() as browser:
        yield browser


@dataclass(frozen=True)
class Served:
    """A town, where it is served, and how to call into its event loop."""

    town: Town
    url: str
    run: Callable[[Callable[[], object]], None]


@contextmanager
def serving(town: Town, port: int | None = None) -> Iterator[Served]:
    with served(town, port) as (url, run):
        yield Served(town, url, run)


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A town that nobody changes."""
    with serving(found_town(tmp_path_factory.mktemp("town"), now=ticking())) as place:
        yield place


@pytest.fixture
def town(tmp_path: Path) -> Town:
    return found_town(tmp_path, days=0.1, now=ticking())


def visit(context: BrowserContext, place: Served, path: str = "/floor") -> Page:
    """Open a page as the coordinator; anything the browser complains about fails the test."""
    page = context.new_page()
    page.on("pageerror", lambda error: pytest.fail(f"script: {error}"))
    page.on("console", _no_policy_broken)
    context.add_cookies([{"name": SESSION_COOKIE, "value": place.town.session(), "url": place.url}])
    page.goto(place.url + path)
    return page


def _no_policy_broken(message: object) -> None:
    text = str(getattr(message, "text", ""))
    assert "Content Security Policy" not in text, text


def live_page(chromium: Browser, place: Served, path: str = "/floor", **options: object) -> Page:
    page = visit(chromium.new_context(locale="en", **options), place, path)  # type: ignore[arg-type]
    expect(page.locator("#live")).to_have_class("live on", timeout=WITHIN_MS)
    return page


def change(town: Town, state: State, key: MachineKey = KEY) -> Callable[[], None]:
    board, now = town.services.board, town.services.now
    return lambda: board.update(replace(board.get(key), state=state, since_ms=now(), heard_ms=now()))


def reopened(town: Town) -> Town:
    """Return the town as after a restart: the same store, and a board that listeners can join again."""
    old = town.services
    board = Board()
    for live in old.board.all().values():
        board.update(live)
    measurements = Measurements(old.timeseries, old.records.machines, board, ZONE, old.now)
    return Town(replace(old, board=board, measurements=measurements), town.tokens)
