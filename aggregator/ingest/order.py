"""Brings a node's messages into the order of their sequence numbers (Sparkplug 3.0, 5.5 and 6.4.16).

A message that comes too early waits until those before it are there, or until the reorder time-out says
that they never will be.
"""

from typing import Generic, TypeVar

Item = TypeVar("Item")

_NUMBERS = 256


class Order(Generic[Item]):
    """The messages after one birth, whose own number is `birth_seq`."""

    def __init__(self, birth_seq: int | None) -> None:
        self._next = None if birth_seq is None else (birth_seq + 1) % _NUMBERS
        self._waiting: dict[int, Item] = {}
        self._since_ms: int | None = None

    def accept(self, seq: int | None, item: Item, now_ms: int) -> list[Item]:
        """Return what may be processed now, in order; a number that was passed already is dropped.

        A node that numbers nothing (`seq` None) is taken as it comes.
        """
        if seq is None or self._next is None:
            return [item]
        if (seq - self._next) % _NUMBERS < _NUMBERS // 2:
            self._waiting[seq % _NUMBERS] = item
        ready = []
        while self._next in self._waiting:
            ready.append(self._waiting.pop(self._next))
            self._next = (self._next + 1) % _NUMBERS
        if ready:
            self._since_ms = now_ms if self._waiting else None
        elif self._since_ms is None:
            self._since_ms = now_ms
        return ready

    def missing(self, now_ms: int, timeout_ms: int) -> int | None:
        """Return the number that has been missing for `timeout_ms`, None while all is well."""
        if self._since_ms is None or 0 <= now_ms - self._since_ms < timeout_ms:
            return None
        return self._next
