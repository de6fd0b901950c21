"""Keeps one machine attached: a driver's readings in, a stream that says "unknown" through every gap out."""

import asyncio
import contextlib
import logging
import random
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass

from agent.errors import ConfigError, LinkError
from agent.measuring.reading import Batch, Reading

logger = logging.getLogger(__name__)

SETTLED_S = 10.0
CLOSE_S = 5.0
"""How long a driver may take to close before it is left behind."""


@dataclass(frozen=True, slots=True)
class BackOff:
    """How long to pause before the next attempt: `first_s`, doubled by every failure up to `longest_s`.

    A pause is shortened by chance, by at most the share `jitter`, so that the machines of a factory do
    not all call at once; never prolonged, so that a machine that is back is found within `longest_s`.
    """

    first_s: float = 0.5
    longest_s: float = 10.0
    jitter: float = 0.25

    @property
    def settled_s(self) -> float:
        """How long a link has to hold until its next failure is the first of a row again."""
        return min(self.longest_s, SETTLED_S)

    def pause_s(self, failures: int, chance: float) -> float:
        """Return the pause after that many failures in a row (1 or more); `chance` is 0 to 1."""
        doublings = min(failures - 1, 30)
        return min(self.first_s * 2.0**doublings, self.longest_s) * (1 - self.jitter * chance)


@dataclass(slots=True)
class LinkStatus:
    """What health reports about one link; `last_error` stays after a recovery, `reconnects` counts those."""

    connected: bool = False
    last_error: str | None = None
    reconnects: int = 0


async def attach(
    name: str,
    signals: Sequence[str],
    open_readings: Callable[[], AsyncGenerator[Batch, None]],
    now: Callable[[], int],
    *,
    status: LinkStatus,
    silence_s: float,
    back_off: BackOff | None = None,
) -> AsyncGenerator[Batch, None]:
    """Yield the batches of `open_readings()` for ever, opening it again whenever it fails.

    When a link fails, or yields nothing for `silence_s`, one batch follows in which every one of `signals`
    is None with the reason as quality, since the last moment known: that of the batch before, if there was
    one. Ends when the driver ends by itself; raises only ConfigError.
    """
    outage = _Outage(name, status, back_off or BackOff())
    known_ms: int | None = None
    while True:
        heed_cancellation()
        try:
            async with contextlib.aclosing(_watched(open_readings(), silence_s)) as live:
                async for batch in live:
                    heed_cancellation()
                    outage.ends()
                    known_ms = now()
                    yield batch
        except ConfigError:
            raise
        except LinkError as error:
            is_news = outage.goes_on(str(error))
        except Exception as error:  # noqa: BLE001  the boundary of one machine: the others must go on
            is_news = outage.goes_on(f"the driver failed: {error!r}", error)
        else:
            return
        if is_news:
            since_ms = now() if known_ms is None else known_ms
            yield tuple(Reading(signal, None, since_ms, status.last_error or "") for signal in signals)
        await asyncio.sleep(outage.pause_s(random.random()))


def heed_cancellation() -> None:
    """Raise the cancellation that a library lost; to be called after what it was asked to do.

    Before Python 3.12 asyncio.wait_for loses one that comes in the moment of its result, and the libraries
    wrap every request in it.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


class _Outage:
    """Counts failures in a row; logs the first of them and the recovery, and keeps `status`."""

    def __init__(self, name: str, status: LinkStatus, back_off: BackOff) -> None:
        self._name = name
        self._status = status
        self._back_off = back_off
        self._clock = asyncio.get_running_loop().time
        self._failures = 0
        self._began: float | None = None
        self._ended = 0.0

    def ends(self) -> None:
        """Note a batch."""
        if self._status.connected:
            return
        self._status.connected = True
        self._ended = self._clock()
        if self._began is not None:
            self._status.reconnects += 1
            logger.info("%s: attached again after %.0f s", self._name, self._ended - self._began)
            self._began = None

    def goes_on(self, reason: str, error: Exception | None = None) -> bool:
        """Note a failure; returns whether it is news, the first one since a batch came."""
        held_s = self._clock() - self._ended if self._status.connected else 0.0
        # A link that keeps breaking as soon as it is made is not let back in at full pace.
        self._failures = 1 if held_s >= self._back_off.settled_s else self._failures + 1
        self._status.connected = False
        self._status.last_error = reason
        if self._began is not None:
            return False
        self._began = self._clock()
        logger.warning("%s: %s; trying again until it works", self._name, reason, exc_info=error)
        return True

    def pause_s(self, chance: float) -> float:
        """Return how long to wait before the next attempt."""
        return self._back_off.pause_s(self._failures, chance)


async def _watched(stream: AsyncGenerator[Batch, None], silence_s: float) -> AsyncGenerator[Batch, None]:
    """Yield what `stream` yields, then close it; raises LinkError when it yields nothing for `silence_s`."""
    try:
        while True:
            try:
                async with asyncio.timeout(silence_s):
                    batch = await anext(stream)
            except StopAsyncIteration:
                return
            except TimeoutError:
                raise LinkError(f"silent for {silence_s:g} s although connected") from None
            yield batch
    finally:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_S):
                await stream.aclose()
