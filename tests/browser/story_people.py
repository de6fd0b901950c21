"""The people of the story and what each does on their pages, in a browser context of their own."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Browser, Error, Locator, Page, expect

from tests.browser.story_town import Maker, StoryTown
from tests.stack import PASSWORD

WITHIN_MS = 120_000
"""However slow the machine is."""
TABLET = {"width": 820, "height": 1180}


def opened(chromium: Browser, language: str, **options: object) -> Page:
    """Open a browser of one's own; what scripts complain of fails the test."""
    context = chromium.new_context(locale=language, **options)  # type: ignore[arg-type]
    context.set_default_timeout(WITHIN_MS)
    context.set_default_navigation_timeout(WITHIN_MS)
    page = context.new_page()
    page.on("pageerror", lambda error: pytest.fail(f"script: {error}"))
    return page


def signed_in(page: Page, town: StoryTown, name: str) -> Page:
    """Sign in as a person does."""
    page.goto(f"{town.stack.url}/login")
    page.fill("input[name=name]", name)
    page.fill("input[name=password]", PASSWORD)
    page.click("main button[type=submit]")
    expect(page.locator(".sign-out .who")).to_be_visible(timeout=WITHIN_MS)
    return page


def number(text: str) -> int:
    """Return the first number of a text."""
    found = re.search(r"[\d,]+", text)
    assert found, text
    return int(found.group().replace(",", ""))


def wait_on(page: Page, done: Callable[[], object], what: str, within_ms: int = WITHIN_MS) -> None:
    """Wait until `done()` is true, while the page goes on."""
    for _ in range(within_ms // 200):
        if done():
            return
        page.wait_for_timeout(200)
    raise AssertionError(f"not within {within_ms} ms: {what}")


def grown(page: Page, count: Locator, least: int) -> int:
    """Wait, without reloading, until the page counts at least so many; return how many."""
    wait_on(page, lambda: number(count.inner_text()) >= least, f"a count of {least}")
    return number(count.inner_text())


@dataclass
class Factory:
    """A factory's tablet at `/factory`; a job's card is found by the job's id."""

    page: Page
    maker: Maker
    sent: dict[str, int] = field(default_factory=dict)

    def card(self, job: str) -> Locator:
        return self.page.locator(f"[id='job-{job}']")

    def look(self) -> None:
        """Come back to the page."""
        address = self.page.url.split("/login")[0].split("/factory")[0].rstrip("/") + "/factory"
        try:
            self.page.goto(address)
        except Error as error:
            if "ERR_ABORTED" not in str(error):
                raise
            self.page.wait_for_load_state()  # a job had just come, and the page went there by itself

    def press(self, job: str, button: str) -> None:
        """Press a big button of the job's card."""
        self.card(job).get_by_role("button", name=re.compile(f"^{button}")).first.click()

    def start(self, job: str) -> None:
        """Start the job on the factory's machine."""
        choose = self.card(job).locator("details.choose > summary")
        if choose.count():
            choose.click()
        self.press(job, "(Start|Go on)")
        expect(self.card(job).locator(".tag")).to_have_text("Under way", timeout=WITHIN_MS)

    def count(self, job: str) -> Locator:
        """Return what counts along on the job's card."""
        return self.card(job).locator(".count-now")

    def good(self, job: str) -> int:
        """Return the good pieces that are stored: what is offered to be handed over, and what already was."""
        badge = self.card(job).locator(f"[id='send-{job}'] > summary .badge")
        return self.sent.get(job, 0) + (number(badge.text_content() or "") if badge.count() else 0)

    def finish(self, job: str) -> None:
        """Finish the job, and wait until its last window is counted."""
        self.press(job, "Finish")
        expect(self.card(job).locator(".tag")).to_have_text("Finished", timeout=WITHIN_MS)
        self.settle(job)

    def settle(self, job: str) -> None:
        """Wait until everything that the card counts is stored."""
        counted = self.count(job)  # perhaps in a folded part of the page
        wait_on(self.page, lambda: self.good(job) == number(counted.text_content() or ""), "the last window")

    def hand_over(self, job: str) -> int:
        """Hand over all that is offered; return how many."""
        if self.page.locator("#done").count():
            self.page.locator("#done").evaluate("each => { each.open = true }")
        more = self.page.locator(f"[id='send-{job}']")
        more.locator("summary").click()
        handed = int(more.locator("input[name=pieces]").input_value())
        more.get_by_role("button", name="Hand over").click()
        expect(self.page.locator(".notice.good")).to_be_visible(timeout=WITHIN_MS)
        self.sent[job] = self.sent.get(job, 0) + handed
        return handed

    def receive(self, pieces: int) -> None:
        """Accept what is on the way, which has to be so many pieces."""
        self.look()
        incoming = self.page.locator(".job-card.incoming")
        expect(incoming).to_have_count(1, timeout=WITHIN_MS)
        assert int(incoming.locator("input[name=accepted]").input_value()) == pieces
        incoming.get_by_role("button", name="Received").click()
        expect(incoming).to_have_count(0, timeout=WITHIN_MS)
