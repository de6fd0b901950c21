"""Complaints about what others send: sentences in; so many of them out that a log stays readable. Pure."""

from collections.abc import Iterator

PER_PERIOD = 5
PERIOD_S = 60.0


class Complaints:
    """Lets the same sentence pass once in a row, and `PER_PERIOD` of any in `PERIOD_S`; counts the others.

    Times are seconds of any clock that only moves forward.
    """

    def __init__(self) -> None:
        self._last = ""
        self._began_s = float("-inf")
        self._told = 0
        self._held_back = 0

    def about(self, what: str, now_s: float) -> Iterator[str]:
        """Yield what is to be logged now that `what` is wrong."""
        if now_s - self._began_s >= PERIOD_S:
            if self._held_back:
                yield f"{self._held_back} more complaints of this kind were not logged"
            self._began_s, self._told, self._held_back = now_s, 0, 0
        if what == self._last:
            return
        if self._told >= PER_PERIOD:
            self._held_back += 1
            return
        self._last, self._told = what, self._told + 1
        yield what
