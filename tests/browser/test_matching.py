"""From an order to committed hours, in Chromium: draft, proposal, approval, the capacity page shows it."""

import asyncio
import re
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from aggregator.model.capacity import CellKey
from tests.aggregator.busy_town import found_busy_town
from tests.aggregator.planning.markets import DRAFT, HandMadeSpare, market
from tests.aggregator.planning.towns import matching_town
from tests.browser.looks import CONTRASTS, SMALL_TARGETS, require_fit
from tests.browser.visiting import WITHIN_MS, Served, chromium, serving, visit
from tests.stack import wait_until

__all__ = ["chromium"]  # a fixture


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A town with a past, whose spare hours are measured."""
    with serving(found_busy_town(tmp_path_factory.mktemp("busy"))) as place:
        services = place.town.services
        background(place, services.days.refresh)
        wait_until(lambda: services.days.progress >= 1, "the days are measured")
        background(place, services.spare.refresh)
        wait_until(services.spare.fresh_ms, "the hours are reckoned")
        yield place


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A town of four factories with an approved order, an open one and one without a place."""
    town = matching_town(tmp_path_factory.mktemp("desk"), HandMadeSpare(market()))
    planning = town.services.planning
    planning.approve(planning.propose(DRAFT, "coordinator").id, "coordinator")
    planning.propose(DRAFT, "coordinator")
    with serving(town) as place:
        yield place


PATHS = (
    "/matches",
    "/matches/new",
    "/matches/2026-0001-p1",
    "/matches/2026-0002-p1",
    "/matches/drill?factory=aoki&days=60",
)


def test_an_order_becomes_committed_hours(chromium: Browser, busy: Served) -> None:
    page = visit(chromium.new_context(locale="en"), busy, "/matches/new")
    for _ in range(page.locator("fieldset.step").count() - 1):
        page.get_by_role("button", name=re.compile("^Remove:")).last.click()
    page.get_by_label("Buyer").fill("大手精機")
    page.get_by_label("Part", exact=True).fill("ブラケット")
    page.get_by_label("Quantity").fill("0")
    page.get_by_label("Due date").fill("2026-12-25")
    page.get_by_role("button", name="Propose a team").last.click()
    expect(page.locator("[role=alert]")).to_contain_text("Enter at least 1 piece.")
    page.get_by_label("Quantity").fill("400")
    page.get_by_role("button", name="Propose a team").last.click()
    expect(page.locator(".team .firm").first).to_be_visible(timeout=WITHIN_MS)
    firm = page.locator(".team .firm").first.inner_text().split("\n")[0].removesuffix("lead").strip()
    hours = page.locator(".team .amounts").first.inner_text()
    assert re.match(r"12\.0 h", hours), hours  # 400 x 90 s, and 2 h of setup
    before = {cell.key: committed_h(busy, *cell.key) for cell in busy.town.services.spare.cells()}
    page.get_by_role("button", name=re.compile("^Approve")).click()
    expect(page.locator(".mark.approved")).to_have_text("Approved", timeout=WITHIN_MS)
    job = next(job for job in busy.town.services.orders.jobs() if job.id != "J-1")
    expect(page.locator("tbody code")).to_have_text([job.id])
    assert firm in page.locator(".team").inner_text()
    background(busy, busy.town.services.spare.refresh)
    more = before[CellKey(job.factory, job.process)] + 11.9
    wait_until(lambda: committed_h(busy, job.factory, job.process) > more, "the hours are committed")
    page.goto(f"{busy.url}/capacity/{job.process}/{job.factory}?week={job.work[0][0]}")
    expect(page.locator(".why .sum-sentence")).to_contain_text(re.compile(r"placed orders [1-9]"))
    page.context.close()


def background(place: Served, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Do it in the server's loop."""
    place.run(lambda: tasks.append(asyncio.ensure_future(work())))


tasks: list[object] = []  # what nobody holds may be thrown away before it is done


def committed_h(place: Served, factory: str, process: str) -> float:
    """Return the cell's committed hours of all weeks."""
    cells = place.town.services.spare.cells([factory])
    return sum(cell.committed_h for cell in cells if cell.key.process == process)


@pytest.mark.parametrize("language", ["ja", "en"])
def test_no_page_of_matching_is_wider_than_its_screen(chromium: Browser, desk: Served, language: str) -> None:
    context = chromium.new_context(locale=language)
    for path in PATHS:
        page = visit(context, desk, path)
        opened(page)
        require_fit(page, path)
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_of_matching_stands_out_from_its_ground(chromium: Browser, desk: Served, scheme: str) -> None:
    context = chromium.new_context(locale="ja", color_scheme=scheme)  # type: ignore[arg-type]
    for path in PATHS:
        page = visit(context, desk, path)
        opened(page)
        assert page.evaluate(CONTRASTS) == [], path
    context.close()


def test_targets_of_matching_are_large_enough_for_fingers(chromium: Browser, desk: Served) -> None:
    context = chromium.new_context(
        locale="ja", viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True
    )
    for path in PATHS:
        page = visit(context, desk, path)
        opened(page)
        assert page.evaluate(SMALL_TARGETS) == [], path
    context.close()


TWO_WEEKS = """gantt => gantt.querySelectorAll('tr').forEach(row => {
  while (row.children.length > 3) row.lastElementChild.remove();
})"""


def test_weeks_fit_a_phone_and_a_shadow_tells_where_there_are_more(chromium: Browser, desk: Served) -> None:
    context = chromium.new_context(locale="ja", viewport={"width": 390, "height": 800})
    page = visit(context, desk, "/matches/2026-0002-p1")
    box, first = page.locator(".scroll-x:has(.gantt)"), page.locator(".gantt tbody th").first
    assert box.evaluate("box => box.scrollWidth - box.clientWidth") > 0
    shadows = box.evaluate("box => getComputedStyle(box).backgroundAttachment")
    assert shadows == "local, local, scroll, scroll"  # covers that move along, shadows that stay
    before = first.bounding_box()
    box.evaluate("box => { box.scrollLeft = 200 }")
    assert first.bounding_box() == before  # whose work it is stays in sight
    page.locator(".gantt").evaluate(TWO_WEEKS)
    assert box.evaluate("box => box.scrollWidth - box.clientWidth") == 0
    context.close()


def test_an_order_is_placed_without_scripts_and_by_keyboard(chromium: Browser, desk: Served) -> None:
    page = visit(chromium.new_context(locale="ja", java_script_enabled=False), desk, "/matches/new")
    page.get_by_label("発注元").focus()
    for text in ("大手精機", "カバー", "600"):
        page.keyboard.type(text)
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # from any field: the first button of the form proposes
    expect(page.locator("h1")).to_contain_text("カバー", timeout=WITHIN_MS)
    expect(page.locator(".figures-row")).to_contain_text("間に合う確率")
    page.context.close()


def opened(page: Page) -> None:
    """Open every part of the page that is folded."""
    page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true })")
