"""Slows down guessing of passwords: too many failures for one name or from one address, and both wait."""

from collections import OrderedDict

MAX_REMEMBERED = 10_000  # names and addresses; beyond it the oldest are forgotten


class Throttle:
    """Counts failures in the last `period_ms`; `now_ms` is passed in."""

    def __init__(self, failures: int, period_ms: int) -> None:
        self._failures = failures
        self._period_ms = period_ms
        self._at_ms: OrderedDict[str, list[int]] = OrderedDict()

    def wait_ms(self, key: str, now_ms: int) -> int:
        """Return how long `key` has to wait before the next try, 0 when it need not."""
        recent = self._recent(key, now_ms)
        if len(recent) < self._failures:
            return 0
        return recent[-self._failures] + self._period_ms - now_ms

    def failed(self, key: str, now_ms: int) -> None:
        """Count a failure of `key`."""
        self._at_ms[key] = [*self._recent(key, now_ms), now_ms]
        self._at_ms.move_to_end(key)
        if len(self._at_ms) > MAX_REMEMBERED:
            self._at_ms.popitem(last=False)

    def succeeded(self, key: str) -> None:
        """Forget the failures of `key`."""
        self._at_ms.pop(key, None)

    def _recent(self, key: str, now_ms: int) -> list[int]:
        # A failure to come is one from before the clock was set back: nobody shall wait for it.
        return [at_ms for at_ms in self._at_ms.get(key, ()) if 0 <= now_ms - at_ms < self._period_ms]
