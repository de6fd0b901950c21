"""What open jobs can count on, gathered from spare hours, calendars and machines; arrivals made of that."""

from collections.abc import Sequence
from zoneinfo import ZoneInfo

from aggregator.live import Board
from aggregator.measured_days import MeasuredDays
from aggregator.model.job import Job
from aggregator.model.progress import OrderFacts, OrderProgress
from aggregator.progress.eta import arrive
from aggregator.progress.supply import MachineNow, Town, supplies_of
from aggregator.spare import SpareHours
from aggregator.store.profiles import Profiles


class Supplies:
    """Its method blocks on the store of profiles and on the draws: call it in a thread."""

    def __init__(
        self, spare: SpareHours, profiles: Profiles, days: MeasuredDays, board: Board, zone: ZoneInfo
    ) -> None:
        self._spare = spare
        self._profiles = profiles
        self._days = days
        self._board = board
        self._zone = zone

    def arrive(self, facts: OrderFacts, progress: OrderProgress, jobs: Sequence[Job]) -> OrderProgress:
        """Return the progress with arrivals filled in; `jobs` are those of all open orders."""
        return arrive(facts, progress, supplies_of(self._town(facts, jobs)))

    def _town(self, facts: OrderFacts, jobs: Sequence[Job]) -> Town:
        profiles = self._profiles.all()
        return Town(
            jobs=jobs,
            totals=self._days.jobs(),
            cells=self._spare.cells(),
            calendars={
                factory: profile.calendar
                for factory, profile in profiles.items()
                if profile.calendar is not None
            },
            now_ms=facts.now_ms,
            zone=self._zone,
            good_share=self._spare.good_share(),
            machines={key: MachineNow(live.state, live.since_ms) for key, live in self._board.all().items()},
        )
