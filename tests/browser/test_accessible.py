"""Every page by axe-core in Chromium: no serious finding, in any width and language; no page is left out."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.routing import APIRoute
from playwright.sync_api import Browser, Page

from aggregator import web
from aggregator.access.links import link_for_buyer, link_to_order
from aggregator.access.visitor import SESSION_COOKIE
from tests.aggregator.busy_town import found_busy_town
from tests.aggregator.town import ticking
from tests.browser.visiting import Served, chromium, serving

__all__ = ["chromium"]  # a fixture

AXE = Path(__file__).parent.parent / "peers" / "node_modules" / "axe-core" / "axe.min.js"
FINDINGS = """async () => (await axe.run()).violations
  .filter(each => ['serious', 'critical'].includes(each.impact))
  .map(each => `${each.id}: ${each.nodes.map(node => node.html.slice(0, 90)).slice(0, 3).join(' | ')}`)"""

NO_PAGES = {
    *("/language/{code}", "/static/{name:path}", "/favicon.ico", "/floor/events"),
    *("/orders/{order}/ledger.csv", "/orders/{order}/ledger.pdf"),
    *("/o/{token}/events", "/o/{token}/{order}/events", "/my/{order}/events"),
}
"""Routes that answer with something else than a page."""

EXAMPLES = {
    "/capacity/{process}": "/capacity/cutting",
    "/capacity/{process}/{factory}": "/capacity/cutting/aoki",
    "/factories/{factory}": "/factories/aoki",
    "/factories/{factory}/import": "/factories/aoki/import",
    "/factory/jobs/{job}/sheet": "/factory/jobs/J-1/sheet",
    "/matches/{match}": None,  # the town's proposal
    "/orders/{order}": None,
    "/o/{token}": None,  # a new link
    "/o/{token}/{order}": None,
    "/my/{order}": "/my/none",  # its view is that of the link
    "/matches/drill": "/matches/drill?factory=aoki&from=2026-12-01&days=5",
}
"""Addresses of pages that need more than their path."""


def pages() -> list[str]:
    """Return the path of every page of the aggregator."""
    routes = (route for router in web.ROUTERS for route in router.routes if isinstance(route, APIRoute))
    return sorted({route.path for route in routes if "GET" in (route.methods or ())} - NO_PAGES)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(found_busy_town(tmp_path_factory.mktemp("busy"), now=ticking())) as served:
        yield served


def address(path: str, place: Served) -> str:
    """Return where an example of the page is."""
    known = EXAMPLES.get(path, path)
    if known is None:
        services = place.town.services
        match = services.planning.matches()[0]
        if not path.startswith("/o/"):
            return f"/orders/{match.order}" if path.startswith("/orders") else f"/matches/{match.id}"
        until_ms = services.now() + 3_600_000
        if path == "/o/{token}":
            return link_to_order(services.links, match.order, "test", services.now(), until_ms).path
        of_buyer = link_for_buyer(services.links, match.draft.buyer, "test", services.now(), until_ms)
        return f"{of_buyer.path}/{match.order}"
    assert "{" not in known, f"name an example of {path} in EXAMPLES"
    return known


def opened(chromium: Browser, place: Served, who: str, language: str, width: int) -> Page:
    context = chromium.new_context(locale=language, viewport={"width": width, "height": 844}, bypass_csp=True)
    context.add_init_script(path=AXE)
    context.add_cookies([{"name": SESSION_COOKIE, "value": place.town.session(who), "url": place.url}])
    return context.new_page()


@pytest.mark.parametrize(("who", "language", "width"), [("coordinator", "ja", 390), ("aoki", "en", 1280)])
def test_no_page_has_a_serious_finding(
    chromium: Browser, place: Served, who: str, language: str, width: int
) -> None:
    page = opened(chromium, place, who, language, width)
    found = {}
    for path in pages():
        page.goto(place.url + address(path, place))
        found[path] = page.evaluate(FINDINGS)
    page.context.close()
    assert {path: wrong for path, wrong in found.items() if wrong} == {}


def test_a_serious_finding_is_found(chromium: Browser, place: Served) -> None:
    page = opened(chromium, place, "coordinator", "en", 1280)
    page.goto(place.url + "/floor")
    page.evaluate("document.querySelector('main').insertAdjacentHTML('beforeend', '<button></button>')")
    assert any(wrong.startswith("button-name") for wrong in page.evaluate(FINDINGS))
    page.context.close()
