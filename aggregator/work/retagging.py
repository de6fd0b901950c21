"""Tags stored windows anew where assignments changed after they were stored: in chunks, again and again.

What is to be done is noted with the change itself, and struck off once it is done: killed in between, it is
done again, which changes nothing. Windows that come in meanwhile are tagged when they are stored.
"""

import logging
from collections.abc import Callable, Collection, Iterable

from aggregator.model.machine import MachineKey
from aggregator.store.timeseries import TimeSeries
from aggregator.store.work import Ledgers, Retagging
from aggregator.work.correcting import Stretch
from aggregator.work.tagger import Tagger, moved

log = logging.getLogger(__name__)

CHUNK_MS = 24 * 3_600_000
AHEAD_MS = 24 * 3_600_000
"""Clocks of agents may be ahead by so much."""


class Retagger:
    """All methods block and raise StoreError; used from one thread at a time."""

    def __init__(self, ledgers: Ledgers, timeseries: TimeSeries, now: Callable[[], int]) -> None:
        self._ledgers = ledgers
        self._timeseries = timeseries
        self._now = now
        self._tagger = Tagger(ledgers)

    def tag(self) -> tuple[list[int], list[Stretch]]:
        """Tag all that waits; return what is to be struck off with `done`, and the time it was about.

        Whoever adds up time has to do so anew for it first, whether anything changed now or before a kill.
        """
        waiting = self._ledgers.retaggings()
        stretches = merged(waiting, self._now() + AHEAD_MS)
        for each in stretches:
            self._retag(each)
        return [each.id for each in waiting], stretches

    def done(self, tagged: Collection[int]) -> None:
        """Strike these off."""
        self._ledgers.retagged(tagged, self._now())

    def _retag(self, stretch: Stretch) -> None:
        for since_ms in range(stretch.since_ms, stretch.until_ms, CHUNK_MS):
            self._chunk(stretch.key, since_ms, min(since_ms + CHUNK_MS, stretch.until_ms))

    def _chunk(self, key: MachineKey, since_ms: int, until_ms: int) -> None:
        """Were assignments to change meanwhile, that is noted to be done, too."""
        windows = self._timeseries.windows(key, since_ms, until_ms)
        changes = self._timeseries.changes(key, since_ms, until_ms)
        tagged, tagged_changes = self._tagger.tag(windows, changes)
        fresh = moved(windows, tagged)
        fresh_changes = [new for old, new in zip(changes, tagged_changes, strict=True) if new is not old]
        if fresh or fresh_changes:
            for each in self._timeseries.write(fresh, fresh_changes):
                log.warning("a record of %s/%s keeps the job it had: %s", *each.record.key, each.reason)


def merged(waiting: Iterable[Retagging], end_ms: int) -> list[Stretch]:
    """Return stretches that do not overlap, by machine; those without an end reach to `end_ms`."""
    found: list[Stretch] = []
    for each in sorted(waiting, key=lambda each: (each.key, each.since_ms)):
        until_ms = end_ms if each.until_ms is None else each.until_ms
        last = found[-1] if found else None
        if last is not None and last.key == each.key and each.since_ms <= last.until_ms:
            found[-1] = Stretch(each.key, last.since_ms, max(last.until_ms, until_ms))
        else:
            found.append(Stretch(each.key, each.since_ms, until_ms))
    return found
