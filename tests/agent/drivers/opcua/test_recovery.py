"""Servers that fail as real ones do, with the settings that people have: OFFLINE meanwhile, soon well again.

A machine counts as well again when its state is known and its counter is followed. It takes 15 s at the most
where the computer is not busy with other things (`test_well_again.py`); slow ones get more time here.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from agent.clock import SystemClock
from agent.contract.records import MINUTE_MS, Record, StateChange, Window
from agent.contract.states import INDEX, State
from agent.follower import Follower
from agent.measuring.machine import Live
from tests.agent.configs import config
from tests.agent.drivers.opcua.peer import OpcuaPeer, node, serving
from tests.agent.drivers.processes import Peer, node_opcua

WELL_WITHIN_S = 15.0
SLOW_COMPUTER = 3


class Machine:
    """One machine followed as the agent follows it; `seen` holds its states in their order."""

    def __init__(self, url: str, *more: str) -> None:
        signals = {name: node(name) for name in ("execution", "parts", *more)}
        table = {
            "id": "mc-01",
            "process": "cutting",
            "driver": "opcua",
            "opcua": {"url": url, "signals": signals},
            "rules": [{"state": "RUNNING", "when": {"execution": "ACTIVE"}}],
            "otherwise": "IDLE",
            "cycles": {"counter": "parts"},
        }
        if more:
            table["rules"].insert(0, {"state": "SETUP", "when": {more[0]: 5}})  # type: ignore[attr-defined]
        self.clock = SystemClock()
        self.records: list[Record] = []
        self.live: Live | None = None
        self.seen: list[State] = []
        self.noticed_ms = 0
        self.follower = Follower(
            config(table).machines[0],
            self.clock,
            keep=lambda _, new: self.records.extend(new),
            show=self.show,
        )

    def show(self, _machine: str, live: Live) -> None:
        self.live = live
        if not self.seen or self.seen[-1] is not live.state:
            self.seen.append(live.state)
            if live.state is State.OFFLINE:
                self.noticed_ms = self.clock()

    async def until(self, done: Callable[[Live], bool], within_s: float = 60.0) -> None:
        """Wait until the machine shows it."""
        async with asyncio.timeout(within_s):
            while self.live is None or not done(self.live):
                self.follower.advance(self.clock())
                await asyncio.sleep(0.05)

    async def until_well(self, parts: int) -> None:
        """Wait until the state is known and the counter is followed."""
        await self.until(
            lambda live: live.state is not State.OFFLINE and live.cycles_total == parts,
            WELL_WITHIN_S * SLOW_COMPUTER,
        )

    def lost_at(self, lost_ms: int) -> int:
        """Return since when it has to be OFFLINE at the latest, lost at `lost_ms`.

        A minute that ended before it was noticed is told already, up to the moment at which it was closed.
        """
        ended = self.noticed_ms // MINUTE_MS > lost_ms // MINUTE_MS
        return self.noticed_ms if ended else lost_ms

    @property
    def offline_since_ms(self) -> int:
        """Since when it was unknown, the last time."""
        changes = [record for record in self.records if isinstance(record, StateChange)]
        return [change.at_ms for change in changes if change.state is State.OFFLINE][-1]

    def offline_ms(self) -> int:
        """End the open window; return how long the machine was unknown in all windows."""
        self.follower.close()
        windows = [record for record in self.records if isinstance(record, Window)]
        return sum(window.state_ms[INDEX[State.OFFLINE]] for window in windows)


@contextlib.asynccontextmanager
async def followed(url: str, *more: str) -> AsyncIterator[Machine]:
    machine = Machine(url, *more)
    machine.follower.begin(None)
    task = asyncio.create_task(machine.follower.run(lambda: None))
    try:
        yield machine
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def url(port: int) -> str:
    return f"opc.tcp://127.0.0.1:{port}"


@pytest.fixture
def server(folder: Path) -> Iterator[Peer]:
    with node_opcua(folder) as peer:
        yield peer


async def test_frozen_for_eight_seconds_and_resumed(server: Peer) -> None:
    async with followed(url(server.port)) as machine:
        await machine.until_well(7)
        server.freeze()
        frozen_ms = machine.clock()
        await machine.until(lambda live: live.state is State.OFFLINE)
        since_ms = machine.lost_at(frozen_ms)
        await asyncio.sleep(max(0.0, 8 - (machine.clock() - frozen_ms) / 1000))
        server.thaw()
        thawed_ms = machine.clock()
        server.tell(name="parts", value=9)
        await machine.until_well(9)
        assert machine.seen[-3:] == [State.RUNNING, State.OFFLINE, State.RUNNING]
        assert machine.offline_since_ms <= since_ms, "since the last moment known"
        assert machine.offline_ms() >= thawed_ms - since_ms


async def test_restarted_with_other_indexes_and_a_node_that_comes_later(folder: Path) -> None:
    with contextlib.ExitStack() as stack:
        before = stack.enter_context(node_opcua(folder))
        before.tell(name="appearing", add=4)
        async with followed(url(before.port), "appearing") as machine:
            await machine.until_well(7)
            before.kill()
            await machine.until(lambda live: live.state is State.OFFLINE)
            server = stack.enter_context(node_opcua(folder, before.port, "urn:new:one", "urn:new:two"))
            server.tell(name="parts", value=8)
            await machine.until(lambda live: live.cycles_total == 8, WELL_WITHIN_S * SLOW_COMPUTER)
            assert machine.live is not None
            assert machine.live.state is State.OFFLINE, "a rule's signal is not there yet: nobody knows"
            server.tell(name="appearing", add=5)
            await machine.until(lambda live: live.state is State.SETUP, WELL_WITHIN_S * SLOW_COMPUTER)


async def test_a_subscription_that_dies_silently() -> None:
    async with serving({"execution": "ACTIVE", "parts": 7}) as peer, followed(peer.url) as machine:
        for mute, parts in ((OpcuaPeer.mute, 8), (OpcuaPeer.hang, 9)):
            await machine.until_well(parts - 1)
            await mute(peer)
            await peer.put("parts", parts)
            missed_ms = machine.clock()
            await machine.until_well(parts)
            assert machine.seen[-2:] == [State.OFFLINE, State.RUNNING]
            machine.follower.advance(machine.clock())
            assert machine.offline_since_ms <= machine.lost_at(missed_ms), "since the last moment known"
