"""A machine's windows and open spans of one local day in, its time elements (ISO 22400-2) out."""

from collections.abc import Sequence
from datetime import date

from aggregator.model.capacity import MachineDay
from aggregator.model.machine import MachineKey
from aggregator.model.window import Window

OpenSpan = Sequence[int | None]
"""`(start_ms, end_ms, …)` in UTC ms: manned working time, `capacity.calendar.Span` or a plain pair."""


def elements_of_day(
    key: MachineKey,
    day: date,
    windows: Sequence[Window],
    spans: Sequence[OpenSpan],
    median_cycle_s: float | None,
) -> MachineDay:
    """Return the day's time elements."""
    raise NotImplementedError
