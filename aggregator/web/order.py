"""In which order factories and processes stand on pages: the way a part takes through the town."""

from collections.abc import Iterable, Mapping, Sequence

from aggregator.config import Config
from aggregator.model.machine import Factory, Machine

_LAST = 1_000_000


def in_order(processes: Iterable[str | None], config: Config) -> list[str]:
    """Return known processes once each, in the order of the configuration."""
    places = _places(config)
    return sorted({each for each in processes if each}, key=lambda each: (places.get(each, _LAST), each))


def by_factory(
    factories: Iterable[Factory], machines: Iterable[Machine], config: Config
) -> list[tuple[Factory, list[Machine]]]:
    """Return factories that have machines with them, by the first process they serve, then by name."""
    known = {factory.id: factory for factory in factories}
    own: dict[str, list[Machine]] = {}
    for machine in machines:
        own.setdefault(machine.key.factory, []).append(machine)
    places = _places(config)
    rows = [(known.get(id_, Factory(id_, id_)), found) for id_, found in own.items()]
    return sorted(rows, key=lambda row: (_first(row[1], places), row[0].name, row[0].id))


def _first(machines: Sequence[Machine], places: Mapping[str, int]) -> int:
    return min(places.get(machine.process or "", _LAST) for machine in machines)


def _places(config: Config) -> dict[str, int]:
    return {process: place for place, process in enumerate(config.processes)}
