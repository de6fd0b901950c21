"""Ingest as a whole: broker in, store and board out; builds its parts and runs their tasks."""

import asyncio
import logging
from collections.abc import Callable, Collection, Iterable

from aggregator.config import Config
from aggregator.foreign.listening import Listening
from aggregator.foreign.settings import ForeignMachine
from aggregator.ingest.commands import Commands
from aggregator.ingest.commit import Committer, Tags
from aggregator.ingest.effects import Effects
from aggregator.ingest.node import Explained
from aggregator.ingest.quarantine import Quarantine
from aggregator.ingest.refusals import Refusals
from aggregator.ingest.session import Session
from aggregator.ingest.subscriber import Subscriber
from aggregator.ingest.writer import Writer
from aggregator.live import Board
from aggregator.model.machine import MachineKey
from aggregator.status import Status
from aggregator.store.memories import Memories
from aggregator.store.records import Records
from aggregator.store.refused_messages import RefusedMessages
from aggregator.store.timeseries import StoreError, TimeSeries

logger = logging.getLogger(__name__)

RETRY_S = 2.0
TICK_S = 0.5
"""How often time passes for foreign machines."""


class Ingest:
    """Runs until cancelled; `now` gives UTC milliseconds, `tags` says which jobs records count for."""

    def __init__(
        self,
        config: Config,
        timeseries: TimeSeries,
        records: Records,
        board: Board,
        status: Status,
        *,
        now: Callable[[], int],
        tags: Tags | None = None,
    ) -> None:
        refusals = Refusals()
        self._quarantine = Quarantine(RefusedMessages(records.engine), now)
        self._records = records
        self._commands = commands = Commands(config.federation, status, now)
        self._writer = Writer(Committer(timeseries, records, tags), commands, board, status, now)
        self._memories = Memories(records.engine)
        self._foreign = Listening(config.foreign, board, self._writer.measured, self._writer.declared, now)
        self._subscriber = Subscriber(
            config=config,
            session=Session(
                config.federation,
                config.processes,
                refusals,
                explained(config.foreign),
                round(config.mqtt.reorder_timeout_s * 1000),
            ),
            effects=Effects(board, self._writer, commands, self._foreign),
            commands=commands,
            refusals=refusals,
            quarantine=self._quarantine,
            status=status,
            known_factories=self._known_factories,
            now=now,
        )

    async def run(self) -> None:
        """Receive, store and announce; cancelled, it leaves the broker and ends the batch at the store."""
        await self._resume()
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._subscriber.run(), name="ingest.subscriber")
                tasks.create_task(self._writer.run(), name="ingest.writer")
                tasks.create_task(self._writer.announce(), name="ingest.announce")
                tasks.create_task(self._quarantine.run(), name="ingest.quarantine")
                tasks.create_task(self._advance(), name="ingest.foreign")
        finally:
            self._foreign.close()
            await self._writer.finish()

    def job(self, key: MachineKey, job: str) -> None:
        """Say which job the machine works on from now on; "" for none."""
        if not self._foreign.set_job(key, job):
            self._commands.job(key, job)

    async def _resume(self) -> None:
        """Go on measuring foreign machines where that was left off, as soon as the store tells where."""
        memories = None
        is_told = False
        while memories is None:
            try:
                memories = await asyncio.to_thread(self._memories.load)
            except StoreError as error:
                if not is_told:
                    logger.warning("cannot read what is remembered of foreign machines, trying on: %s", error)
                is_told = True
                await asyncio.sleep(max(RETRY_S, error.wait_s))
        for memory in memories:
            self._writer.measured(memory)  # its records may not have been stored any more
        self._foreign.resume({memory.key: memory.tracker for memory in memories})

    async def _advance(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            self._foreign.advance()

    def _known_factories(self) -> Collection[str]:
        return [factory.id for factory in self._records.factories()]


def explained(machines: Iterable[ForeignMachine]) -> dict[str, dict[str, Explained]]:
    """Return which metrics are explained, by factory and machine."""
    found: dict[str, dict[str, Explained]] = {}
    for each in machines:
        of_factory = found.setdefault(each.factory, {})
        of_factory[each.machine] = Explained(frozenset(each.signals.values()), each.of_node)
    return found
