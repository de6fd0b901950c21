"""What an outbox at its bound is made smaller by: records in, fewer of them with the same totals out. Pure.

- Windows of a machine that follow each other, in the same hour of UTC, of the same job and with the same
  things counted become one. Each state's milliseconds, cycles, good and scrap pieces add up: all totals stay.
- Windows that are OFFLINE from end to end, without a cycle, become one by themselves: where this outbox is an
  old copy, the centre knows more of that time, and what was measured before and after must not go with it.
- Of an hour's changes of state two stay. Where there were more, an OFFLINE stands for those before the last
  one: what the machine did then is told by its windows only, and nobody shall read a guess.

The centre may have some of these windows already: it takes the merged one instead, for it knows as much and
is longer, and then the same minutes change nothing when they come after it (aggregator/store/overlap.py).
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec

from agent.contract.records import HOUR_MS, Record, StateChange, Window
from agent.contract.states import INDEX, State

MEGABYTE = 1 << 20
CHANGES_KEPT = 2
"""Of a machine and an hour."""


class Bounds(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The table `[outbox]` of agent.toml."""

    size_mb: int = 64
    age_days: float = 14.0
    group_s: float = 10.0

    def __post_init__(self) -> None:
        for name, value, lowest, highest in (
            ("size_mb", self.size_mb, 8, 100_000),
            ("age_days", self.age_days, 0.05, 3_650),
            ("group_s", self.group_s, 0.5, 300),
        ):
            if not lowest <= value <= highest:
                raise ValueError(f"{name}: expected {lowest} to {highest}, got {value}")

    @property
    def age_ms(self) -> int:
        """How long windows stay minutes."""
        return round(self.age_days * 86_400_000)


class _Kind(NamedTuple):
    """What windows must have in common to become one: nothing counted is not the same as none."""

    hour: int
    job: str
    counts: tuple[bool, bool, bool]
    is_unknown: bool


def merge(records: Sequence[Record]) -> list[Record]:
    """Return the records with windows merged into hours, each where its last window stood."""
    few = _few_changes(records)
    merged: list[Record | None] = [None] * len(few)
    open_windows: dict[str, tuple[int, Window]] = {}
    for place, record in enumerate(few):
        if isinstance(record, StateChange):
            merged[place] = record
            continue
        before = open_windows.get(record.machine)
        if before is not None and _follows(before[1], record):
            merged[before[0]] = None
            record = _joined(before[1], record)  # noqa: PLW2901
        merged[place] = record
        open_windows[record.machine] = (place, record)
    return [record for record in merged if record is not None]


def _follows(before: Window, window: Window) -> bool:
    return before.start_ms + before.length_ms == window.start_ms and _kind(before) == _kind(window)


def _kind(window: Window) -> _Kind:
    counts = (window.cycles is None, window.good is None, window.scrap is None)
    is_unknown = window.state_ms[INDEX[State.OFFLINE]] == window.length_ms and not window.cycles
    return _Kind(window.start_ms // HOUR_MS, window.job, counts, is_unknown)


def _joined(before: Window, window: Window) -> Window:
    running, setup, idle, down, planned_stop, offline = (
        spent + more for spent, more in zip(before.state_ms, window.state_ms, strict=True)
    )
    return Window(
        window.machine,
        before.start_ms,
        before.length_ms + window.length_ms,
        (running, setup, idle, down, planned_stop, offline),
        _sum(before.cycles, window.cycles),
        _sum(before.good, window.good),
        _sum(before.scrap, window.scrap),
        window.cycles_total,
        window.job,
    )


def _sum(one: int | None, other: int | None) -> int | None:
    return None if one is None or other is None else one + other


def _few_changes(records: Iterable[Record]) -> list[Record]:
    """Drop changes of state where a machine has more than `CHANGES_KEPT` in an hour."""
    places: dict[tuple[str, int], list[int]] = {}
    kept: list[Record | None] = list(records)
    for place, record in enumerate(kept):
        if isinstance(record, StateChange):
            places.setdefault((record.machine, record.at_ms // HOUR_MS), []).append(place)
    for mine in places.values():
        if len(mine) > CHANGES_KEPT:
            first = kept[mine[0]]
            if isinstance(first, StateChange):
                kept[mine[0]] = StateChange(first.machine, first.at_ms, State.OFFLINE, first.job)
            for place in mine[1:-1]:
                kept[place] = None
    return [record for record in kept if record is not None]
