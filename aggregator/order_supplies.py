"""What open jobs can count on: spare hours, calendars, machines and the past in, arrivals out."""

from collections.abc import Mapping, Sequence
from zoneinfo import ZoneInfo

from agent.contract.states import State
from aggregator.live import Board
from aggregator.measured_days import MeasuredDays
from aggregator.model.job import Job
from aggregator.model.machine import MachineKey
from aggregator.model.progress import OrderFacts, OrderProgress
from aggregator.order_lessons import FinishedOrders
from aggregator.order_repairs import Repairs
from aggregator.progress.eta import arrive
from aggregator.progress.habits import PastJob
from aggregator.progress.supply import MachineNow, Town, supplies_of
from aggregator.spare import SpareHours
from aggregator.store.profiles import Profiles


class Supplies:
    """Its method blocks on stores and on the draws: call it in a thread."""

    def __init__(
        self,
        spare: SpareHours,
        profiles: Profiles,
        days: MeasuredDays,
        *,
        finished: FinishedOrders,
        repairs: Repairs,
        board: Board,
        zone: ZoneInfo,
    ) -> None:
        self._spare = spare
        self._profiles = profiles
        self._days = days
        self._finished = finished
        self._repairs = repairs
        self._board = board
        self._zone = zone

    def arrive(self, facts: OrderFacts, progress: OrderProgress, jobs: Sequence[Job]) -> OrderProgress:
        """Return the progress with arrivals filled in; `jobs` are those of all open orders."""
        lessons = self._finished.lessons(job.order for job in jobs)
        supplies = supplies_of(self._town(facts, jobs, lessons.past), {each.job.id for each in facts.jobs})
        return arrive(facts, progress, supplies, lessons.calibration)

    def _town(self, facts: OrderFacts, jobs: Sequence[Job], past: Sequence[PastJob]) -> Town:
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
            machines=self._machines({each.job.factory for each in facts.jobs}),
            past=past,
        )

    def _machines(self, factories: set[str]) -> Mapping[MachineKey, MachineNow]:
        """Return what machines of these factories do; how long repairs take is asked only of those DOWN."""
        return {
            key: MachineNow(
                live.state, live.since_ms, self._repairs.of(key) if live.state is State.DOWN else ()
            )
            for key, live in self._board.all().items()
            if key.factory in factories
        }
