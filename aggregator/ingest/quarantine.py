"""Messages that were refused wait here until they are stored with the reason, and the next one is handled.

Of what comes faster than it can be stored, the oldest is let go: all of it is counted anyway.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable

from aggregator.store.refused_messages import RefusedMessage, RefusedMessages
from aggregator.store.timeseries import StoreError

logger = logging.getLogger(__name__)

WAITING = 100
STORE_EVERY_S = 1.0
BEGINNING_BYTES = 4_096
LONGEST_TEXT = 500


class Quarantine:
    """`put` runs in the event loop and never blocks; `run` it as a task. `now` gives UTC milliseconds."""

    def __init__(self, store: RefusedMessages, now: Callable[[], int]) -> None:
        self._store = store
        self._now = now
        self._waiting: deque[RefusedMessage] = deque(maxlen=WAITING)

    def put(self, topic: str, reason: str, payload: bytes) -> None:
        """Keep a message."""
        beginning = payload[:BEGINNING_BYTES]
        texts = (_storable(topic), _storable(reason))
        self._waiting.append(RefusedMessage(self._now(), *texts, len(payload), beginning))

    async def run(self) -> None:
        """Store what waits, for ever."""
        while True:
            await asyncio.sleep(STORE_EVERY_S)
            if not self._waiting:
                continue
            messages = list(self._waiting)
            self._waiting.clear()
            try:
                await asyncio.to_thread(self._store.add, messages)
            except StoreError as error:
                logger.warning("%d refused messages are not kept: %s", len(messages), error)


def _storable(text: str) -> str:
    return text[:LONGEST_TEXT].replace("\x00", "�").encode("utf-8", "replace").decode()
