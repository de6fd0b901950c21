"""Lets a few in at once and a few more wait; who comes beyond that is sent away."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from aggregator.planning.errors import TooBusy


class Turnstile:
    """For threads; `most` counts those inside and those who wait."""

    def __init__(self, at_once: int, most: int, retry_after_s: int) -> None:
        self._inside = threading.BoundedSemaphore(at_once)
        self._all = threading.BoundedSemaphore(most)
        self._retry_after_s = retry_after_s

    @contextmanager
    def pass_through(self) -> Iterator[None]:
        """Wait for a place inside; raises TooBusy when too many wait already."""
        if not self._all.acquire(blocking=False):
            raise TooBusy(self._retry_after_s)
        try:
            with self._inside:
                yield
        finally:
            self._all.release()
