"""How soon a machine is known again after its OPC UA server failed, with the settings that people have.

`python -m tests.bench.opcua [ROUNDS]` lets real servers fail (node-opcua, asyncua), and prints for each way
the time from the moment the server is well until state and counter are followed again.
"""

import asyncio
import contextlib
import logging
import statistics
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

from agent.contract.states import State
from tests.agent.drivers.opcua.peer import OpcuaPeer, serving
from tests.agent.drivers.opcua.test_recovery import Machine, followed, url
from tests.agent.drivers.processes import Peer, node_opcua

Way = Callable[[Path, int], Awaitable[float]]


async def restarted(folder: Path, number: int) -> float:
    """Killed, away for a while, and started again with other namespace indexes."""
    with contextlib.ExitStack() as stack:
        before = stack.enter_context(node_opcua(folder))
        async with followed(url(before.port)) as machine:
            await machine.until_well(7)
            before.kill()
            await _offline(machine)
            await asyncio.sleep(1 + 3 * number)
            await asyncio.to_thread(stack.enter_context, node_opcua(folder, before.port, "urn:new"))
            return await _until_well(machine, 7)


async def frozen(folder: Path, number: int) -> float:
    """Frozen for eight seconds or longer, and resumed."""
    with node_opcua(folder) as server:
        async with followed(url(server.port)) as machine:
            await machine.until_well(7)
            server.freeze()
            await _watch(machine, 8 + 1.3 * number)
            return await _resumed(server, machine)


async def _resumed(server: Peer, machine: Machine) -> float:
    server.thaw()
    server.tell(name="parts", value=9)
    return await _until_well(machine, 9)


async def muted(_folder: Path, number: int) -> float:
    """Its subscription's items are gone, its keep-alives go on."""
    return await _silent(OpcuaPeer.mute, number)


async def hanging(_folder: Path, number: int) -> float:
    """It publishes nothing more, and answers everything else."""
    return await _silent(OpcuaPeer.hang, number)


async def _silent(fall_silent: Callable[[OpcuaPeer], Awaitable[None]], number: int) -> float:
    async with serving({"execution": "ACTIVE", "parts": 7}) as peer, followed(peer.url) as machine:
        await machine.until_well(7)
        await _watch(machine, 1 + 1.3 * number)
        await fall_silent(peer)
        await peer.put("parts", 8)
        return await _until_well(machine, 8)


async def appearing(folder: Path, number: int) -> float:
    """A node that is missing at the reconnect and appears later."""
    with node_opcua(folder) as server:
        async with followed(url(server.port), "appearing") as machine:
            await machine.until(lambda live: live.cycles_total == 7)
            await _watch(machine, 1 + 1.3 * number)
            server.tell(name="appearing", add=5)
            began = _now()
            await machine.until(lambda live: live.state is State.SETUP)
            return _now() - began


async def _offline(machine: Machine) -> None:
    await machine.until(lambda live: live.state is State.OFFLINE)


async def _watch(machine: Machine, for_s: float) -> None:
    end = _now() + for_s
    while _now() < end:
        machine.follower.advance(machine.clock())
        await asyncio.sleep(0.05)


async def _until_well(machine: Machine, parts: int) -> float:
    began = _now()
    await machine.until_well(parts)
    return _now() - began


def _now() -> float:
    return asyncio.get_running_loop().time()


WAYS: tuple[Way, ...] = (restarted, frozen, muted, hanging, appearing)


async def measure(rounds: int) -> AsyncIterator[tuple[str, list[float]]]:
    """Yield each way and its times in seconds."""
    with tempfile.TemporaryDirectory() as name:
        for way in WAYS:
            yield way.__name__, [await way(Path(name), number) for number in range(rounds)]


async def main(rounds: int) -> None:
    """Measure and print."""
    logging.disable(logging.WARNING)  # that links are lost is meant
    everything: list[float] = []
    async for way, took in measure(rounds):
        everything += took
        print(f"{way}: {_told(took)}", flush=True)
    print(f"all: {_told(everything)}")


def _told(took: list[float]) -> str:
    return f"median {statistics.median(took):.1f} s, longest {max(took):.1f} s of {len(took)}"


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 6))
