"""Remembers what was refused, so that the same fault is logged once and counted always."""

from collections.abc import Iterable

from aggregator.ingest.events import Refused

_LIMIT = 1_000


class Refusals:
    """The places that were refused; beyond a thousand of them it begins afresh."""

    def __init__(self) -> None:
        self._places: set[str] = set()

    def refuse(self, place: str, reason: str, what: str) -> Refused:
        """Return the refusal of `what` (message, metric, row), marked when its place was refused before."""
        repeated = place in self._places
        if len(self._places) >= _LIMIT:
            self._places.clear()
        self._places.add(place)
        return Refused(what, f"{place}: {reason}", repeated)

    def refuse_metrics(self, topic: object, metrics: Iterable[tuple[str, str]]) -> list[Refused]:
        """Return the refusals of single metrics, given as (name, reason)."""
        return [self.refuse(f"topic {topic}: metric {name!r}", why, "metric") for name, why in metrics]
