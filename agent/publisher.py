"""The agent's line to the broker: live values and the outbox in, Sparkplug messages out, commands back in.

One connection after another, each with a will and a number (bdSeq) of its own, until `stop`. Within one,
a single task publishes, so that `seq` has no gaps, and it never waits for the disk.
"""

import asyncio
import contextlib
import logging
import random
from collections.abc import Callable, Mapping

from aiomqtt import Message

from agent import births
from agent.broker import Connection, connected
from agent.catching_up import MANY, CatchingUp
from agent.commands import Command, Rebirth, SetJob, read_commands
from agent.complaints import Complaints
from agent.config import Config, Machine
from agent.contract import names
from agent.contract.sparkplug import Scalar
from agent.contract.topics import TopicError, parse_topic, state_topic
from agent.dispatch import Dispatch
from agent.errors import LinkError
from agent.link import BackOff
from agent.live import LiveValues
from agent.measuring.machine import Live
from agent.outbox import Outbox
from agent.primary_host import PrimaryHost
from agent.reach import Reach
from agent.threads import on_disk

logger = logging.getLogger(__name__)

HEALTH_S = 15.0
CATCHING_UP_S = 5.0
REBIRTH_PAUSE_S = 1.0
BACK_OFF = BackOff(first_s=0.5, longest_s=15.0)


class Publisher:
    """Delivers what the machines show and what the outbox holds; `run` it as a task, end it with `stop`.

    `now` gives UTC milliseconds, `health` the node's metrics that are not the outbox's or the line's own;
    `set_job` is called with machine and job for a job command, `forgotten` when the outbox became smaller.
    While `is_held` says so, records wait and only live values go out.
    `show` has to be called for every machine before `run`.
    """

    def __init__(
        self,
        config: Config,
        outbox: Outbox,
        now: Callable[[], int],
        *,
        health: Callable[[], Mapping[str, Scalar | None]],
        set_job: Callable[[str, str], None],
        forgotten: Callable[[], None] = lambda: None,
        is_held: Callable[[], bool] = lambda: False,
    ) -> None:
        self.reconnects = 0
        self.is_connected = False
        self._config = config
        self._outbox = outbox
        self._now = now
        self._health = health
        self._set_job = set_job
        self._clock = asyncio.get_running_loop().time
        self._places = {machine.id: place for place, machine in enumerate(config.machines)}
        host = config.mqtt.primary_host
        self._host_topic = None if host is None else state_topic(host)
        self._host = PrimaryHost()
        self._wake = asyncio.Event()
        self._stopping = asyncio.Event()
        self._live = LiveValues()
        self._reach = Reach()
        self._dispatch = Dispatch(
            config.delivery,
            outbox,
            ready=self._wake.set,
            forgotten=forgotten,
            renewed=self._plan_rebirth,
            is_held=is_held,
        )
        self._rebirth_due_s: float | None = None
        self._born_s = self._health_due_s = 0.0
        self._complaints = Complaints()
        self._catching_up = CatchingUp()

    @property
    def delivered(self) -> asyncio.Event:
        """Set while nothing waits in the outbox."""
        return self._dispatch.delivered

    def show(self, machine: str, live: Live) -> None:
        """Note what a machine shows now; it is told as soon as its pace allows."""
        self._live.show(machine, live)
        self._wake.set()

    def reach(self, machine: str, is_there: bool) -> None:
        """Note whether a machine's driver reaches it; one that is lost for long is dead until it is found."""
        if self._reach.note(machine, is_there, self._clock()):
            self._wake.set()  # drivers say it with every reading: only news wakes us

    def appended(self, through: int) -> None:
        """Note that the outbox holds records up to `through`."""
        self._dispatch.appended(through)

    def stop(self) -> None:
        """End `run`: say goodbye to the broker if it is there, and connect no more."""
        self._stopping.set()
        self._wake.set()

    async def run(self) -> None:
        """Hold a connection until `stop`; never raises for a broker that is away."""
        failures, failed_s = 0, None
        while not self._stopping.is_set():
            began_s = self._clock()
            try:
                bd_seq = await on_disk(self._outbox.next_bd_seq)
                async with connected(self._config, bd_seq, self._now) as connection:
                    if failed_s is not None:
                        self.reconnects += 1
                        away_s = self._clock() - failed_s
                        logger.info("connected to %s again, after %.0f s", connection.name, away_s)
                        failed_s = None
                    await self._session(connection)
            except LinkError as error:
                # A broker that throws us out as soon as we are in is not asked again at full pace.
                failures = 1 if self._clock() - began_s > BACK_OFF.longest_s else failures + 1
                if failed_s is None:
                    failed_s = self._clock()
                    logger.warning("%s; records are kept, trying again until it works", error)
                await self._pause_unless_stopping(BACK_OFF.pause_s(failures, random.random()))

    async def _pause_unless_stopping(self, pause_s: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(pause_s):
                await self._stopping.wait()

    async def _session(self, connection: Connection) -> None:
        lost: Exception | None = None
        try:
            self._host = PrimaryHost()
            if not await self._host_is_there(connection):
                return
            self.is_connected = True
            await self._give_birth(connection)
            async with asyncio.TaskGroup() as tasks:
                others = [
                    tasks.create_task(self._receive(connection), name="publisher: receive"),
                    tasks.create_task(self._dispatch.load(), name="publisher: load"),
                    tasks.create_task(self._dispatch.forget(), name="publisher: forget"),
                ]
                await self._send(connection)
                for task in others:
                    task.cancel()
        except* LinkError as group:
            lost = group.exceptions[0]
        finally:
            self.is_connected = False
        if lost is not None:
            raise lost

    async def _host_is_there(self, connection: Connection) -> bool:
        """Wait for the primary host, if there is to be one; False when we are to stop meanwhile."""
        if self._host_topic is None:
            return True
        hearing = asyncio.create_task(self._hear_host(connection), name="publisher: primary host")
        stopping = asyncio.create_task(self._stopping.wait(), name="publisher: stop")
        try:
            await asyncio.wait((hearing, stopping), return_when=asyncio.FIRST_COMPLETED)
            if hearing.done():
                hearing.result()
        finally:
            hearing.cancel()
            stopping.cancel()
        return not self._stopping.is_set()

    async def _hear_host(self, connection: Connection) -> None:
        async with contextlib.aclosing(connection.messages()) as messages:
            async for message in messages:
                if str(message.topic) == self._host_topic:
                    self._host.hear(message.payload)
                    if self._host.online:
                        return

    async def _send(self, connection: Connection) -> None:
        """Publish what is due: births, then live values, then health, then one message of records."""
        while not self._stopping.is_set():
            self._wake.clear()
            if self._host_topic is not None and not self._host.online:
                await connection.node_death()
                raise LinkError(f"the primary host {self._config.mqtt.primary_host} is offline")
            if self._rebirth_due_s is not None:
                if self._rebirth_due_s > self._clock():
                    await self._wait_until(self._rebirth_due_s)
                    continue  # who waits for births can do nothing with data (Sparkplug 3.0, 5.17)
                await self._give_birth(connection)
            await self._tell_reach(connection)
            for machine in self._live.due(self._clock()):
                await self._tell(connection, machine)
            await self._tell_health(connection)
            if self._dispatch.is_loaded:
                metrics = self._dispatch.take(self._now())
                if metrics is not None:
                    await connection.node("NDATA", metrics)
                await asyncio.sleep(0)
                continue  # live values go first again
            await self._wait_for_work()
        await self._say_goodbye(connection)

    async def _tell_health(self, connection: Connection) -> None:
        """Tell the node's own figures when they are due, more often while it catches up."""
        now_s = self._clock()
        if now_s < self._health_due_s:
            return
        waiting = self._outbox.pending_count
        if progress := self._catching_up.note(waiting, now_s):
            logger.info("%s", progress)
        self._health_due_s = now_s + (CATCHING_UP_S if waiting >= MANY else HEALTH_S)
        await connection.node("NDATA", births.node_data(self._node_health(), self._now()))

    async def _wait_for_work(self) -> None:
        due = (self._reach.next_due_s, self._live.next_due_s(), self._health_due_s)
        await self._wait_until(min(due_s for due_s in due if due_s is not None))

    async def _wait_until(self, due_s: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(due_s):
                await self._wake.wait()

    async def _give_birth(self, connection: Connection) -> None:
        """Publish all births, and begin again at the first record that is not known to be stored."""
        self._rebirth_due_s = None
        self._born_s = self._clock()
        at_ms = self._now()
        await connection.node_birth(self._node_values(), at_ms)
        for machine in self._config.machines:
            await self._give_machine_birth(connection, machine, at_ms)
        self._health_due_s = self._clock() + CATCHING_UP_S
        self._dispatch.restart()

    async def _give_machine_birth(self, connection: Connection, machine: Machine, at_ms: int) -> None:
        """Publish a machine's birth, also of one that cannot be reached: its records need to be known."""
        self._live.tell(machine.id, self._clock())
        self._reach.born(machine.id)
        place, live = self._places[machine.id], self._live.now(machine.id)
        metrics = births.machine_birth(
            place, machine.name, machine.process, live, at_ms, sharing=machine.sharing
        )
        await connection.machine("DBIRTH", machine.id, metrics)

    async def _tell_reach(self, connection: Connection) -> None:
        """Publish the death of machines that are lost, and the birth of those that are found again."""
        for id in self._reach.dying(self._clock()):
            logger.info("%s: cannot be reached: told as dead until it is found", id)
            await connection.machine("DDEATH", id, ())
        for id in self._reach.revived():
            machine = self._config.machines[self._places[id]]
            await self._give_machine_birth(connection, machine, self._now())

    async def _say_goodbye(self, connection: Connection) -> None:
        for machine in self._config.machines:
            if not self._reach.is_dead(machine.id):
                await connection.machine("DDEATH", machine.id, ())
        await connection.node_death()

    async def _tell(self, connection: Connection, machine: str) -> None:
        told, shows = self._live.told(machine), self._live.now(machine)
        self._live.tell(machine, self._clock())
        if self._reach.is_dead(machine):
            return  # its next birth tells all of it
        metrics = births.machine_data(self._places[machine], told, shows, self._now())
        await connection.machine("DDATA", machine, metrics)

    async def _receive(self, connection: Connection) -> None:
        async for message in connection.messages():
            if str(message.topic) == self._host_topic:
                self._host.hear(message.payload)
                self._wake.set()
                continue
            for command in self._commands(message):
                self._obey(command)

    def _commands(self, message: Message) -> list[Command]:
        body = message.payload if isinstance(message.payload, bytes) else b""
        commands: list[Command] = []
        try:
            topic = parse_topic(str(message.topic))
            if message.retain:  # the broker would give the same order anew at every connection
                wrong = ["it is retained, so it may be long out of date"]
            else:
                commands, wrong = read_commands(topic, body, list(self._places))
        except TopicError as error:
            wrong = [str(error)]
        for what in wrong:
            self._complain(f"a command on {message.topic} is ignored: {what}")
        return commands

    def _obey(self, command: Command) -> None:
        if isinstance(command, Rebirth):
            self._plan_rebirth()
        elif isinstance(command, SetJob):
            self._set_job(command.machine, command.job)
        elif why_not := self._dispatch.announced(command.epoch, command.through):
            self._complain(why_not)

    def _plan_rebirth(self) -> None:
        self._rebirth_due_s = max(self._clock(), self._born_s + REBIRTH_PAUSE_S)
        self._wake.set()

    def _node_values(self) -> dict[str, Scalar | None]:
        outbox = self._outbox
        return {
            names.EPOCH: outbox.epoch,
            names.STORED_EPOCH: outbox.epoch,
            names.STORED_THROUGH: outbox.forgotten_through,
            names.FORGOTTEN_THROUGH: outbox.forgotten_through,
            names.NAME: self._config.name,
            **self._node_health(),
        }

    def _node_health(self) -> dict[str, Scalar | None]:
        own = {names.OUTBOX_RECORDS: self._outbox.pending_count, names.RECONNECTS: self.reconnects}
        return {**self._health(), **own}

    def _complain(self, what: str) -> None:
        for sentence in self._complaints.about(what, self._clock()):
            logger.warning("%s", sentence)
