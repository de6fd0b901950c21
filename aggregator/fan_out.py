"""Tells many listeners what changed: names of changed things in, to each listener the set since its last one.

Everything here runs in the event loop's thread. A listener that is slow gets fewer, larger sets: what waits
for it is bounded by the number of things there are.
"""

import asyncio
from collections.abc import AsyncIterator, Collection, Hashable, Iterable
from contextlib import asynccontextmanager
from typing import Generic, TypeVar

T = TypeVar("T", bound=Hashable)


class FanOut(Generic[T]):
    """Things of one kind, named by `T`, and who listens to their changes."""

    def __init__(self) -> None:
        self._listeners: set[_Listener[T]] = set()
        self._closed = False

    def __len__(self) -> int:
        """Return how many listen."""
        return len(self._listeners)

    def tell(self, things: Iterable[T]) -> None:
        """Tell listeners that these changed."""
        changed = set(things)
        if changed:
            for listener in self._listeners:
                listener.add(changed)

    @asynccontextmanager
    async def listen(self, wanted: Collection[T] | None = None) -> AsyncIterator[AsyncIterator[frozenset[T]]]:
        """Give an iterator of the sets of things that changed since the last one; `close` ends it.

        With `wanted` it hears of nothing but these.
        """
        listener: _Listener[T] = _Listener(None if wanted is None else frozenset(wanted))
        if self._closed:
            listener.close()
        self._listeners.add(listener)
        try:
            yield listener.changes()
        finally:
            self._listeners.discard(listener)

    def close(self) -> None:
        """End every listener's iterator, present and future."""
        self._closed = True
        for listener in self._listeners:
            listener.close()


class _Listener(Generic[T]):
    def __init__(self, wanted: frozenset[T] | None) -> None:
        self._wanted = wanted
        self._changed: set[T] = set()
        self._wake = asyncio.Event()
        self._closed = False

    def add(self, things: set[T]) -> None:
        heard = things if self._wanted is None else things & self._wanted
        if heard:
            self._changed |= heard
            self._wake.set()

    def close(self) -> None:
        self._closed = True
        self._wake.set()

    async def changes(self) -> AsyncIterator[frozenset[T]]:
        while not self._closed:
            await self._wake.wait()
            self._wake.clear()
            changed, self._changed = frozenset(self._changed), set()
            if changed:
                yield changed
