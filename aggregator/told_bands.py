"""What a factory is told of the others' spare hours, now: bands by process and week, fixed once a day."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import date
from zoneinfo import ZoneInfo

from aggregator.capacity.bands import Band, Fixed, band_of, grouped, hours_of
from aggregator.capacity.local_time import local_day
from aggregator.capacity.reckoning import WEEKS
from aggregator.measured_days import MeasuredDays
from aggregator.model.consent import Field
from aggregator.model.week import Week
from aggregator.spare import SpareHours
from aggregator.store.band_days import BandDays, Groups, Places
from aggregator.store.consents import ConsentStore


@dataclass(frozen=True, slots=True)
class ToldBand:
    """What is told of a process and week; None: nothing."""

    process: str
    week: Week
    band: Band | None


class ToldBands:
    """Blocks on the store; raises StoreError. `processes` are told whether anybody has them or not.

    The hours are fixed by the first look of a local day at which the past is read whole.
    """

    def __init__(
        self,
        *,
        spare: SpareHours,
        days: MeasuredDays,
        consents: ConsentStore,
        store: BandDays,
        processes: Collection[str],
        zone: ZoneInfo,
        now: Callable[[], int],
    ) -> None:
        self._spare = spare
        self._days = days
        self._consents = consents
        self._store = store
        self._processes = tuple(processes)
        self._zone = zone
        self._now = now
        self._kept: tuple[date, Fixed] | None = None

    def seen_by(self, viewer: str, weeks: int = WEEKS) -> list[ToldBand]:
        """Return what this factory is told, by process and week, the current week first."""
        today = local_day(self._now(), self._zone)
        consents = self._consents.read()
        fixed = self._fixed(today)
        factories = {factory for group in fixed.groups.values() for factory in group}
        agreed = {factory for factory in factories if consents.agrees(factory, Field.BANDS)}
        return [
            ToldBand(process, week, band_of(fixed, (process, week), viewer, agreed))
            for process in self._processes
            for week in (Week.of(today).later(number) for number in range(weeks))
        ]

    def _fixed(self, today: date) -> Fixed:
        kept = self._kept
        if kept is None or kept[0] != today:
            found = self._store.read(today) or self._fix(today)
            if found is None:
                return Fixed()
            kept = self._kept = (today, Fixed(*found))
        return kept[1]

    def _fix(self, today: date) -> tuple[Places, Groups] | None:
        ready = self._days.progress >= 1 and local_day(self._spare.fresh_ms(), self._zone) == today
        if not ready:
            return None
        hours, consents = hours_of(self._spare.cells()), self._consents.read()
        factories = {factory for own in hours.values() for factory in own}
        agreed = {factory for factory in factories if consents.agrees(factory, Field.BANDS)}
        return self._store.fix(today, hours, lambda groups: grouped(groups, hours, agreed))
