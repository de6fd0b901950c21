"""Keeps every open order's progress at hand, counting along with the machines, and tells who listens.

What is stored and entered is looked at again every second or so, in a thread; cycles at the machines count
at once. Arrivals are reckoned in a thread beside it, at most every few seconds an order.
"""

from collections.abc import AsyncIterator, Collection
from contextlib import AbstractAsyncContextManager

from aggregator.fan_out import FanOut
from aggregator.model.progress import OrderFacts, OrderProgress


class OrderBook:
    """Everything but `run`, `refresh` and `find` answers from memory; used in the event loop's thread."""

    def __init__(self) -> None:
        self._told: FanOut[str] = FanOut()
        self._orders: dict[str, OrderProgress] = {}

    def orders(self) -> list[OrderProgress]:
        """Return the progress of every open order as of now, by id."""
        return [self._orders[order] for order in sorted(self._orders)]

    def progress(self, order: str) -> OrderProgress | None:
        """Return the order as of now, arrival and delays as reckoned last; None when it is not open."""
        return self._orders.get(order)

    def facts(self, order: str) -> OrderFacts | None:
        """Return what that is made of; None when the order is not open."""
        return None

    async def find(self, order: str) -> OrderProgress | None:
        """Return an order that was approved once, a done or cancelled one too; raises StoreError."""
        return self._orders.get(order)

    def listen(
        self, orders: Collection[str] | None = None
    ) -> AbstractAsyncContextManager[AsyncIterator[frozenset[str]]]:
        """Give an iterator of the open orders whose progress changed since the last one; of these only."""
        return self._told.listen(orders)

    def nudge(self) -> None:
        """Look at once, not in a second: something was entered. Safe from any thread."""

    async def refresh(self) -> None:
        """Look and reckon everything anew now; when the store fails, the old figures stay."""

    async def run(self) -> None:
        """Follow what is counted, stored and entered until cancelled."""

    def close(self) -> None:
        """End every listener's iterator, present and future."""
        self._told.close()
