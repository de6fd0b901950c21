"""Buyers see their order and nothing else: by link and signed in, as page, stream and API."""

import asyncio
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import httpx
import pytest
from sqlalchemy import select

from aggregator.access.links import link_for_buyer, link_to_order
from aggregator.access.passwords import hash_password
from aggregator.access.session import issue_token
from aggregator.model.consent import Field
from aggregator.model.machine import Factory, Machine, MachineKey
from aggregator.model.match import OrderStatus
from aggregator.model.told import Told
from aggregator.model.user import Role, User
from aggregator.store.arrivals import Arrivals
from aggregator.store.database import reading
from aggregator.store.people import People
from aggregator.store.work_schema import metadata
from aggregator.web import buyer_stream
from tests.aggregator.faces import browsing, sign_in
from tests.aggregator.ordered_town import (
    BUYER,
    DAY_MS,
    ORDER,
    PRESS,
    cycle,
    draft_of,
    found_ordered_town,
    place_order,
)
from tests.aggregator.town import FACTORIES, NOW_MS, PASSWORD, Town, served
from tests.aggregator.web.test_stream import Events
from tests.stack import NO_TLS

OTHER_BUYER, OTHER_PART = "CANARYBUYER", "CANARYPART"
UNTIL_MS = NOW_MS + 90 * DAY_MS


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Town:
    """The ordered town with canaries: in names of machines and factories, in another buyer's order."""
    town = found_ordered_town(tmp_path_factory.mktemp("ordered"))
    services = town.services
    machines = [
        Machine(MachineKey(id_, f"{prefix}-{n:02}"), f"CANARYMACHINE{id_}{n}", process, "measured")
        for id_, (_, process, prefix, _, count) in FACTORIES.items()
        for n in range(1, count + 1)
    ]
    services.records.remember([Factory(id_, f"CANARYFACTORY{id_}") for id_ in FACTORIES], machines)
    services.consents.change("aoki", Field.NAME_TO_BUYERS, True, "aoki", NOW_MS)
    place_order(services, draft_of(OTHER_BUYER, OTHER_PART, date(2026, 12, 25)))
    user = User("tokai", Role.BUYER, buyer=BUYER)
    people = People(services.records.engine)
    people.add_user(user, hash_password(PASSWORD), NOW_MS)
    town.tokens["tokai"] = issue_token(people, user, NOW_MS, UNTIL_MS)
    asyncio.run(services.order_book.refresh())
    return town


@pytest.fixture(scope="module")
def url(town: Town) -> Iterator[str]:
    with served(town) as (address, _):
        yield address


@pytest.fixture
def visitor(url: str) -> Iterator[httpx.Client]:
    with browsing(url) as client:
        yield client


@pytest.fixture(scope="module")
def path(town: Town) -> str:
    return link_to_order(town.services.links, ORDER, "coordinator", NOW_MS, UNTIL_MS).path


def forbidden() -> list[str]:
    """Return what no byte of an answer to a buyer may hold."""
    ids = [each for id_, (_, _, prefix, *_) in FACTORIES.items() for each in (id_, f"{prefix}-0")]
    names = ["CANARYMACHINE", OTHER_BUYER, OTHER_PART, f"{ORDER}-", "2026-0002"]
    names += [f"CANARYFACTORY{id_}" for id_ in FACTORIES if id_ != "aoki"]
    states = ["RUNNING", "SETUP", "IDLE", "OFFLINE", "PLANNED_STOP", "DOWN"]
    return [*ids[2:], *names, *states]


def assert_nothing_leaks(text: str) -> None:
    assert [each for each in forbidden() if each in text] == []


def test_the_page_says_when_how_far_and_who(visitor: httpx.Client, path: str) -> None:
    answer = visitor.get(path)
    assert answer.status_code == 200
    assert "1,200" in answer.text and "2,000 pieces" in answer.text
    assert "measured by machine" in answer.text and "reported by people" in answer.text
    assert "CANARYFACTORYaoki" in answer.text and "Factory B" in answer.text
    assert "Cutting → Pressing: 2,000 pieces" in answer.text
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert "noindex" in answer.headers["x-robots-tag"]
    assert answer.headers["cache-control"] == "no-store"
    assert_nothing_leaks(answer.text)


async def test_the_stream_gives_everything_first_then_every_cycle_and_nothing_else(
    tmp_path: Path,
) -> None:
    town = found_ordered_town(tmp_path)
    path = link_to_order(town.services.links, ORDER, "c", NOW_MS, UNTIL_MS).path
    await town.services.order_book.refresh()
    with served(town) as (url, run):
        task: list[asyncio.Task[None]] = []
        run(lambda: task.append(asyncio.get_running_loop().create_task(town.services.order_book.run())))
        async with (
            httpx.AsyncClient(
                base_url=url, headers={"Accept-Language": "en"}, timeout=None, verify=NO_TLS
            ) as client,
            client.stream("GET", f"{path}/events") as answer,
        ):
            assert answer.headers["referrer-policy"] == "no-referrer"
            events = Events(answer)
            assert (await events.next())[0] == "heartbeat"
            name, first = await events.next()
            assert name == "order" and "1,200" in first
            run(lambda: cycle(town.services, 3))
            name, then = "", ""
            while name != "order" or "1,203" not in then:
                name, then = await events.next()
                assert_no_ids(first + then)
        run(task[0].cancel)


def test_a_buyer_is_told_that_figures_may_be_behind_and_not_why(
    town: Town, visitor: httpx.Client, path: str
) -> None:
    town.services.status.store_error = "database x: disk full"
    try:
        text = visitor.get(path).text
    finally:
        town.services.status.store_error = None
    assert "Figures here may be behind." in text
    assert "disk full" not in text
    assert "Figures here may be behind." not in visitor.get(path).text


def assert_no_ids(text: str) -> None:
    assert [each for each in ("fujimi", "pr-01", f"{ORDER}-2a", "RUNNING") if each in text] == []


async def test_a_revoked_link_ends_its_stream_and_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(buyer_stream, "HEARTBEAT_S", 0.1)
    town = found_ordered_town(tmp_path)
    links = town.services.links
    made = link_to_order(links, ORDER, "c", NOW_MS, UNTIL_MS)
    await town.services.order_book.refresh()
    with served(town) as (url, _):
        async with (
            httpx.AsyncClient(
                base_url=url, headers={"Accept-Language": "en"}, timeout=None, verify=NO_TLS
            ) as client,
            client.stream("GET", f"{made.path}/events") as answer,
        ):
            events = Events(answer)
            assert (await events.next())[0] == "heartbeat"
            links.revoke(made.link.id, "coordinator", NOW_MS)
            name = ""
            while name != "gone":
                name, _ = await events.next()
        with browsing(url) as visitor:
            gone = visitor.get(made.path)
            assert gone.status_code == 410 and "no longer valid" in gone.text and "東町" in gone.text
            assert visitor.get(f"{made.path}/events").status_code == 410


def test_a_wrong_link_and_one_that_ran_out_say_whom_to_ask(town: Town, visitor: httpx.Client) -> None:
    old = link_to_order(town.services.links, ORDER, "c", NOW_MS - DAY_MS, NOW_MS)
    assert visitor.get(old.path).status_code == 410
    unknown = visitor.get("/o/" + "x" * 43)
    assert unknown.status_code == 404 and "coordination of orders" in unknown.text
    assert visitor.get("/o/" + "x" * 500).status_code == 404


def test_guessing_is_slowed_down(tmp_path: Path) -> None:
    with served(found_ordered_town(tmp_path)) as (url, _), browsing(url) as visitor:
        answers = [visitor.get(f"/o/guess{n}") for n in range(22)]
        assert [each.status_code for each in answers[:20]] == [404] * 20
        assert answers[-1].status_code == 429 and answers[-1].headers["retry-after"]


def test_only_the_hash_is_stored_and_reads_stand_in_the_audit_log_once_a_day(
    town: Town, visitor: httpx.Client
) -> None:
    made = link_to_order(town.services.links, ORDER, "coordinator", NOW_MS, UNTIL_MS)
    secret = made.path.removeprefix("/o/")
    assert len(secret) >= 43  # 256 bits
    for _ in range(3):
        visitor.get(made.path)
    entries = town.services.audit.entries(ORDER, limit=1_000)
    seen = [each for each in entries if each.who == f"link {made.link.id}"]
    assert [each.action for each in seen] == ["order viewed"]
    assert secret not in repr(entries)
    with reading(town.services.records.engine) as connection:
        assert secret not in repr(
            [connection.execute(select(table)).all() for table in metadata.sorted_tables]
        )


def test_a_link_of_a_buyer_leads_to_all_their_orders_and_no_others(town: Town, visitor: httpx.Client) -> None:
    made = link_for_buyer(town.services.links, BUYER, "coordinator", NOW_MS, UNTIL_MS)
    listed = visitor.get(made.path).text
    assert f"{made.path}/{ORDER}" in listed
    assert_nothing_leaks(listed)
    assert visitor.get(f"{made.path}/{ORDER}").status_code == 200
    assert visitor.get(f"{made.path}/2026-0002").status_code == 404
    assert visitor.get(f"{made.path}/2026-0002/events").status_code == 404


def test_a_link_to_one_order_opens_no_other(path: str, visitor: httpx.Client) -> None:
    assert visitor.get(f"{path}/2026-0002").status_code == 404
    assert visitor.get(f"{path}/2026-0002/events").status_code == 404


def test_a_buyer_who_signs_in_sees_their_orders_and_none_of_the_federations_pages(
    town: Town, visitor: httpx.Client
) -> None:
    assert sign_in(visitor, "tokai") == 303
    assert visitor.get("/").headers["location"] == "/my"
    listed = visitor.get("/my")
    assert f"/my/{ORDER}" in listed.text
    page = visitor.get(f"/my/{ORDER}")
    assert page.status_code == 200 and "1,200" in page.text
    assert_nothing_leaks(listed.text + page.text)
    assert visitor.get("/my/2026-0002").status_code == 404
    for closed in ("/floor", "/capacity", "/factories", "/matches", "/floor/events"):
        assert visitor.get(closed).status_code == 403, closed


def test_nobody_else_has_a_page_of_their_own_orders(visitor: httpx.Client) -> None:
    assert visitor.get("/my").headers["location"].startswith("/login")
    sign_in(visitor, "aoki")
    assert visitor.get("/my").status_code == 403


def test_the_api_gives_each_their_own(town: Town, visitor: httpx.Client) -> None:
    def get(who: str, where: str) -> httpx.Response:
        return visitor.get(f"/api/v1/{where}", headers={"Authorization": f"Bearer {town.tokens[who]}"})

    assert [each["order"] for each in get("coordinator", "orders").json()["orders"]] == [ORDER, "2026-0002"]
    mine = get("tokai", "orders")
    assert [each["order"] for each in mine.json()["orders"]] == [ORDER]
    progress = get("tokai", f"orders/{ORDER}/progress")
    assert progress.json()["steps"][1]["good"] == 1_200
    assert progress.json()["steps"][0]["makers"] == ["CANARYFACTORYaoki"]
    assert progress.json()["steps"][1]["makers"] == ["B"]
    assert_nothing_leaks(mine.text + progress.text)
    assert get("tokai", "orders/2026-0002/progress").status_code == 404
    for closed in ("machines", "utilization", "capacity", "matches", "audit"):
        assert get("tokai", closed).status_code == 403, closed
    of_press = get(PRESS.factory, f"orders/{ORDER}/progress").json()
    assert [step["position"] for step in of_press["steps"]] == [2]
    assert of_press["buyer"] is None and of_press["arrival"]["p50"] is None
    assert get("tokai", "orders/2026-0002/events").status_code == 404


def test_consent_taken_back_is_gone_from_the_next_answer(
    town: Town, path: str, visitor: httpx.Client
) -> None:
    assert "CANARYFACTORYaoki" in visitor.get(path).text
    town.services.consents.change("aoki", Field.NAME_TO_BUYERS, False, "aoki", NOW_MS)
    assert "CANARYFACTORYaoki" not in visitor.get(path).text
    town.services.consents.change("aoki", Field.NAME_TO_BUYERS, True, "aoki", NOW_MS)


async def test_consent_taken_back_leaves_the_open_page_of_an_order_that_is_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(buyer_stream, "HEARTBEAT_S", 0.1)
    monkeypatch.setattr(buyer_stream, "NAMES_S", 0.0)
    town = found_ordered_town(tmp_path)
    town.services.consents.change("aoki", Field.NAME_TO_BUYERS, True, "aoki", NOW_MS)
    with town.services.work.ledgers.deciding() as entries:
        entries.set_order_status(ORDER, OrderStatus.DONE)
    path = link_to_order(town.services.links, ORDER, "c", NOW_MS, UNTIL_MS).path
    await town.services.order_book.refresh()
    assert town.services.order_book.now(ORDER) is None
    with served(town) as (url, _):
        async with (
            httpx.AsyncClient(
                base_url=url, headers={"Accept-Language": "en"}, timeout=None, verify=NO_TLS
            ) as client,
            client.stream("GET", f"{path}/events") as answer,
        ):
            events = Events(answer)
            assert (await events.next())[0] == "heartbeat"
            named = FACTORIES["aoki"][0]
            name, first = await events.next()
            assert name == "order" and named in first
            town.services.consents.change("aoki", Field.NAME_TO_BUYERS, False, "aoki", NOW_MS)
            name, then = "", ""
            while name != "order":
                name, then = await events.next()
            assert named not in then and "Factory A" in then


def test_what_changed_since_the_last_visit_stands_on_top(
    town: Town, path: str, visitor: httpx.Client
) -> None:
    before_ms = NOW_MS - DAY_MS
    told = Told(ORDER, before_ms - 1, None, NOW_MS + 9 * DAY_MS, None, 0.9, 0.0)
    later = Told(ORDER, before_ms + 1, None, NOW_MS + 11 * DAY_MS, None, 0.6, 0.2, "s2", "breakdown", 16.2)
    for each in (told, later):
        Arrivals(town.services.records.engine).add(each)
    town.services.order_book._arrivals.take([ORDER], {ORDER: (told, later)})
    first = visitor.get(path, headers={"Cookie": ""})
    assert "Since your last visit" not in first.text and "machikoba_visits=" in first.headers["set-cookie"]
    again = visitor.get(path, headers={"Cookie": f"machikoba_visits=0.{before_ms}"})
    assert "Since your last visit" in again.text
    why = "Step 2 (Pressing): 16 h behind, as a machine was out of order."
    said = f"{why} The expected arrival moved back by 2 days"
    assert again.text.count(said) == 2, "on top and in the history"
    broken = visitor.get(path, headers={"Cookie": f"machikoba_visits={'9' * 3_000}.1"})
    assert broken.status_code == 200 and "Since your last visit" not in broken.text
