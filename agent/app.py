"""The agent as one process: settings in; every machine followed and delivered until told to stop."""

import argparse
import asyncio
import contextlib
import importlib.metadata
import logging
import signal
from collections.abc import Collection, Sequence
from pathlib import Path

from agent import clock, health, held, threads
from agent.config import Config, load_config
from agent.contract import names
from agent.contract.records import Record
from agent.contract.sparkplug import Scalar
from agent.errors import AgentError, OutboxDiskError
from agent.expiry import watch_certificate
from agent.follower import Follower
from agent.journal import Journal, Snapshots
from agent.measuring.machine import accounted_to
from agent.outbox import Outbox, open_outbox, outbox_in_memory
from agent.publisher import Publisher
from agent.threads import on_disk

logger = logging.getLogger(__name__)

TICK_S = 0.2
GRACE_MS = 300
"""Machines are moved on a little late, so that readings on their way still fall into their own time."""
OBSERVE_S = 1.0
DELIVER_S = 5.0
"""How long an orderly stop waits for what the outbox holds to be stored at the centre."""
GOODBYE_S = 5.0
CANCEL_AGAIN_S = 2.0
"""Longer than a driver takes to close."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `machikoba-agent run`."""
    parser.add_argument("--config", type=Path, required=True, metavar="FILE", help="the factory's agent.toml")


def run(args: argparse.Namespace) -> int:
    """Do what `machikoba-agent run` is asked for; raises AgentError with one sentence."""
    config = load_config(args.config)
    threads.run(serve(config))
    return 0


async def serve(config: Config) -> None:
    """Follow all machines until SIGTERM or SIGINT, or until all recorded logs are delivered.

    Raises OutboxError when the outbox cannot be opened, AgentError when no machine can be followed.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, _stop_once, loop, number, stop)
    outbox = await opened_outbox(config)
    try:
        await Agent(config, outbox).run(stop)
    finally:
        await on_disk(outbox.close)


async def opened_outbox(config: Config) -> Outbox:
    """Return the outbox, in memory if its disk fails; raises OutboxError if it can never work."""
    try:
        return await on_disk(open_outbox, config.data, config.outbox)
    except OutboxDiskError as error:
        logger.error(  # noqa: TRY400
            "%s. Live values go on, and the disk is tried again; until then records wait in memory, where "
            "they are lost if the agent ends, and counters begin anew",
            error,
        )
        return outbox_in_memory(config.data, config.outbox)


def _stop_once(loop: asyncio.AbstractEventLoop, number: int, stop: asyncio.Event) -> None:
    """Ask for an orderly stop; a second signal of the kind ends the process at once."""
    stop.set()
    loop.remove_signal_handler(number)


class Agent:
    """Followers, journal and publisher of one factory, and who tells whom."""

    def __init__(self, config: Config, outbox: Outbox) -> None:
        self._config = config
        self._outbox = outbox
        self._clock = clock.SystemClock(hold_s=config.wait_for_clock_s)
        self._started_ms = clock.system_monotonic_ms()
        self._systemd = health.Systemd()
        self._publisher = Publisher(
            config,
            outbox,
            self._clock,
            health=self._health,
            set_job=self._set_job,
            forgotten=self._look_for_room,
            is_held=lambda: self._clock.is_held or self._journal.is_releasing,
        )
        self._journal = Journal(
            outbox, self._snapshots, self._publisher.appended, group_s=config.outbox.group_s
        )
        self._followers = {
            machine.id: Follower(
                machine,
                self._clock,
                keep=self._keep,
                show=self._publisher.show,
                remember=self._journal.remember,
                reach=self._publisher.reach,
            )
            for machine in config.machines
        }

    async def run(self, stop: asyncio.Event) -> None:
        """Follow and deliver until `stop` is set or every log has ended; then end in good order."""
        await self._begin()
        async with asyncio.TaskGroup() as tasks:
            publisher = tasks.create_task(self._publisher.run(), name="publisher")
            journal = tasks.create_task(self._journal.run(), name="journal")
            ticker = tasks.create_task(self._tick(), name="ticker")
            expiry = tasks.create_task(watch_certificate(self._config.mqtt.tls, self._clock), name="expiry")
            drivers = [
                tasks.create_task(follower.run(self._journal.has_room.wait), name=f"driver[{machine}]")
                for machine, follower in self._followers.items()
            ]
            self._systemd.tell(health.READY)
            logs_ended = await self._wait_for_end(stop, drivers)
            self._systemd.tell(health.STOPPING)
            await end(*drivers, ticker, journal, expiry)
            await self._finish(publisher, stop if logs_ended else None)
        if logs_ended:
            self._require_no_failure()

    async def _begin(self) -> None:
        """Go on from what is remembered; where the clock is not right yet, what comes after that is held."""
        saved = await on_disk(self._outbox.snapshots)
        newest_ms = max((accounted_to(saved[id]) or 0 for id in self._timed if id in saved), default=0)
        shift_ms = await on_disk(held.take_up, self._outbox, self._clock, self._timed, newest_ms)
        since_ms = self._config.measured_since_ms
        for id, follower in self._followers.items():
            if id in saved:
                follower.begin(saved[id], since_ms, shift_ms=shift_ms)
        if self._clock.is_held:
            await self._journal.flush()  # this has its true time
            await on_disk(held.hold, self._outbox, self._clock)
        for id, follower in self._followers.items():
            if id not in saved:
                follower.begin(None, since_ms)

    async def _wait_for_end(self, stop: asyncio.Event, drivers: Sequence[asyncio.Task[None]]) -> bool:
        """Wait for `stop`; return True if instead every machine is a log and all have ended."""
        stopped = asyncio.create_task(stop.wait(), name="stop")
        if not all(follower.has_event_time for follower in self._followers.values()):
            await stopped
            return False
        ended = asyncio.create_task(asyncio.wait(drivers), name="logs")
        await asyncio.wait((stopped, ended), return_when=asyncio.FIRST_COMPLETED)
        for task in (stopped, ended):
            task.cancel()
        return all(driver.done() for driver in drivers)

    async def _finish(self, publisher: asyncio.Task[None], stop: asyncio.Event | None) -> None:
        """Close windows, write, deliver (until `stop` if given, else for some seconds), say goodbye."""
        for follower in self._followers.values():
            follower.close()
        is_written = await self._journal.flush(self._followers)
        while stop is not None and not is_written and not stop.is_set():
            await asyncio.sleep(OBSERVE_S)
            is_written = await self._journal.flush(self._followers)
        if stop is not None:
            await _first_of(self._publisher.delivered, stop)
        elif self._publisher.is_connected:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(DELIVER_S):
                    await self._publisher.delivered.wait()
        self._publisher.stop()
        _, late = await asyncio.wait((publisher,), timeout=GOODBYE_S)
        await end(*late)
        left = self._outbox.pending_count
        logger.info(
            "stopped; %s", f"{left} records wait in the outbox" if left else "everything is delivered"
        )

    async def _tick(self) -> None:
        """Move machines on with the clock, and tell systemd that the loop is alive."""
        observe_s = watchdog_s = 0.0
        loop_time = asyncio.get_running_loop().time
        while True:
            if loop_time() >= observe_s:
                observe_s = loop_time() + OBSERVE_S
                self._observe_clock()
            for follower in self._followers.values():
                follower.advance(self._clock() - GRACE_MS)
            if self._systemd.watchdog_s is not None and loop_time() >= watchdog_s:
                watchdog_s = loop_time() + self._systemd.watchdog_s
                self._systemd.tell(health.WATCHDOG)
            await asyncio.sleep(TICK_S)

    def _observe_clock(self) -> None:
        before_ms = self._clock()
        step = self._clock.observe()
        if step.shift_ms:
            for follower in self._followers.values():
                follower.shift(before_ms, step.shift_ms)
        if step.is_released:
            self._journal.release(step.shift_ms, self._timed)

    @property
    def _timed(self) -> list[str]:
        """The machines that run in the computer's time: not those whose log has a time of its own."""
        return [id for id, follower in self._followers.items() if not follower.has_event_time]

    def _keep(self, machine: str, records: Sequence[Record]) -> None:
        self._journal.keep(machine, records)

    def _set_job(self, machine: str, job: str) -> None:
        logger.info("%s: job %s", machine, repr(job) if job else "none")
        self._followers[machine].set_job(job)

    def _look_for_room(self) -> None:
        self._journal.look_for_room()

    def _snapshots(self, machines: Collection[str]) -> Snapshots:
        found = {machine: self._followers[machine].snapshot() for machine in machines}
        return {machine: snapshot for machine, snapshot in found.items() if snapshot is not None}

    def _health(self) -> dict[str, Scalar | None]:
        return {
            names.VERSION: importlib.metadata.version("machikoba"),
            names.TIME_SYNCHRONISED: clock.synchronised(),
            names.MEMORY_BYTES: health.memory_bytes(),
            names.UPTIME_S: int(clock.system_monotonic_ms() - self._started_ms) // 1000,
        }

    def _require_no_failure(self) -> None:
        failures = {follower.machine.id: follower.failure for follower in self._followers.values()}
        if told := "; ".join(f"{machine}: {failure}" for machine, failure in failures.items() if failure):
            raise AgentError(told)


async def end(*tasks: asyncio.Task[None], again_s: float = CANCEL_AGAIN_S) -> None:
    """Cancel tasks until every one has ended: a library may take a cancellation for something else."""
    left = {task for task in tasks if not task.done()}
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=again_s)


async def _first_of(*events: asyncio.Event) -> None:
    waits = [asyncio.create_task(event.wait()) for event in events]
    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for wait in waits:
        wait.cancel()
