"""The factory's page works by forms alone, counts a double tap once, and shows others what they get."""

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from aggregator.access.links import link_to_order
from aggregator.access.visitor import SESSION_COOKIE
from aggregator.model.consent import Field
from aggregator.model.job import JobStatus
from tests.aggregator.faces import form_token_in
from tests.aggregator.town import Town, served
from tests.aggregator.work_town import found_work_town
from tests.stack import NO_TLS

FIRST, SECOND = "2026-0001-1a", "2026-0002-1a"


@pytest.fixture
def town(tmp_path: Path) -> Town:
    return found_work_town(tmp_path)


@pytest.fixture
def url(town: Town) -> Iterator[str]:
    with served(town) as (address, _):
        yield address


def at(town: Town, url: str, who: str = "aoki") -> httpx.Client:
    headers = {"Accept-Language": "en"}
    return httpx.Client(
        base_url=url,
        cookies={SESSION_COOKIE: town.session(who)},
        headers=headers,
        timeout=30,
        verify=NO_TLS,
    )


def post(client: httpx.Client, **fields: str) -> httpx.Response:
    token = form_token_in(client.get("/factory").text)
    return client.post("/factory", data={"form_token": token, **fields})


def first(pattern: str, text: str) -> str:
    found = re.search(pattern, text, re.DOTALL)
    assert found is not None
    return found[1]


def status(town: Town, job: str) -> JobStatus:
    found = town.services.work.ledgers.job(job)
    assert found is not None
    return found.status


def test_a_job_starts_pauses_and_finishes_by_forms(town: Town, url: str) -> None:
    with at(town, url) as client:
        answer = post(client, do="start", job=SECOND, machine="mc-02")
        assert (answer.status_code, answer.headers["location"]) == (303, f"/factory?job={SECOND}&said=start")
        assert status(town, SECOND) is JobStatus.RUNNING
        post(client, do="pause", job=SECOND)
        assert status(town, SECOND) is JobStatus.PAUSED
        short = post(client, do="finish", job=SECOND)
        assert (short.status_code, "Some pieces are missing" in short.text) == (409, True)
        assert status(town, SECOND) is JobStatus.PAUSED
        finished = post(client, do="finish", job=SECOND, reason="Material ran out")
        assert status(town, SECOND) is JobStatus.DONE
        assert client.get(finished.headers["location"]).text.count(f'id="job-{SECOND}"') == 1


def test_a_machine_at_work_is_taken_over_only_when_asked(town: Town, url: str) -> None:
    with at(town, url) as client:
        refused = post(client, do="start", job=SECOND, machine="mc-01")
        assert (refused.status_code, 'name="takeover" value="yes"' in refused.text) == (409, True)
        post(client, do="start", job=SECOND, machine="mc-01", takeover="yes")
    assert (status(town, FIRST), status(town, SECOND)) == (JobStatus.PAUSED, JobStatus.RUNNING)


def test_a_double_tap_counts_once(town: Town, url: str) -> None:
    with at(town, url) as client:
        for _ in range(2):
            assert (
                post(client, do="report", job=FIRST, good="10", scrap="1", request="tap").status_code == 303
            )
    ledger = town.services.work.ledgers.ledgers([FIRST])[FIRST]
    assert (ledger.good, ledger.scrap) == (130, 4)


def test_what_arrives_is_counted_by_the_receiver(town: Town, url: str) -> None:
    with at(town, url, "sakura") as client:
        assert "50</b> pieces were sent" in client.get("/factory").text
        assert post(client, do="receive", handover="1", accepted="48", rejected="2").status_code == 303
    (handover,) = town.services.work.ledgers.handovers("2026-0001")
    assert (handover.accepted, handover.rejected, handover.received_by) == (48, 2, "sakura")


@pytest.mark.parametrize("fields", [{"good": "ten"}, {"good": "1" * 12}])
def test_what_is_no_number_is_said_and_nothing_is_entered(
    town: Town, url: str, fields: dict[str, str]
) -> None:
    with at(town, url) as client:
        answer = post(client, do="report", job=FIRST, **fields)
    assert (answer.status_code, "Please check the numbers" in answer.text) == (422, True)
    assert town.services.work.ledgers.ledgers([FIRST])[FIRST].good == 120


def test_a_form_without_its_token_is_refused(town: Town, url: str) -> None:
    with at(town, url) as client:
        assert client.post("/factory", data={"do": "pause", "job": FIRST}).status_code == 403
        assert client.post("/factory/consents", data={"field": "bands", "granted": "no"}).status_code == 403


def test_the_sheets_code_opens_the_job_ready_to_start_after_signing_in(town: Town, url: str) -> None:
    with at(town, url) as client:
        sheet = client.get(f"/factory/jobs/{SECOND}/sheet").text
        address = re.findall(r'<div class="qr"><a href="([^"]+)"', sheet)[0]
        assert address == f"{url}/factory?job={SECOND}"
        opened = client.get(address).text
        assert (
            opened.index("The job you chose")
            < opened.index(f'id="job-{SECOND}"')
            < opened.index("Under way</h2>")
        )
    back = httpx.get(address, verify=NO_TLS).headers["location"]
    assert back == f"/login?back=%2Ffactory%3Fjob%3D{SECOND}"


@pytest.mark.parametrize(("language", "day"), [("en", r"\d+ [A-Z][a-z]{2}"), ("ja", r"\d+/\d+")])
@pytest.mark.parametrize("path", ["/factory", f"/factory/jobs/{SECOND}/sheet"])
def test_a_due_date_is_written_as_readers_of_its_language_write_it(
    town: Town, url: str, path: str, language: str, day: str
) -> None:
    due = {"en": "Order due", "ja": "納期"}[language]
    with at(town, url) as client:
        page = client.get(path, headers={"Accept-Language": language}).text
    assert re.search(rf"<dt>{due}</dt><dd>{day}</dd>", page)


def test_the_coordinator_sees_what_the_mirror_shows_to_the_byte(town: Town, url: str) -> None:
    row = re.compile(r'<section class="factory" data-factory-row="aoki".*?</section>', re.DOTALL)
    with at(town, url) as factory, at(town, url, "coordinator") as coordinator:
        mirrored = row.findall(factory.get("/factory/seen?by=coordinator").text)
        assert mirrored == row.findall(coordinator.get("/floor").text)
        assert len(mirrored) == 1


def test_partners_read_what_the_mirror_shows_and_a_name_is_gone_once_it_is_taken_back(
    town: Town, url: str
) -> None:
    def told(client: httpx.Client) -> str:
        return first(r'Comes from: <span class="told">(.*?)</span></q>', client.get("/factory/seen").text)

    def read(client: httpx.Client) -> str:
        return first(r"<dt>Comes from</dt><dd>(.*?)</dd>", client.get("/factory").text)

    with at(town, url) as aoki, at(town, url, "sakura") as sakura:
        assert told(aoki) == read(sakura)
        assert "青木精機" in read(sakura)
        token = form_token_in(aoki.get("/factory/seen").text)
        fields = {"form_token": token, "field": Field.NAME_TO_PARTNERS.value, "granted": "no"}
        assert aoki.post("/factory/consents", data=fields).status_code == 303
        assert told(aoki) == read(sakura)
        assert "青木精機" not in sakura.get("/factory").text
        assert "another factory" in read(sakura)
    assert town.services.audit.entries("aoki")[0].action == "consent changed"


def test_the_mirror_quotes_what_neighbours_read_and_names_go_to_the_next_line_whole(
    town: Town, url: str
) -> None:
    with at(town, url) as client:
        mirror = client.get("/factory/seen", headers={"Accept-Language": "ja"}).text
        work = client.get("/factory", headers={"Accept-Language": "ja"}).text
    assert "の工場の画面：<q" in mirror
    assert "に見える内容" not in mirror
    assert re.search(r'<dt>次工程</dt><dd>\S+ <span class="whole">\S+</span></dd>', work)


def test_the_buyer_sees_what_the_mirror_shows_to_the_byte(town: Town, url: str) -> None:
    services = town.services
    asyncio.run(services.order_book.refresh())
    link = link_to_order(services.links, "2026-0001", "coordinator", services.now(), services.now() + 10**9)
    step = re.compile(r'<li class="stop.*?</li>', re.DOTALL)
    with (
        at(town, url) as factory,
        httpx.Client(base_url=url, headers={"Accept-Language": "en"}, verify=NO_TLS) as buyer,
    ):
        (mirrored, _second_order) = step.findall(factory.get("/factory/seen?by=buyers").text)
        assert mirrored in step.findall(buyer.get(link.path).text)
        assert "青木精機" not in mirrored  # it does not agree to be named to buyers
        services.consents.change("aoki", Field.NAME_TO_BUYERS, True, "aoki", services.now())
        named = step.findall(factory.get("/factory/seen?by=buyers").text)[0]
        assert named in step.findall(buyer.get(link.path).text)
        assert "青木精機" in named


def test_the_page_is_for_factories(town: Town, url: str) -> None:
    with at(town, url, "coordinator") as client:
        assert client.get("/factory").status_code == 403
    with at(town, url, "sakura") as client:
        assert client.get(f"/factory/jobs/{FIRST}/sheet").status_code == 404
