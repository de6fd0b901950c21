"""Runs a scenario live: timelines in, real servers and the ground truth out."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from heapq import merge
from itertools import chain

from agent.errors import ConfigError
from agent.simulator.plant import Machine, Scenario
from agent.simulator.servers import Server, check_ports, make_servers
from agent.simulator.status import Status, after, status_at
from agent.simulator.timeline import Event, events_after
from agent.simulator.truth import GroundTruth

LONGEST_WAIT_MS = 2_000
"""Waits are cut into such pieces, so that the floor soon follows a wall clock that is set."""


@dataclass(frozen=True, slots=True)
class Step:
    """An event to come; not `fresh` if the ground truth tells it already."""

    machine: Machine
    event: Event
    fresh: bool


class Floor:
    """All machines at the present moment; `now` gives the wall clock in ms."""

    def __init__(self, scenario: Scenario, truth: GroundTruth, now: Callable[[], int]) -> None:
        self.scenario = scenario
        self.truth = truth
        self.now = now
        self.statuses: dict[str, Status] = {}
        self.servers: dict[str, Server] = {}

    async def run(self, stop: asyncio.Event, ready: Callable[[], None]) -> None:
        """Catch up to the present, serve until `stop` is set; calls `ready` when all ports are open.

        Raises ConfigError when the scenario lies in the future or a port cannot be opened.
        """
        if self.scenario.anchor_ms > self.now():
            raise ConfigError("anchor: lies in the future; set it to a moment that has passed")
        check_ports(self.scenario)
        async with AsyncExitStack() as stack:
            self.servers = await make_servers(self.scenario, self.now)
            servers = list(dict.fromkeys(self.servers.values()))
            stack.push_async_callback(_close, servers)
            steps = self._catch_up(max(self.now(), self.truth.last_ms))
            for machine in self.scenario.machines:
                await self.servers[machine.key].show(machine, self.statuses[machine.key])
            for server in servers:
                await server.listen()
            ready()
            await self._play(steps, stop)
            await stop.wait()

    def _catch_up(self, now_ms: int) -> Iterator[Step]:
        """Bring every machine to the present; return what comes after it.

        What happened while no simulator ran is told with the time at which it was to happen.
        """
        self.truth.check_machines(machine.key for machine in self.scenario.machines)
        streams = [self._resume(machine, now_ms) for machine in self.scenario.machines]
        steps = merge(*streams, key=lambda step: step.event.at_ms)
        for step in steps:
            if step.event.at_ms > now_ms:
                return chain([step], steps)
            self._advance(step.machine, step.event)
            self._tell(step, step.event)
        return iter(())

    def _resume(self, machine: Machine, now_ms: int) -> Iterator[Step]:
        """Put a machine where its part of the ground truth begins, and return its steps from there."""
        told = self.truth.told.get(machine.key)
        start_ms = now_ms if told is None else told.start_ms
        status = status_at(machine, self.scenario.anchor_ms, start_ms)
        self.statuses[machine.key] = status
        if told is None:
            self.truth.start(machine, status, now_ms)
        else:
            self.truth.check_start(machine, status.total)
        return _steps(machine, start_ms, 0 if told is None else told.events)

    def _advance(self, machine: Machine, event: Event) -> Status:
        status = after(self.statuses[machine.key], event, machine)
        self.statuses[machine.key] = status
        return status

    def _tell(self, step: Step, event: Event) -> None:
        if step.fresh:
            self.truth.tell(step.machine, event, self.statuses[step.machine.key].total)

    async def _play(self, steps: Iterator[Step], stop: asyncio.Event) -> None:
        """Let every event happen at its time; one that comes late carries the moment it really happened."""
        for step in steps:
            await self._wait_until(step.event.at_ms, stop)
            if stop.is_set():
                return
            event = step.event._replace(at_ms=max(step.event.at_ms, self.now()))
            status = self._advance(step.machine, event)
            await self.servers[step.machine.key].show(step.machine, status)
            self._tell(step, event)

    async def _wait_until(self, at_ms: int, stop: asyncio.Event) -> None:
        while not stop.is_set() and (wait_ms := at_ms - self.now()) > 0:
            try:
                await asyncio.wait_for(stop.wait(), min(wait_ms, LONGEST_WAIT_MS) / 1000)
            except TimeoutError:
                continue


async def _close(servers: list[Server]) -> None:
    await asyncio.gather(*(server.close() for server in servers))


def _steps(machine: Machine, start_ms: int, told: int) -> Iterator[Step]:
    for nth, event in enumerate(events_after(machine, start_ms)):
        yield Step(machine, event, fresh=nth >= told)
