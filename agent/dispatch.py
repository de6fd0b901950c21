"""Records on their way: from the outbox to one message at a time; announcements in, forgotten records out."""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple

from agent import births
from agent.contract import names
from agent.contract.records import Record
from agent.contract.sparkplug import Metric
from agent.delivery import Delivery, Policy, Send, is_late
from agent.errors import OutboxDamaged, OutboxError
from agent.outbox import Outbox
from agent.threads import on_disk

logger = logging.getLogger(__name__)

FORGET_PAUSE_S = 0.5
"""Forgetting writes to the disk: several announcements become one write."""
DISK_PAUSE_S = 5.0
FORMER_EPOCHS = 100
RENEW_PAUSE_S = 3_600.0
"""False announcements shall not make us send everything again and again."""
OLD_COPY = (
    "the centre has records of this outbox that are not in it: its file is an old copy, or its last writes "
    "were lost"
)
NO_WORD = "the centre does not say how far it has stored this outbox"


class _Loaded(NamedTuple):
    send: Send
    rows: Sequence[tuple[int, Record]]


class Dispatch:
    """Keeps one message's records ready; `load` and `forget` run as tasks while there is a connection.

    `ready` is called when there is a message to take, `forgotten` when the outbox became smaller, `renewed`
    when it has a new epoch, of which births have to tell: a false one at the centre, one of which the centre
    says nothing, merged windows, a file that was recovered. Nothing is sent while `is_held` says that times
    are not known yet.
    """

    def __init__(
        self,
        policy: Policy,
        outbox: Outbox,
        *,
        ready: Callable[[], None],
        forgotten: Callable[[], None] = lambda: None,
        renewed: Callable[[], None] = lambda: None,
        is_held: Callable[[], bool] = lambda: False,
    ) -> None:
        self.delivered = asyncio.Event()
        """Set while nothing waits in the outbox."""
        self._policy = policy
        self._outbox = outbox
        self._ready = ready
        self._forgotten = forgotten
        self._renewed = renewed
        self._is_held = is_held
        self._renewed_s = float("-inf")
        self._clock = asyncio.get_running_loop().time
        self._delivery = self._begun()
        self._loaded: _Loaded | None = None
        self._load_again, self._forget_again = asyncio.Event(), asyncio.Event()
        self._trouble = ""
        self._former: deque[str] = deque(maxlen=FORMER_EPOCHS)
        self._note_delivered()

    @property
    def is_loaded(self) -> bool:
        """Tell whether there is a message to take."""
        return self._loaded is not None

    def appended(self, through: int) -> None:
        """Note that the outbox holds records up to `through`."""
        self._heed_epoch()
        self._delivery.appended(through)
        self._note_delivered()
        self._load_again.set()

    def restart(self) -> None:
        """Begin at the first record that is not known to be stored: what was on its way may be lost."""
        self._loaded = None
        self._delivery.restart(self._clock())
        self._load_again.set()

    def take(self, at_ms: int) -> tuple[Metric, ...] | None:
        """Return the metrics of the next message, which counts as sent; None if there is none after all."""
        loaded, self._loaded = self._loaded, None
        self._load_again.set()
        if loaded is None or loaded.send.after != self._delivery.sent_through:
            return None  # read before an announcement or a time-out
        late_s = self._policy.historical_after_s
        historical = loaded.send.again or any(is_late(record, at_ms, late_s) for _, record in loaded.rows)
        epoch = self._delivery.epoch  # the rows': the outbox itself may just have got a new one
        rows = births.fitting(epoch, loaded.rows, at_ms, historical=historical)
        self._delivery.sent(rows[-1][0], self._clock())
        return births.records_data(epoch, rows, at_ms, historical=historical)

    def announced(self, epoch: str, through: int) -> str | None:
        """Take what the centre says it has stored; return None if that counts, else why it is ignored.

        What is said of a former epoch of ours is past, and nothing to complain of.
        """
        if epoch in self._former:
            return None
        why_not = self._delivery.announced(epoch, through, self._clock())
        self._load_again.set()
        is_first = self._delivery.is_heard and not self._outbox.is_confirmed
        is_progress = self._delivery.acknowledged_through > self._outbox.forgotten_through
        if is_first or is_progress or self._may_renew:
            self._forget_again.set()
        return why_not and f"'{names.STORED_THROUGH}' is ignored: {why_not}"

    async def load(self) -> None:
        """Read the next records from the disk, as often as they are taken."""
        while True:
            self._load_again.clear()
            send = None
            if self._loaded is None and not self._is_held():
                if self._delivery.is_impatient(self._clock()):
                    self._forget_again.set()
                send = self._delivery.next_send(self._clock())
            if send is not None:
                await self._load(send)
            # A message that lies ready is waited for, however long its line is stuck.
            wake_s = self._delivery.wake_s(self._clock()) if self._loaded is None else None
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(wake_s):
                    await self._load_again.wait()

    async def _load(self, send: Send) -> None:
        epoch = self._delivery.epoch
        try:
            rows = await on_disk(self._outbox.pending, send.after, send.limit, epoch)
        except OutboxDamaged as error:
            await self._recover(error)
            return
        except OutboxError as error:
            await self._wait_for_disk(f"records cannot be read: {error}")
            self._load_again.set()
            return
        self._heed_epoch()
        if rows and epoch == self._delivery.epoch:
            self._loaded = _Loaded(send, rows)
            self._ready()

    async def forget(self) -> None:
        """Drop from the outbox what is announced, a few times a second at most.

        It is renewed here too, for no announcement of the old epoch may be carried out in the new one.
        """
        while True:
            await self._forget_again.wait()
            self._forget_again.clear()
            try:
                if self._may_renew:
                    # Not cut off by a connection that ends: the outbox would be renewed, and we not know it.
                    await asyncio.shield(self._renew())
                through, epoch = self._delivery.acknowledged_through, self._delivery.epoch
                if self._delivery.is_heard and not self._outbox.is_confirmed:
                    await on_disk(self._outbox.confirm, epoch)
                    self._delivery.confirmed()
                    self._load_again.set()
                await on_disk(self._outbox.forget, through, epoch)
            except OutboxDamaged as error:
                await self._recover(error)
                continue
            except OutboxError as error:
                await self._wait_for_disk(f"records that are stored cannot be dropped: {error}")
                self._forget_again.set()
                continue
            self._note_delivered()
            self._forgotten()
            await asyncio.sleep(FORGET_PAUSE_S)

    @property
    def _may_renew(self) -> bool:
        now_s = self._clock()
        if self._delivery.is_overtaken:
            return now_s - self._renewed_s > RENEW_PAUSE_S
        return self._delivery.is_impatient(now_s)

    async def _renew(self) -> None:
        is_overtaken = self._delivery.is_overtaken
        await on_disk(self._outbox.renew)
        level, why = (logging.WARNING, OLD_COPY) if is_overtaken else (logging.INFO, NO_WORD)
        logger.log(level, "%s. What waits is sent under a new epoch, %s", why, self._outbox.epoch)
        if is_overtaken:
            self._renewed_s = self._clock()
        self._heed_epoch()

    def _heed_epoch(self) -> None:
        """Begin delivery anew if the outbox has another epoch by now: its sequences mean other records."""
        if self._outbox.epoch == self._delivery.epoch:
            return
        self._former.append(self._delivery.epoch)
        self._delivery = self._begun()
        self._loaded = None
        self._load_again.set()
        self._renewed()

    async def _recover(self, error: OutboxDamaged) -> None:
        try:
            if self._outbox.epoch == self._delivery.epoch:  # else the journal has recovered it
                logger.error("%s", error)
                await asyncio.shield(on_disk(self._outbox.recover))
        except OutboxError as again:
            await self._wait_for_disk(f"the outbox cannot be recovered: {again}")
        self._heed_epoch()
        self._load_again.set()

    def _begun(self) -> Delivery:
        outbox = self._outbox
        return Delivery(
            self._policy,
            outbox.epoch,
            outbox.forgotten_through,
            outbox.last_sequence,
            confirmed_through=None if outbox.is_confirmed else outbox.confirmed_through,
        )

    async def _wait_for_disk(self, trouble: str) -> None:
        if trouble != self._trouble:
            self._trouble = trouble
            logger.error("%s", trouble)
        await asyncio.sleep(DISK_PAUSE_S)

    def _note_delivered(self) -> None:
        if self._outbox.pending_count:
            self.delivered.clear()
        else:
            self.delivered.set()
