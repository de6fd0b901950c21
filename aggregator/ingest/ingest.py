"""Ingest as a whole: broker in, store and board out; builds its parts and runs their tasks."""

import asyncio
from collections.abc import Callable, Collection

from aggregator.config import Config
from aggregator.ingest.commands import Commands
from aggregator.ingest.commit import Committer, Tags
from aggregator.ingest.effects import Effects
from aggregator.ingest.quarantine import Quarantine
from aggregator.ingest.refusals import Refusals
from aggregator.ingest.session import Session
from aggregator.ingest.subscriber import Subscriber
from aggregator.ingest.writer import Writer
from aggregator.live import Board
from aggregator.status import Status
from aggregator.store.records import Records
from aggregator.store.refused_messages import RefusedMessages
from aggregator.store.timeseries import TimeSeries


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
        self.commands = commands = Commands(config.federation, status, now)
        self._writer = Writer(Committer(timeseries, records, tags), commands, board, status, now)
        self._subscriber = Subscriber(
            config=config,
            session=Session(config.federation, config.processes, refusals),
            effects=Effects(board, self._writer, commands),
            commands=commands,
            refusals=refusals,
            quarantine=self._quarantine,
            status=status,
            known_factories=self._known_factories,
            now=now,
        )

    async def run(self) -> None:
        """Receive, store and announce; cancelled, it leaves the broker and ends the batch at the store."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._subscriber.run(), name="ingest.subscriber")
            tasks.create_task(self._writer.run(), name="ingest.writer")
            tasks.create_task(self._writer.announce(), name="ingest.announce")
            tasks.create_task(self._quarantine.run(), name="ingest.quarantine")

    def _known_factories(self) -> Collection[str]:
        return [factory.id for factory in self._records.factories()]
