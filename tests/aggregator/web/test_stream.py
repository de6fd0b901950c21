import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from sqlalchemy import text

from agent.contract.states import State
from aggregator.access.visitor import SESSION_COOKIE
from aggregator.model.machine import MachineKey
from aggregator.store.people import People
from aggregator.web import stream
from tests.aggregator.faces import browsing, sign_in
from tests.aggregator.town import NOW_MS, Town, found_town, served
from tests.stack import NO_TLS

KEY = MachineKey("aoki", "mc-01")
WITHIN_S = 30  # however slow the machine is


@pytest.fixture
def fresh(tmp_path: Path) -> Town:
    return found_town(tmp_path, days=0.1)


class Events:
    """Reads a stream of server-sent events."""

    def __init__(self, answer: httpx.Response) -> None:
        self.answer = answer
        self._lines = answer.aiter_lines()
        self._tiles: list[dict[str, str]] = []

    async def next(self) -> tuple[str, str]:
        name = data = ""
        async with asyncio.timeout(WITHIN_S):
            async for line in self._lines:
                field, _, value = line.partition(": ")
                if field == "event":
                    name = value
                elif field == "data":
                    data = value
                elif not line and name:
                    return name, data
        raise EOFError

    async def machine(self) -> dict[str, str]:
        """Return the next machine's tile, past heartbeats."""
        while not self._tiles:
            name, data = await self.next()
            if name == "machines":
                self._tiles = json.loads(data)
        return self._tiles.pop(0)

    async def first(self, number: int) -> set[tuple[str, str]]:
        found = [await self.machine() for _ in range(number)]
        return {(tile["factory"], tile["machine"]) for tile in found}


@asynccontextmanager
async def listening(url: str, name: str, language: str = "en") -> AsyncIterator[Events]:
    with browsing(url) as visitor:
        await asyncio.to_thread(sign_in, visitor, name)
        cookies = {SESSION_COOKIE: visitor.cookies[SESSION_COOKIE]}
    headers = {"Accept-Language": language}
    async with (
        httpx.AsyncClient(
            base_url=url, cookies=cookies, headers=headers, timeout=None, verify=NO_TLS
        ) as client,
        client.stream("GET", "/floor/events") as answer,
    ):
        yield Events(answer)


def change(fresh: Town, state: State, key: MachineKey = KEY) -> None:
    live = fresh.services.board.get(key)
    fresh.services.board.update(replace(live, state=state, since_ms=NOW_MS))


async def test_a_listener_gets_everything_first_and_then_what_changes(fresh: Town) -> None:
    with served(fresh) as (url, run):
        async with listening(url, "coordinator") as events:
            assert events.answer.headers["content-type"].startswith("text/event-stream")
            assert (await events.next())[0] == "heartbeat"
            assert len(await events.first(20)) == 20
            run(lambda: change(fresh, State.DOWN))
            tile = await events.machine()
    assert (tile["factory"], tile["machine"]) == KEY
    assert 'data-state="DOWN"' in tile["html"]
    assert "<strong>Down</strong>" in tile["html"]


async def test_a_tile_comes_in_the_language_of_its_listener(fresh: Town) -> None:
    with served(fresh) as (url, run):
        async with listening(url, "coordinator", "ja") as events:
            await events.first(20)
            run(lambda: change(fresh, State.DOWN))
            assert "異常停止" in (await events.machine())["html"]


async def test_a_factory_hears_of_its_own_machines_only(fresh: Town) -> None:
    own = MachineKey("sakura", "pl-01")
    with served(fresh) as (url, run):
        async with listening(url, "sakura") as events:
            assert {factory for factory, _ in await events.first(3)} == {"sakura"}
            run(lambda: change(fresh, State.DOWN))  # not theirs
            run(lambda: change(fresh, State.DOWN, own))
            assert (await events.machine())["machine"] == "pl-01"


async def test_what_looks_the_same_is_not_sent_again(fresh: Town) -> None:
    with served(fresh) as (url, run):
        async with listening(url, "coordinator") as events:
            await events.first(20)
            run(lambda: fresh.services.board.stored([MachineKey("aoki", "mc-02")]))
            run(lambda: change(fresh, State.DOWN))
            assert (await events.machine())["machine"] == "mc-01"


async def test_heartbeats_tell_the_servers_time(fresh: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "HEARTBEAT_S", 0.05)
    with served(fresh) as (url, _):
        async with listening(url, "coordinator") as events:
            await events.first(20)
            for _ in range(3):
                assert await events.next() == ("heartbeat", str(NOW_MS))


def test_without_a_session_there_is_no_stream(client: httpx.Client) -> None:
    assert client.get("/floor/events").status_code == 401


async def test_a_person_who_is_removed_hears_no_more(fresh: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "HEARTBEAT_S", 0.05)
    monkeypatch.setattr(stream, "CHECK_SESSION_S", -1)
    with served(fresh) as (url, _):
        async with listening(url, "coordinator") as events:
            await events.first(20)
            People(fresh.services.records.engine).remove_user("coordinator")
            with pytest.raises((EOFError, httpx.RemoteProtocolError)):
                while True:
                    await events.next()


async def test_the_stream_goes_on_while_the_store_is_away(
    fresh: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "HEARTBEAT_S", 0.05)
    monkeypatch.setattr(stream, "CHECK_SESSION_S", -1)
    with served(fresh) as (url, _):
        async with listening(url, "coordinator") as events:
            await events.first(20)
            with fresh.services.records.engine.begin() as connection:
                connection.execute(text("ALTER TABLE sessions RENAME TO away"))
            for _ in range(3):
                assert (await events.next())[0] == "heartbeat"
            with fresh.services.records.engine.begin() as connection:
                connection.execute(text("ALTER TABLE away RENAME TO sessions"))


async def test_the_stream_ends_when_the_server_stops(fresh: Town) -> None:
    with served(fresh) as (url, run):
        async with listening(url, "coordinator") as events:
            await events.first(20)
            run(fresh.services.board.close)
            with pytest.raises((EOFError, httpx.RemoteProtocolError)):
                while True:
                    await events.next()


async def test_fifty_listeners_hear_the_same_change_and_leave_nothing_behind(fresh: Town) -> None:
    with served(fresh) as (url, run):
        with browsing(url) as visitor:
            await asyncio.to_thread(sign_in, visitor)
            cookies = {SESSION_COOKIE: visitor.cookies[SESSION_COOKIE]}
        async with AsyncExitStack() as stack:
            client = await stack.enter_async_context(
                httpx.AsyncClient(
                    base_url=url,
                    cookies=cookies,
                    timeout=None,
                    limits=httpx.Limits(max_connections=60),
                    verify=NO_TLS,
                )
            )
            all_events = []
            for _ in range(50):
                answer = await stack.enter_async_context(client.stream("GET", "/floor/events"))
                all_events.append(Events(answer))
            await asyncio.gather(*(events.first(20) for events in all_events))
            run(lambda: change(fresh, State.DOWN))
            tiles = await asyncio.gather(*(events.machine() for events in all_events))
        assert {(tile["machine"], 'data-state="DOWN"' in tile["html"]) for tile in tiles} == {("mc-01", True)}
        async with asyncio.timeout(WITHIN_S):
            # Those of the measurements stay. The server's loop is not ours: it cannot set an event here.
            while listeners(fresh) > 2:  # noqa: ASYNC110
                await asyncio.sleep(0.05)


def listeners(fresh: Town) -> int:
    return fresh.services.board.listeners
