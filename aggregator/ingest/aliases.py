"""A birth's metrics, by name and alias: metrics of later messages in, their names and values out."""

from collections.abc import Iterable
from typing import NamedTuple

from agent.contract.sparkplug import DataSet, DataType, Metric, Scalar, typed

Value = Scalar | DataSet | None


class Named(NamedTuple):
    """A metric under the name its birth gave it; `at_ms` is its own time (UTC), if it has one."""

    name: str
    value: Value
    at_ms: int | None


class Aliases:
    """What one birth declared; a new birth makes a new one, so an alias never outlives its birth.

    Metrics that are `expected` count under their own names, whether or not the birth names them.
    """

    def __init__(self, birth: Iterable[Metric] = (), expected: Iterable[str] = ()) -> None:
        self._types: dict[str, DataType | None] = dict.fromkeys(expected)
        self._names: dict[int, str] = {}
        ambiguous = set()
        for metric in birth:
            if metric.name is None:
                continue
            self._types[metric.name] = metric.datatype
            if metric.alias is not None and self._names.setdefault(metric.alias, metric.name) != metric.name:
                ambiguous.add(metric.alias)
        for alias in ambiguous:  # two metrics claim it: better no value than the wrong one's
            del self._names[alias]

    def resolve(self, metrics: Iterable[Metric]) -> tuple[list[Named], int]:
        """Return the metrics that the birth named, and how many it did not."""
        known, ignored = [], 0
        for metric in metrics:
            name = self._name(metric)
            if name is None:
                ignored += 1
            else:
                known.append(Named(name, self._value(name, metric), metric.timestamp_ms))
        return known, ignored

    def _name(self, metric: Metric) -> str | None:
        name = None if metric.alias is None else self._names.get(metric.alias)
        if name is None:  # no alias, or one that no birth gave: then its own name tells, if there is one
            return metric.name if metric.name in self._types else None
        return None if metric.name is not None and metric.name != name else name

    def _value(self, name: str, metric: Metric) -> Value:
        datatype = self._types[name]
        if metric.datatype is not None or datatype is None:
            return metric.value
        return typed(metric.value, datatype)


def named(birth: Iterable[Metric]) -> list[Named]:
    """Return a birth's metrics under their own names; those without one are left out."""
    return [Named(item.name, item.value, item.timestamp_ms) for item in birth if item.name is not None]
