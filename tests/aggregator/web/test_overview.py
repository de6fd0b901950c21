import re
from collections.abc import Iterator
from html import unescape

import httpx
import pytest

from agent.contract.states import State
from aggregator.live import LiveAgent, LiveMachine
from aggregator.measured import HOUR_MS
from aggregator.model.machine import Factory, Machine, MachineKey
from aggregator.model.window import Window
from tests.aggregator.faces import bearer, browsing, sign_in
from tests.aggregator.town import FACTORIES, NOW_MS, Town, served


def text_of(html: str) -> str:
    """Return what people read, spaces evened out."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", html))


@pytest.fixture
def page(client: httpx.Client) -> str:
    sign_in(client)
    return client.get("/").text


@pytest.fixture
def visitor(empty_town: Town) -> Iterator[httpx.Client]:
    with served(empty_town) as (url, _), browsing(url) as client:
        sign_in(client)
        yield client


def test_the_sentences_are_made_from_data(page: str) -> None:
    text = text_of(page)
    assert "10 of 20 machines are running now. The state of 3 is unknown." in text
    assert "2 machines are down. Longest: 富士見プレス プレス 2号機, for 1 h 20 min." in text
    assert "みなと梱包 has been silent for 12 min 0 s." in text
    assert re.search(r"Over the last 24 hours \S.* was the least busy \(utilization \d+%\), ", text)


def test_a_factory_whose_agent_speaks_is_not_silent_though_its_machines_are_switched_off(
    client: httpx.Client, town: Town
) -> None:
    sign_in(client)
    town.services.board.update_agent(LiveAgent("minato", connected=True, heard_ms=NOW_MS))
    try:
        assert "has been silent" not in text_of(client.get("/").text)
    finally:
        town.services.board.agent_left("minato")


def test_the_same_in_japanese(client: httpx.Client) -> None:
    sign_in(client)
    client.cookies.set("machikoba_language", "ja")
    text = text_of(client.get("/").text)
    assert "いま 20 台のうち 10 台が稼働しています。3 台は状態が分かりません。" in text
    assert "異常停止は 2 台です。最も長いのは富士見プレスのプレス 2号機で、1 時間 20 分続いています。" in text
    assert "みなと梱包との通信が 12 分 0 秒途絶えています。" in text


@pytest.mark.parametrize(
    ("language", "words"),
    [("en", "Records cannot be stored at the moment."), ("ja", "いま、届いた記録を保存できていません。")],
)
def test_the_coordinator_reads_why_nothing_is_stored_and_factories_do_not(
    client: httpx.Client, town: Town, language: str, words: str
) -> None:
    client.cookies.set("machikoba_language", language)
    sentence = "influx http://db:8086: refuses the token for bucket 'machikoba'"
    sign_in(client)
    assert words not in text_of(client.get("/").text)
    town.services.status.store_error = sentence
    try:
        for path in ("/", "/floor", "/capacity", "/factories"):
            text = text_of(client.get(path).text)
            assert words in text, path
            assert sentence in unescape(text)
        client.cookies.clear()
        client.cookies.set("machikoba_language", language)
        sign_in(client, "aoki")
        for path in ("/", "/floor", "/capacity"):
            text = text_of(client.get(path).text)
            assert words in text, path
            assert "influx" not in text
    finally:
        town.services.status.store_error = None


def test_processes_stand_with_the_utilization_that_the_api_tells(
    client: httpx.Client, town: Town, page: str
) -> None:
    query = {"by": "process", "since": "2026-11-23T14:05:00+09:00", "until": "2026-11-24T14:05:00+09:00"}
    answer = client.get("/api/v1/utilization", params=query, headers=bearer(town)).json()
    for row in answer["rows"]:
        cells = page.split(f'href="/floor?process={row["process"]}"')[1].split("</tr>", 1)[0]
        assert f"<b>{row['utilization'] * 100:.0f}%</b>" in cells


def test_every_factory_leads_to_its_row_of_the_floor(page: str) -> None:
    for id_, (name, *_) in FACTORIES.items():
        assert f'<a href="/floor#factory-{id_}">{name}</a>' in page


def test_the_chart_has_a_text_alternative_and_a_table(page: str) -> None:
    chart = page.split('class="trend"')[1]
    assert re.search(r'role="img" aria-label="[^"]+"', chart)
    rows = chart.split("<tbody>")[1].split("</tbody>")[0].count("<tr>")
    assert rows == 25


def test_a_factory_reads_of_itself_only(client: httpx.Client) -> None:
    sign_in(client, "hinode")
    html = client.get("/").text
    assert "of 3 machines are running now" in text_of(html)
    for id_, (name, *_) in FACTORIES.items():
        assert (id_ == "hinode") == (name in html)
    assert "the busiest" not in html  # one process is not compared with itself


def test_with_nothing_stored_yet_no_number_is_made_up(empty_town: Town, visitor: httpx.Client) -> None:
    machine = Machine(MachineKey("aoki", "mc-01"), "1号機", None, "measured")
    empty_town.services.records.remember([Factory("aoki", "青木精機")], [machine])
    empty_town.services.board.update(
        LiveMachine(machine.key, State.RUNNING, NOW_MS, heard_ms=NOW_MS, connected=True)
    )
    text = text_of(visitor.get("/").text)
    assert "1 of 1 machines are running now." in text
    assert "Nothing is stored for the last 24 hours yet." in text
    assert "No machine has told its process yet." in text
    assert "0%" not in text
    assert "No machine is known to be down." in text


def test_a_factory_that_was_never_heard_is_named(empty_town: Town, visitor: httpx.Client) -> None:
    machine = Machine(MachineKey("aoki", "mc-01"), "1号機", "cutting", "measured")
    empty_town.services.records.remember([Factory("aoki", "青木精機")], [machine])
    text = text_of(visitor.get("/").text)
    assert "青木精機 has not been heard since this server started." in text
    assert "0 of 1 machines are running now. The state of 1 is unknown." in text


def test_a_process_planned_to_stand_all_day_is_not_called_the_least_busy(
    empty_town: Town, visitor: httpx.Client
) -> None:
    machines = [
        Machine(MachineKey("aoki", process), process, process, "measured")
        for process in ("cutting", "pressing", "assembly")
    ]
    empty_town.services.records.remember([Factory("aoki", "青木精機")], machines)
    spent = [(0, 0, 0, 0, HOUR_MS, 0), (HOUR_MS // 2, 0, HOUR_MS // 2, 0, 0, 0), (HOUR_MS, 0, 0, 0, 0, 0)]
    first_ms = (NOW_MS // HOUR_MS - 23) * HOUR_MS
    windows = [
        Window(machine.key, first_ms + hour * HOUR_MS, HOUR_MS, state_ms, 0)
        for machine, state_ms in zip(machines, spent, strict=True)
        for hour in range(23)
    ]
    empty_town.services.timeseries.write(windows, [])
    text = text_of(visitor.get("/").text)
    assert "Pressing was the least busy (utilization 50%), Assembly the busiest (100%)." in text


def test_certificates_that_end_are_told_to_the_coordinator_alone(
    town: Town, client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(town.services.status, "ending", ("_broker", "aoki"))
    sign_in(client, "coordinator")
    html = client.get("/").text
    assert "Certificates end within 30 days or have ended: this server, 青木精機." in text_of(html)
    page_ja = client.get("/", headers={"Accept-Language": "ja"}).text
    assert "すでに切れています: このサーバー、青木精機。" in text_of(page_ja)
    client.cookies.clear()
    sign_in(client, "aoki")
    assert "Certificates end" not in client.get("/").text
