"""Results worth plotting in InfluxDB: measured ones go beside the windows, lasting ones beside the hours."""

import logging
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace

from aggregator.model.machine import MachineKey
from aggregator.model.point import Point
from aggregator.store.influx.points import point_line
from aggregator.store.influx.server import Server
from aggregator.store.influx.statements import last_of

log = logging.getLogger(__name__)

Thing = tuple[tuple[str, str], ...]
"""Tags, in their order."""


class InfluxResults:
    """`Results` in two buckets; `mark_silence` is that of the home, which knows who writes."""

    def __init__(
        self,
        server: Server,
        buckets: tuple[str, str],
        make_buckets: Callable[[Callable[[], None]], None],
        mark_silence: Callable[[Collection[MachineKey], int], None],
    ) -> None:
        self._server = server
        self._measured, self._lasting = buckets
        self._make_buckets = make_buckets
        self._mark_silence = mark_silence
        self._told: set[str] = set()
        self._described: dict[str, dict[Thing, set[Thing]]] = {}

    @property
    def place(self) -> str:
        """The server and its buckets."""
        return f"{self._server.url} {self._measured}"

    def write(self, points: Sequence[Point]) -> None:
        """Store all of it durably; what was described in another way has nothing there any more."""
        if points:
            self._make_buckets(lambda: self._write(points))

    def things(
        self, measurement: str, field: str, tags: Sequence[str], since_ms: int
    ) -> list[Mapping[str, str]]:
        """Return by these tags of what a lasting measurement tells this field from then on."""
        statement = last_of(measurement, field, tags, since_ms)
        return [found for found, _ in self._server.series(self._lasting, statement)]

    def mark_silence(self, keys: Collection[MachineKey], now_ms: int) -> None:
        """Let minutes of which nothing came read OFFLINE."""
        self._mark_silence(keys, now_ms)

    def _write(self, points: Sequence[Point]) -> None:
        lines: dict[str, list[str]] = defaultdict(list)
        for point in points:
            bucket = self._lasting if point.lasting else self._measured
            lines[bucket].append(point_line(point))
            lines[bucket] += [point_line(other) for other in self._others(bucket, point)]
        for bucket, some in lines.items():
            written = self._server.write(bucket, some)
            for said in set(written.refused.values()) - self._told:
                log.warning("a result for bucket %r is left out, as will be others like it: %s", bucket, said)
                self._told.add(said)

    def _others(self, bucket: str, point: Point) -> Iterator[Point]:
        """Yield the same thing under the descriptions it had before, with nothing in it."""
        if not point.described:
            return
        known = self._known(bucket, point)
        descriptions = known.setdefault(_thing(point.tags), set())
        own = _thing(point.described)
        descriptions.add(own)
        for other in descriptions - {own}:
            yield replace(point, described=dict(other), fields=_emptied(point.fields))

    def _known(self, bucket: str, point: Point) -> dict[Thing, set[Thing]]:
        """Return under which descriptions things of the point's measurement are stored; read once."""
        tags, described = point.tags, point.described
        known = self._described.get(point.measurement)
        if known is None:
            known = defaultdict(set)
            statement = last_of(point.measurement, next(iter(point.fields)), (*tags, *described))
            for found, _ in self._server.series(bucket, statement):
                thing = _thing({name: found[name] for name in tags})
                known[thing].add(_thing({name: found[name] for name in described}))
            self._described[point.measurement] = known
        return known


def _thing(tags: Mapping[str, str]) -> Thing:
    return tuple(sorted((name, value) for name, value in tags.items() if value))


def _emptied(fields: Mapping[str, int | float | str]) -> dict[str, int | float | str]:
    return {name: type(value)() for name, value in fields.items()}
