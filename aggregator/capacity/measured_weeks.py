"""Past weeks of a cell as measured: days of its machines in, hours of each kind by week out."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from agent.contract.records import HOUR_MS
from aggregator.model.capacity import MachineDay
from aggregator.model.week import Week

PAST_WEEKS = 8


@dataclass(frozen=True, slots=True)
class MeasuredWeek:
    """Hours: planned busy time = private + shared + spare (ADOT) + unknown; 0 where nobody was to work."""

    week: Week
    pbt_h: float
    private_h: float
    shared_h: float
    spare_h: float
    unknown_h: float

    @property
    def coverage(self) -> float | None:
        """Known share (0 to 1) of the planned time; None when nothing was planned."""
        return 1 - self.unknown_h / self.pbt_h if self.pbt_h > 0 else None


def measured_weeks(
    machines: Iterable[Sequence[MachineDay]], today: date, weeks: int = PAST_WEEKS
) -> list[MeasuredWeek]:
    """Return the whole weeks before this one, oldest first; none before the first measured day."""
    current = Week.of(today)
    first = (current.monday - timedelta(weeks=weeks)).toordinal()
    sums: dict[int, list[int]] = {}
    for days in machines:
        for day in days:
            number = (day.day.toordinal() - first) // 7
            if 0 <= number < weeks:
                total = sums.setdefault(number, [0] * 5)
                for at, part_ms in enumerate(_parts(day)):
                    total[at] += part_ms
    return [_week(current.later(number - weeks), sums[number]) for number in sorted(sums)]


def spare_a_week(weeks: Sequence[MeasuredWeek], last: int = 4) -> float | None:
    """Return measured spare hours a week over the last ones in which work was planned; None without any."""
    return _mean([week.spare_h for week in _known(weeks, last)])


def private_a_week(weeks: Sequence[MeasuredWeek], last: int = 4) -> float | None:
    """Return measured private hours a week over the same weeks; None without any."""
    return _mean([week.private_h for week in _known(weeks, last)])


def _known(weeks: Sequence[MeasuredWeek], last: int) -> Sequence[MeasuredWeek]:
    return [week for week in weeks if week.pbt_h > week.unknown_h][-last:]


def _mean(hours: Sequence[float]) -> float | None:
    return sum(hours) / len(hours) if hours else None


def _parts(day: MachineDay) -> tuple[int, int, int, int, int]:
    return day.pbt_ms, day.private_ms, day.shared_ms, day.adot_ms, day.unknown_ms


def _week(week: Week, total_ms: Sequence[int]) -> MeasuredWeek:
    pbt_h, private_h, shared_h, spare_h, unknown_h = (part / HOUR_MS for part in total_ms)
    return MeasuredWeek(week, pbt_h, private_h, shared_h, spare_h, unknown_h)
