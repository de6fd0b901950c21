"""A foreign edge node, the npm package sparkplug-client: its machine appears, counts, goes, comes back."""

import asyncio
import contextlib
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from agent.contract.names import TRUST_BEST_EFFORT
from agent.contract.states import State
from aggregator.clock import now_ms
from aggregator.config import Config, Mqtt
from aggregator.ingest.ingest import Ingest
from aggregator.live import Board
from aggregator.model.machine import MachineKey
from aggregator.status import Status
from aggregator.store.embedded import Embedded
from aggregator.store.records import Records
from tests.agent import brokers
from tests.agent.brokers import Broker
from tests.aggregator.ingest.messages import FEDERATION

PEERS = Path(__file__).parents[2] / "peers"
KEY = MachineKey("foreign", "lathe")


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Broker]:
    with brokers.running("mosquitto", tmp_path) as broker:
        yield broker


@contextlib.contextmanager
def edge(port: int, log: Path) -> "Iterator[subprocess.Popen[str]]":
    command = ["node", str(PEERS / "sparkplug_edge.js"), str(port), FEDERATION, *KEY]
    with log.open("ab") as out:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=out, stderr=out, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def tell(process: "subprocess.Popen[str]", line: str) -> None:
    assert process.stdin is not None
    process.stdin.write(f"{line}\n")
    process.stdin.flush()


async def until(done: Callable[[], object], what: str) -> None:
    for _ in range(1_200):
        if done():
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"not within a minute: {what}")


async def test_the_machine_of_a_foreign_node_lives(engine: Engine, mosquitto: Broker, tmp_path: Path) -> None:
    board, status, records = Board(), Status(), Records(engine)
    config = Config(federation=FEDERATION, mqtt=Mqtt(port=mosquitto.port))
    ingest = Ingest(config, Embedded(engine), records, board, status, now=now_ms)
    receiving = asyncio.create_task(ingest.run())

    def shows(state: State, cycles: int, *, connected: bool = True) -> bool:
        live = board.get(KEY)
        found = live and (live.state, live.cycles_total, live.connected)
        return found == (state, cycles, connected) if connected else bool(live and not live.connected)

    try:
        await until(lambda: status.broker_connected, "connected")
        with edge(mosquitto.port, tmp_path / "edge.log") as process:
            await until(lambda: shows(State.IDLE, 0), "it appears")
            for cycles in range(1, 6):
                tell(process, f"RUNNING {cycles}")
                await asyncio.sleep(0.02)
            await until(lambda: shows(State.RUNNING, 5), "it counts")
            process.kill()
            await until(lambda: shows(State.OFFLINE, 5, connected=False), "it goes stale")
        with edge(mosquitto.port, tmp_path / "edge.log") as process:
            await until(lambda: shows(State.IDLE, 0), "it comes back")
            tell(process, "RUNNING 7")
            await until(lambda: shows(State.RUNNING, 7), "it counts again")
            tell(process, "stop")
            await until(lambda: shows(State.OFFLINE, 7, connected=False), "it goes")
        (machine,) = await asyncio.to_thread(records.machines)
        assert (machine.key, machine.trust) == (KEY, TRUST_BEST_EFFORT)
    finally:
        receiving.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await receiving
