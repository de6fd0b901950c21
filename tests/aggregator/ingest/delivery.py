"""The sender's half of the delivery protocol, small and independent: rows are sent until announced."""

import time
from collections.abc import Callable

from agent.contract.records import Window
from tests.aggregator.ingest.edge import Edge
from tests.aggregator.ingest.messages import dbirth, minutes, nbirth, ndata

ROWS_A_MESSAGE = 150
AHEAD_ROWS = 6_000
"""Rows sent and not announced yet, at most."""
QUIET_S = 3.0
"""Without news for so long, what is not announced is sent again."""


class Delivery:
    """Sends `count` minutes of one machine; `run` returns when all are announced."""

    def __init__(self, edge: Edge, count: int, epoch: str = "epoch-1") -> None:
        self._edge = edge
        self._count = count
        self._epoch = epoch
        self._seq = 0
        self._heard = 0
        self.announced = 0
        self.births = 0

    def run(self, between: Callable[[int], None] = lambda _sent: None) -> None:
        """Send and send again; `between` is called with the number of rows sent after each message."""
        self._birth()
        sent, news_s = 0, time.monotonic()
        while self.announced < self._count:
            if self._listen():
                news_s = time.monotonic()
            if self._asked_again() or time.monotonic() - news_s > QUIET_S:
                self._birth()
                sent, news_s = self.announced, time.monotonic()
            if sent < min(self._count, self.announced + AHEAD_ROWS):
                rows = minutes(sent + 1, min(ROWS_A_MESSAGE, self._count - sent))
                self._edge.send(ndata(self._next_seq(), rows, epoch=self._epoch))
                sent += len(rows)
                between(sent)
            else:
                time.sleep(0.005)

    def _birth(self) -> None:
        self.births += 1
        self._seq = 0
        self._edge.send(nbirth(epoch=self._epoch, forgotten=self.announced), dbirth(self._next_seq()))

    def _next_seq(self) -> int:
        self._seq = (self._seq + 1) % 256
        return self._seq

    def _listen(self) -> bool:
        before = self.announced
        for epoch, through in self._edge.stored()[-3:]:
            if epoch == self._epoch and isinstance(through, int):
                assert through <= self._count
                self.announced = max(self.announced, through)
        return self.announced > before

    def _asked_again(self) -> bool:
        asked, self._heard = self._edge.rebirths() > self._heard, self._edge.rebirths()
        return asked


def expected(count: int) -> list[Window]:
    """What the store has to hold in the end."""
    return [window for _, window in minutes(1, count)]
