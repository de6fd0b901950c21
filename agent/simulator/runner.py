"""Runs a scenario live: timelines in, real servers and the ground truth out."""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

from agent.errors import ConfigError
from agent.simulator.agenda import Agenda, Step, Steps
from agent.simulator.control import Command, ControlFile
from agent.simulator.plant import Machine, Scenario
from agent.simulator.servers import Server, check_ports, make_servers
from agent.simulator.status import Status, after, status_at
from agent.simulator.timeline import Event, events_after
from agent.simulator.truth import GroundTruth

logger = logging.getLogger(__name__)

LONGEST_WAIT_MS = 2_000
"""Waits are cut into such pieces, so that the floor soon follows a wall clock that is set."""
LOOK_MS = 200
"""How often the control file is looked at, if there is one."""
NEVER_MS = 1 << 62


class Floor:
    """All machines at the present moment; `now` gives the wall clock in ms, `control` is the control file."""

    def __init__(
        self, scenario: Scenario, truth: GroundTruth, now: Callable[[], int], control: Path | None = None
    ) -> None:
        self.scenario = scenario
        self.truth = truth
        self.now = now
        self.machines = {machine.key: machine for machine in scenario.machines}
        self.control = ControlFile(control, self.machines)
        self.longest_wait_ms = LONGEST_WAIT_MS if control is None else LOOK_MS
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
            agenda = self._catch_up(max(self.now(), self.truth.last_ms))
            for machine in self.machines.values():
                await self.servers[machine.key].show(machine, self.statuses[machine.key])
            for server in servers:
                await server.listen()
            ready()
            await self._play(agenda, stop)

    def _catch_up(self, now_ms: int) -> Agenda:
        """Bring every machine to the present; return what comes after it.

        What happened while no simulator ran is told with the time at which it was to happen.
        """
        self.truth.check_machines(self.machines)
        agenda = Agenda({key: self._resume(machine, now_ms) for key, machine in self.machines.items()})
        while (due_ms := agenda.next_ms) is not None and due_ms <= now_ms:
            step = agenda.take()
            self._advance(step.machine, step.event)
            self._tell(step, step.event)
        return agenda

    def _resume(self, machine: Machine, now_ms: int) -> Steps:
        """Put a machine where its part of the ground truth begins, and return its steps from there."""
        told = self.truth.told.get(machine.key)
        start_ms = now_ms if told is None else told.start_ms
        for after_ms, for_ms in () if told is None else told.breakdowns:
            machine = machine.broken(after_ms, for_ms)
        status = status_at(machine, self.scenario.anchor_ms, start_ms)
        if told is None:
            self.truth.start(machine, status, now_ms)
        else:
            self.truth.check_start(machine, status.total)
            if told.work_order is not None:
                status = replace(status, work_order=told.work_order)
        self.machines[machine.key], self.statuses[machine.key] = machine, status
        return _steps(machine, start_ms, 0 if told is None else told.events)

    def _advance(self, machine: Machine, event: Event) -> Status:
        status = after(self.statuses[machine.key], event, machine)
        self.statuses[machine.key] = status
        return status

    def _tell(self, step: Step, event: Event) -> None:
        if step.fresh:
            self.truth.tell(step.machine, event, self.statuses[step.machine.key].total)

    async def _play(self, agenda: Agenda, stop: asyncio.Event) -> None:
        """Let every event happen at its time, and every command when it comes, until `stop`."""
        while not stop.is_set():
            await self._heed(agenda)
            now_ms = self.now()
            due_ms = min(now_ms + self.longest_wait_ms, agenda.next_ms or NEVER_MS)
            if due_ms > now_ms:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout((due_ms - now_ms) / 1000):
                        await stop.wait()
            else:
                await self._play_next(agenda)

    async def _play_next(self, agenda: Agenda) -> None:
        """Let the next event happen; one that comes late carries the moment it really happened."""
        step = agenda.take()
        event = step.event._replace(at_ms=max(step.event.at_ms, self.now()))
        status = self._advance(step.machine, event)
        await self.servers[step.machine.key].show(step.machine, status)
        self._tell(step, event)

    async def _heed(self, agenda: Agenda) -> None:
        """Do what is commanded, after all that is due by then: so the truth tells both in one order."""
        commands, wrong = self.control.read()
        for sentence in wrong:
            logger.warning("%s", sentence)
        for command in commands:
            while (agenda.next_ms or NEVER_MS) <= (at_ms := max(self.now(), self.truth.last_ms)):
                await self._play_next(agenda)
            await self._obey(command, agenda, at_ms)

    async def _obey(self, command: Command, agenda: Agenda, at_ms: int) -> None:
        machine = self.machines[command.machine]
        if command.work_order is not None:
            status = replace(self.statuses[machine.key], work_order=command.work_order)
            self.statuses[machine.key] = status
            await self.servers[machine.key].show(machine, status)
            self.truth.tell_work_order(machine, command.work_order, at_ms)
        if command.breakdown_s is not None:
            for_ms = round(command.breakdown_s * 1000)
            self.truth.tell_breakdown(machine, at_ms, for_ms)
            self.machines[machine.key] = machine.broken(at_ms, for_ms)
            agenda.change(machine.key, _steps(self.machines[machine.key], at_ms, 0))


async def _close(servers: list[Server]) -> None:
    await asyncio.gather(*(server.close() for server in servers))


def _steps(machine: Machine, start_ms: int, told: int) -> Steps:
    for nth, event in enumerate(events_after(machine, start_ms)):
        yield Step(machine, event, fresh=nth >= told)
