import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from agent.contract.states import STATES, State
from aggregator.live import LiveMachine
from aggregator.model.machine import Factory, Machine, MachineKey
from tests.aggregator.faces import browsing, sign_in
from tests.aggregator.town import FACTORIES, NOW_MS, SILENT, Town, found_town, served


@pytest.fixture
def coordinator(client: httpx.Client) -> httpx.Client:
    assert sign_in(client) == 303
    return client


@pytest.fixture
def small(tmp_path: Path) -> Town:
    return found_town(tmp_path, settled=False)


@pytest.fixture
def visitor(small: Town) -> Iterator[httpx.Client]:
    with served(small) as (url, _), browsing(url) as client:
        sign_in(client)
        yield client


def tiles(html: str) -> dict[tuple[str, str], str]:
    """Return the HTML of each tile by factory and machine."""
    found = re.findall(r'<li class="tile .*?</li>', html, re.DOTALL)
    return {
        (re.findall(r'data-factory="(.*?)"', tile)[0], re.findall(r'data-machine="(.*?)"', tile)[0]): tile
        for tile in found
    }


def shown(html: str) -> set[tuple[str, str]]:
    return {key for key, tile in tiles(html).items() if not re.search(r"<li [^>]* hidden>", tile)}


def test_a_tile_says_what_the_machine_does_since_when_and_how_it_does(coordinator: httpx.Client) -> None:
    tile = tiles(coordinator.get("/floor").text)["aoki", "mc-01"]
    assert 'data-state="RUNNING"' in tile
    assert f'data-since="{NOW_MS - 200_000}"' in tile
    assert 'data-process="cutting"' in tile
    assert "<strong>Running</strong>" in tile
    assert 'href="#RUNNING"' in tile  # its shape
    assert '<time datetime="2026-11-24T14:02:10+09:00">14:02</time>' in tile
    assert "3 min 20 s" in tile
    assert "just now" in tile
    assert "Job J-1024" in tile
    assert re.search(r"<b>\d[\d,]*</b> cycles", tile)
    assert re.search(r"<b>\d+%</b>", tile)
    assert re.search(r'role="img" aria-label="\s*Last hour: Running \d+ min', tile)


def test_the_same_in_japanese(coordinator: httpx.Client) -> None:
    coordinator.cookies.set("machikoba_language", "ja")
    html = coordinator.get("/floor").text
    tile = tiles(html)["aoki", "mc-01"]
    for text in ("稼働中", "3 分 20 秒", "から", "たった今", "今日", "稼働率", "直近 1 時間:"):
        assert text in tile
    assert "精密プレス" in html
    assert not re.search(r">\s*(Running|Idle|Today|Utilization|All)\s*<", html)


def test_factories_stand_in_the_order_of_their_processes(coordinator: httpx.Client) -> None:
    html = coordinator.get("/floor").text
    assert re.findall(r'data-factory-row="(\w+)"', html) == list(FACTORIES)


def test_states_are_counted_and_every_state_has_its_filter(coordinator: httpx.Client) -> None:
    html = coordinator.get("/floor").text
    counts = {state: int(count) for state, count in re.findall(r'data-count="(\w+)">(\d+)<', html)}
    assert counts == {
        **{"ALL": 20, "RUNNING": 10, "SETUP": 3, "IDLE": 2},
        **{"DOWN": 2, "PLANNED_STOP": 0, "OFFLINE": 3},
    }
    for state in STATES:
        assert f'href="/floor?state={state}"' in html


def test_filters_work_as_links(coordinator: httpx.Client) -> None:
    down = coordinator.get("/floor?state=DOWN").text
    assert shown(down) == {("fujimi", "pr-02"), ("higashi", "in-02")}
    assert len(tiles(down)) == 20  # hidden, not left out: they may go down any moment
    pressing = coordinator.get("/floor?process=pressing").text
    assert {factory for factory, _ in shown(pressing)} == {"fujimi"}
    assert 'data-count="ALL">4<' in pressing
    assert 'href="/floor?process=pressing&amp;state=DOWN"' in pressing
    both = coordinator.get("/floor?process=pressing&state=SETUP").text
    assert shown(both) == set()
    assert re.search(r'id="no-match">\s*No machine matches', both)


def test_an_unknown_filter_harms_nothing(coordinator: httpx.Client) -> None:
    assert len(shown(coordinator.get("/floor?state=DANCING").text)) == 20
    assert shown(coordinator.get("/floor", params={"process": "<b>"}).text) == set()
    assert coordinator.get("/floor", params={"process": "x" * 65}).status_code == 422


def test_a_silent_machine_says_so_and_is_never_idle(coordinator: httpx.Client) -> None:
    html = coordinator.get("/floor").text
    for key, tile in tiles(html).items():
        if key[0] == SILENT:
            assert 'data-state="OFFLINE"' in tile
            assert "<strong>Offline</strong>" in tile
            assert "12 min 2 s ago" in tile


def test_a_factory_sees_its_own_machines_only(client: httpx.Client) -> None:
    sign_in(client, "sakura")
    html = client.get("/floor").text
    assert {factory for factory, _ in tiles(html)} == {"sakura"}
    for other, (name, *_) in FACTORIES.items():
        assert (other == "sakura") == (f'data-factory="{other}"' in html)
        assert (other == "sakura") == (name in html)


def test_names_from_outside_are_text_and_nothing_else(small: Town, visitor: httpx.Client) -> None:
    names = ['<script>alert("1")</script>', "\"'><img src=x onerror=alert(1)>", "長" * 300, "{{ 7*7 }} %(x)s"]
    machines = [
        Machine(MachineKey("evil", f"m{number}\"'><b>"), name, "<i>", "measured")
        for number, name in enumerate(names)
    ]
    small.services.records.remember([Factory("evil", "<h1>悪</h1>")], machines)
    for machine in machines:
        small.services.board.update(
            LiveMachine(machine.key, State.RUNNING, NOW_MS, job="<u>job</u>", heard_ms=NOW_MS, connected=True)
        )
    for path in ("/floor", "/", "/floor?process=%3Ci%3E"):
        html = visitor.get(path).text
        for raw in ("<script>alert", "<img src=x", "<h1>悪", "<i>", "<u>job", "'><b>"):
            assert raw not in html, (path, raw)
    assert "長" * 300 in visitor.get("/floor").text
    assert "{{ 7*7 }} %(x)s" in visitor.get("/floor").text


def test_a_machine_that_was_never_heard_is_unknown(small: Town, visitor: httpx.Client) -> None:
    machine = Machine(MachineKey("aoki", "mc-01"), "1号機", None, "measured")
    small.services.records.remember([Factory("aoki", "青木精機")], [machine])
    tile = tiles(visitor.get("/floor").text)["aoki", "mc-01"]
    assert "never heard" in tile
    assert tile.count("unknown") >= 3
    assert ">0<" not in tile
    assert "Last hour: no data" in tile


def test_old_words_of_a_machine_look_old(small: Town, visitor: httpx.Client) -> None:
    machine = Machine(MachineKey("aoki", "mc-01"), "1号機", None, "measured")
    small.services.records.remember([Factory("aoki", "青木精機")], [machine])
    for age_ms, stale in ((60_000, False), (200_000, True)):
        live = LiveMachine(machine.key, State.IDLE, NOW_MS, heard_ms=NOW_MS - age_ms, connected=True)
        small.services.board.update(live)
        (tile,) = tiles(visitor.get("/floor").text).values()
        assert tile.startswith('<li class="tile IDLE stale"') == stale


def test_a_machine_that_its_agent_cannot_reach_is_offline_beside_others_that_work(
    small: Town, visitor: httpx.Client
) -> None:
    machines = [Machine(MachineKey("aoki", id), id, None, "measured") for id in ("mc-01", "mc-02")]
    small.services.records.remember([Factory("aoki", "青木精機")], machines)
    board = small.services.board
    for machine in machines:
        board.update(LiveMachine(machine.key, State.RUNNING, 0, 7, heard_ms=NOW_MS, connected=True))
    board.disconnect([machines[1].key], NOW_MS - 60_000)
    works, lost = tiles(visitor.get("/floor").text).values()
    assert (works.count("<strong>Running</strong>"), lost.count("<strong>Offline</strong>")) == (1, 1)
    assert lost.startswith('<li class="tile OFFLINE lost"')
    assert "1 min 0 s" in lost


@pytest.mark.parametrize("path", ["/", "/floor"])
def test_without_machines_the_page_says_how_to_attach_one(
    small: Town, visitor: httpx.Client, path: str
) -> None:
    html = visitor.get(path).text
    assert "No machine is attached yet" in html
    assert "federation = &#34;higashimachi&#34;" in html or 'federation = "higashimachi"' in html
    assert "broker cannot be reached" not in html
    small.services.status.broker_connected = False
    assert "broker cannot be reached" in visitor.get(path).text


@pytest.mark.parametrize("path", ["/", "/floor", "/login", "/nowhere"])
def test_pages_need_nothing_from_elsewhere_and_no_inline_code(coordinator: httpx.Client, path: str) -> None:
    answer = coordinator.get(path, follow_redirects=True)
    html = answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert not re.search(r'(src|href|action)="(https?:)?//', html)
    assert not re.search(r"<script(?![^>]*src=)", html)
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=", html)
    assert answer.headers["cache-control"] == "no-store"
