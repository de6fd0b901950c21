"""A town whose six factories all do cutting, with spare hours that a test sets: who can find out whose?"""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

from aggregator.capacity.reckoning import Known, Reckoned
from aggregator.model.capacity import CellKey, Quantiles, SpareCell
from aggregator.model.machine import Factory, Machine, MachineKey
from aggregator.model.week import Week
from aggregator.spare import _Kept
from tests.aggregator.town import FACTORIES, NOW_MS, Town, found_town

DAY_MS = 86_400_000
WEEK = Week(2026, 48)


class Clock:
    """A clock that stands until a test moves it."""

    def __init__(self) -> None:
        self.now_ms = NOW_MS

    def __call__(self) -> int:
        return self.now_ms

    def next_day(self) -> None:
        self.now_ms += round(timedelta(days=1).total_seconds() * 1000)


def neighbours(folder: Path, hours: Mapping[str, float]) -> tuple[Town, Clock]:
    """Build the town in `folder`; `hours` are P50 of every week, by factory."""
    clock = Clock()
    town = found_town(folder, now=clock, settled=False)
    town.services.records.remember(
        [Factory(id_, words[0]) for id_, words in FACTORIES.items()],
        [Machine(MachineKey(id_, "m-1"), f"{id_}-CANARY", "cutting", "measured") for id_ in FACTORIES],
    )
    set_hours(town, hours)
    return town, clock


def set_hours(town: Town, hours: Mapping[str, float]) -> None:
    """Set everyone's spare hours, as if they had been reckoned just now; who is left out has no cell."""
    services = town.services
    cells = tuple(
        _cell(id_, figure, WEEK.later(n)) for id_, figure in sorted(hours.items()) for n in range(12)
    )
    services.spare._kept = _Kept(Known((), {}, (), {}, {}, {}), Reckoned(services.now(), cells))
    services.days._progress = 1.0


def _cell(factory: str, hours: float, week: Week) -> SpareCell:
    spare = Quantiles(hours * 0.8, hours, hours * 1.2)
    return SpareCell(
        key=CellKey(factory, "cutting"), week=week, pbt_h=160.0, unattended_h=0.0,
        private=Quantiles(160 - hours * 1.2, 160 - hours, 160 - hours * 0.8), committed_h=0.0, reserve_h=0.0,
        gross=spare, spare=spare, declared_h=None, coverage=1.0, no_number=None, measured_ms=NOW_MS,
    )  # fmt: skip
