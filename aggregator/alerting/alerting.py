"""Watches orders: how far they are goes in, alerts are raised and cleared in the store, each once."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from aggregator.alerting.rule import Rule, Turn, Watch, culprit, lateness, next_watch
from aggregator.model.alert import Alert, Channel
from aggregator.model.progress import OrderProgress
from aggregator.store.alerts import Alerts, Raised


class Alerting:
    """`look` blocks and is called by one task; `open` answers from memory. `now` gives UTC milliseconds.

    Whether an alert is raised is read from the store at the beginning; since when a chance is beyond a
    threshold is known in memory only, so a restart may make an alert later by `Rule.for_ms`, never double.
    """

    def __init__(
        self,
        *,
        store: Alerts,
        rule: Rule,
        targets: Sequence[tuple[Channel, str]],
        now: Callable[[], int],
    ) -> None:
        self.store = store
        self.rule = rule
        self._targets = tuple(targets)
        self._now = now
        self._open: Mapping[str, Alert] | None = None
        self._watches: dict[str, Watch] = {}

    def open(self) -> Mapping[str, Alert]:
        """Return the alerts that are not cleared, by order; blocks on the store the first time."""
        if self._open is None:
            self._open = self.store.open()
        return self._open

    def look(self, orders: Iterable[OrderProgress], over: Iterable[str] = ()) -> list[str]:
        """Look at orders, and at the ids of those that are `over`; return those whose alert turned."""
        now_ms, turned = self._now(), []
        for progress in orders:
            before = self._watches.get(progress.order) or Watch(progress.order in self.open())
            watch, turn = next_watch(before, lateness(progress), now_ms, self.rule)
            if turn is Turn.RAISE:
                self.store.begin(_raised(progress), now_ms, self._targets)
            elif turn is Turn.CLEAR:
                self.store.clear(progress.order, now_ms)
            self._watches[progress.order] = watch
            turned += [progress.order] * (turn is not None)
        for order in over:
            self._watches.pop(order, None)
            if order in self.open() and self.store.clear(order, now_ms):
                turned.append(order)
        if turned:
            self._open = self.store.open()
        return turned

    def see(self, alert: int, who: str) -> None:
        """Note that somebody has seen the alert."""
        if self.store.see(alert, who, self._now()):
            self._open = self.store.open()


def _raised(progress: OrderProgress) -> Raised:
    found = culprit(progress)
    step, cause = found or (None, None)
    return Raised(progress.order, lateness(progress) or 0.0, step, cause.value if cause else None)
