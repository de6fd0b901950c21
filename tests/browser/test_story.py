"""The whole story of an order as its people see it: entered, proposed, made, delayed, saved, shipped."""

import hashlib
import hmac
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.story_people import TABLET, WITHIN_MS, Factory, grown, number, opened, signed_in, wait_on
from tests.browser.story_town import MAKERS, SECRET, Maker, StoryTown, story_town
from tests.browser.story_truth import Row, jobs_of, rows_of, true_jobs
from tests.browser.visiting import chromium

__all__ = ["chromium"]  # a fixture

QUANTITY = 60
FIRST, MIDDLE, LAST = 1, 2, 3
ROUTING = (MAKERS[0], MAKERS[1], MAKERS[-1])
"""A factory for each step; the proposal may name the other one that does the second."""
PART = "ブラケット MB-7"


@pytest.fixture
def town(tmp_path: Path) -> Iterator[StoryTown]:
    with story_town(tmp_path) as place:
        yield place


@dataclass
class Cast:
    """Everybody's page; `maker` and `backup` are who the proposal names for the second step."""

    town: StoryTown
    coordinator: Page
    buyer: Page
    presser: Factory
    maker: Factory
    backup: Factory
    shipper: Factory
    order: str = ""

    def job(self, step: int, lot: str = "a") -> str:
        return f"{self.order}-{step}{lot}"

    def look_at_order(self) -> None:
        self.coordinator.goto(f"{self.town.stack.url}/orders/{self.order}")

    def made(self, step: int) -> Locator:
        """Return what the buyer's page counts of a step."""
        return self.buyer.locator(".journey .stop").nth(step - 1).locator(".stop-count b")

    def progress(self) -> Any:
        """Return what the coordinator's programs are told."""
        return self.town.stack.get(f"orders/{self.order}/progress")

    @property
    def arrival(self) -> Locator:
        """Return the day at which the buyer is told to get everything."""
        return self.buyer.locator("[data-part=answer] .big time")


@pytest.mark.timeout(1_200)
def test_an_order_from_its_entry_to_its_ledger(chromium: Browser, town: StoryTown) -> None:
    coordinator = signed_in(opened(chromium, "en"), town, "coordinator")
    enter_the_order(coordinator, town)
    tablets = {maker.id: Factory(opened(chromium, "en", viewport=TABLET), maker) for maker in MAKERS}
    for name, tablet in tablets.items():
        signed_in(tablet.page, town, name)
    maker, backup = approve_the_team(coordinator)
    order = coordinator.url.rpartition("/")[2].rpartition("-")[0]
    buyer = opened(chromium, "ja")
    presser, shipper = tablets[ROUTING[0].id], tablets[ROUTING[-1].id]
    cast = Cast(town, coordinator, buyer, presser, tablets[maker.id], tablets[backup.id], shipper, order)
    the_first_factory_starts(cast)
    the_buyer_watches_it_count(cast)
    the_others_start(cast)
    the_buyer_wants_it_tomorrow(cast)
    the_machine_breaks_and_the_date_moves(cast)
    the_alert_arrives(cast)
    the_backup_is_taken(cast)
    the_backup_makes_the_rest(cast)
    the_order_ships(cast)
    the_ledger_is_the_ground_truth(cast)
    assert len(town.receiver.came) == 1


def enter_the_order(page: Page, town: StoryTown) -> None:
    page.goto(f"{town.stack.url}/matches/new")
    while page.locator("fieldset.step").count() > LAST:
        before = page.locator("fieldset.step").count()
        page.get_by_role("button", name=re.compile("^Remove:")).last.click()
        expect(page.locator("fieldset.step")).to_have_count(before - 1)
    page.get_by_label("Buyer").fill("大手精機")
    page.get_by_label("Part", exact=True).fill(PART)
    page.get_by_label("Quantity").fill(str(QUANTITY))
    page.get_by_label("Due date").fill(str(town.today + timedelta(days=9)))
    for index, maker in enumerate(ROUTING):
        page.locator(f"[id='steps.{index}.process']").select_option(maker.process)
        for name, value in (("cycle", maker.cycle_s), ("pieces_per_cycle", maker.pieces), ("setup", 0)):
            page.locator(f"[id='steps.{index}.{name}']").fill(str(value))
        page.locator(f"[id='steps.{index}.transport']").fill("0")
    page.get_by_role("button", name="Propose a team").last.click()
    expect(page.locator("h1")).to_contain_text(PART, timeout=WITHIN_MS)
    expect(page.locator(".team")).to_be_visible(timeout=WITHIN_MS)


def approve_the_team(page: Page) -> tuple[Maker, Maker]:
    """Approve, and return who makes the second step and who stands ready for it."""
    page.get_by_role("button", name=re.compile("^Approve")).click()
    expect(page.locator(".mark.approved")).to_have_text("Approved", timeout=WITHIN_MS)
    row = page.locator("tr", has=page.locator("code", has_text=re.compile("-2a$")))
    names = {maker.name: maker for maker in MAKERS}
    maker = names[row.locator("td[data-label=Factory]").inner_text()]
    backup = names[row.locator("td[data-label=Backup]").inner_text()]
    assert {maker.process, backup.process} == {"cutting"}
    return maker, backup


def the_first_factory_starts(cast: Cast) -> None:
    cast.presser.look()
    cast.presser.start(cast.job(FIRST))
    grown(cast.presser.page, cast.presser.count(cast.job(FIRST)), 2)


def the_buyer_watches_it_count(cast: Cast) -> None:
    cast.look_at_order()
    cast.coordinator.get_by_role("button", name="Make a link").click()
    link = cast.coordinator.locator("#made-link")
    expect(link).to_have_value(re.compile("/o/"), timeout=WITHIN_MS)
    cast.buyer.goto(link.input_value())
    expect(cast.buyer.locator("#live")).to_have_class(re.compile(r"\bon\b"), timeout=WITHIN_MS)
    cast.buyer.evaluate("window.neverReloaded = true")
    seen = number(cast.made(FIRST).inner_text())
    grown(cast.buyer, cast.made(FIRST), seen + 3)
    text = cast.buyer.locator("main").inner_text()
    assert not [maker.name for maker in MAKERS if maker.name in text], "nobody agreed to be named"


def the_others_start(cast: Cast) -> None:
    """The first step is finished, and its pieces go on; with the first of the second the last one begins."""
    first, middle, last = (cast.job(step) for step in (FIRST, MIDDLE, LAST))
    wait_on(cast.presser.page, lambda: cast.presser.good(first) >= QUANTITY, "everything pressed")
    cast.presser.finish(first)
    cast.maker.receive(cast.presser.hand_over(first))
    cast.maker.start(middle)
    grown(cast.buyer, cast.made(MIDDLE), 2)
    wait_on(cast.maker.page, lambda: cast.maker.good(middle), "the first window of the job")
    handed = cast.maker.hand_over(middle)
    assert 0 < handed < QUANTITY
    cast.shipper.receive(handed)
    cast.shipper.start(last)
    grown(cast.buyer, cast.made(LAST), 2)
    cast.shipper.press(last, "Pause")
    expect(cast.shipper.card(last).locator(".tag")).to_have_text("Paused", timeout=WITHIN_MS)


def the_buyer_wants_it_tomorrow(cast: Cast) -> None:
    """The order is revised, and is still in time."""
    page = cast.coordinator
    cast.look_at_order()
    page.get_by_text("Revise the order", exact=True).click()
    page.get_by_label("Due date").fill(str(cast.town.today + timedelta(days=1)))
    page.locator("#revise-reason").fill("客先の都合")
    page.get_by_role("button", name="Save the revision").click()
    expect(page.locator(".revise-card")).to_contain_text("Revision 2", timeout=WITHIN_MS)
    expect(page.locator(".order-answer")).to_contain_text("in time", timeout=WITHIN_MS)
    due = cast.buyer.locator("[data-part=answer] dl.promise time").first
    expect(due).to_have_attribute("datetime", str(cast.town.today + timedelta(days=1)), timeout=WITHIN_MS)
    assert cast.town.receiver.came == []


def the_machine_breaks_and_the_date_moves(cast: Cast) -> None:
    """The factory closes within the hour and for days, so the pieces come days later."""
    cast.town.break_machine(cast.maker.maker)
    expect(cast.maker.page.locator(".machine-list li.DOWN")).to_have_count(1, timeout=WITHIN_MS)
    due = str(cast.town.today + timedelta(days=1))
    wait_on(cast.coordinator, lambda: both_moved(cast, due), "later dates")
    wait_on(cast.buyer, lambda: (cast.arrival.get_attribute("datetime") or "") > f"{due}T24", "a later date")
    changes = cast.buyer.locator("[data-part=changes] li")
    expect(changes.first).to_contain_text("工程2", timeout=WITHIN_MS)
    expect(changes.first).to_contain_text("故障", timeout=WITHIN_MS)
    assert cast.buyer.evaluate("window.neverReloaded") is True
    steps = cast.progress()["steps"]
    by_itself, inherited = ([step["delay"][name] for step in steps] for name in ("own_h", "inherited_h"))
    assert (by_itself[0], by_itself[2]) == (0, 0), "nobody else is to blame"
    assert by_itself[1] > 0
    assert next(iter(steps[1]["delay"]["causes"])) == "breakdown", "the most of it"
    assert (inherited[0], inherited[1]) == (0, 0)
    assert inherited[2] > 0
    assert steps[2]["delay"]["inherited_from"] == MIDDLE
    cast.look_at_order()
    ledger = cast.coordinator.locator(".ledger-table .delay-cell")
    expect(ledger.nth(1).locator(".own-delay")).to_contain_text("breakdown", timeout=WITHIN_MS)
    expect(ledger.nth(2).locator(".inherited-delay")).to_contain_text("step 2")
    expect(cast.coordinator.locator(".ledger-table .own-delay")).to_have_count(1)


def both_moved(cast: Cast, due: str) -> bool:
    """Tell whether the broken step is done too late; the one after it moves in the same calculation."""
    middle, last = (cast.progress()["steps"][at - 1]["arrival"]["p50"] or "" for at in (MIDDLE, LAST))
    late = bool(middle > f"{due}T24")
    if late:  # the middle one's last piece may be one that the last one does without: that is one cycle
        assert datetime.fromisoformat(last) >= datetime.fromisoformat(middle) - timedelta(minutes=1)
    return late


def the_alert_arrives(cast: Cast) -> None:
    alert = cast.coordinator.locator("section.alert")
    expect(alert).to_contain_text("step 2", timeout=WITHIN_MS)  # comes by itself
    wait_on(cast.coordinator, lambda: cast.town.receiver.came, "the alert at the receiver")
    ((path, headers, body),) = cast.town.receiver.came
    signed = headers["X-Machikoba-Timestamp"].encode() + b"." + body
    mac = hmac.new(SECRET, signed, hashlib.sha256).hexdigest()
    assert path == "/alerts"
    assert headers["X-Machikoba-Signature"] == f"sha256={mac}"
    assert json.loads(body)["order"] == cast.order


def the_backup_is_taken(cast: Cast) -> None:
    page = cast.coordinator
    offer = page.locator(f"[id='backup-{cast.job(MIDDLE)}']")
    expect(offer).to_have_attribute("open", "", timeout=WITHIN_MS)
    offer.locator("input[name=reason]").fill("機械の故障")
    offer.get_by_role("button", name=f"to {cast.backup.maker.name}").click()
    expect(page.locator(".order-steps")).to_contain_text(cast.job(MIDDLE, "b"), timeout=WITHIN_MS)
    cast.maker.look()
    cast.maker.settle(cast.job(MIDDLE))
    rest = cast.maker.hand_over(cast.job(MIDDLE))
    cast.shipper.receive(rest)


def the_backup_makes_the_rest(cast: Cast) -> None:
    job = cast.job(MIDDLE, "b")
    cast.backup.look()
    wanted = number(cast.backup.card(job).locator("dl.facts b").first.inner_text())
    assert 0 < wanted < QUANTITY
    cast.backup.start(job)
    wait_on(cast.backup.page, lambda: cast.backup.good(job) >= wanted, "the rest", 3 * WITHIN_MS)
    cast.backup.finish(job)
    cast.shipper.receive(cast.backup.hand_over(job))
    assert grown(cast.buyer, cast.made(MIDDLE), QUANTITY) >= QUANTITY


def the_order_ships(cast: Cast) -> None:
    job = cast.job(LAST)
    cast.shipper.start(job)
    wait_on(cast.shipper.page, lambda: cast.shipper.good(job) >= QUANTITY, "everything packed")
    cast.shipper.finish(job)
    cast.shipper.hand_over(job)
    expect(cast.buyer.locator("[data-part=answer]")).to_contain_text("出荷済み", timeout=WITHIN_MS)
    assert cast.buyer.evaluate("window.neverReloaded") is True
    cast.look_at_order()
    expect(cast.coordinator.locator(".order-answer")).to_contain_text(
        "All pieces were shipped", timeout=WITHIN_MS
    )
    figures = cast.coordinator.locator(".figures-row")
    expect(figures).to_contain_text("Shipped on")
    expect(figures).to_contain_text("met")
    expect(figures).not_to_contain_text("unknown")


def the_ledger_is_the_ground_truth(cast: Cast) -> None:
    """Job by job, and so machine by machine; the file is the one that people download."""
    page = cast.coordinator

    def rows() -> list[Row]:
        with page.expect_download() as download:
            page.get_by_role("link", name="CSV for Excel").click()
        return rows_of(Path(download.value.path()).read_bytes())

    wait_on(
        page,
        lambda: (
            sum(each.good for each in jobs_of(rows()).values())
            == sum(each.good for each in true_jobs(cast.town).values())
        ),
        "the last window",
    )
    told, total = jobs_of(rows()), next(row for row in rows() if row["Row"] == "total")
    assert told == true_jobs(cast.town)
    assert set(told) == {cast.job(FIRST), cast.job(MIDDLE), cast.job(MIDDLE, "b"), cast.job(LAST)}
    assert int(total["Good, together"]) == sum(made.good for made in told.values())
