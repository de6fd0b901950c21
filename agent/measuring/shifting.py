"""Records that were made before the clock was right, put to their true time. Pure.

A window that comes to lie across a full hour is cut there, in proportion, for windows are summed by the hour
in which they begin. No total changes.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace

from agent.contract.records import HOUR_MS, Record, StateChange, Window


def shifted(records: Iterable[Record], shift_ms: int, machines: Collection[str]) -> Iterator[Record]:
    """Yield the records, those of `machines` `shift_ms` later; logs that run in their own time stay."""
    for record in records:
        if record.machine not in machines:
            yield record
        elif isinstance(record, StateChange):
            yield replace(record, at_ms=record.at_ms + shift_ms)
        else:
            yield from _cut_at_the_hour(replace(record, start_ms=record.start_ms + shift_ms))


def _cut_at_the_hour(window: Window) -> Iterator[Window]:
    hour_ms = (window.start_ms // HOUR_MS + 1) * HOUR_MS
    first_ms = hour_ms - window.start_ms
    if first_ms >= window.length_ms:
        yield window
        return
    spent = [each * first_ms // window.length_ms for each in window.state_ms]
    for place, each in enumerate(window.state_ms):  # what rounding left over goes where there is room
        spent[place] += min(each - spent[place], first_ms - sum(spent))
    first = replace(
        window,
        length_ms=first_ms,
        state_ms=_six(spent),
        cycles=_part(window.cycles, window),
        good=_part(window.good, window),
        scrap=_part(window.scrap, window),
    )
    rest = replace(
        window,
        start_ms=hour_ms,
        length_ms=window.length_ms - first_ms,
        state_ms=_six([each - gone for each, gone in zip(window.state_ms, spent, strict=True)]),
        cycles=_less(window.cycles, first.cycles),
        good=_less(window.good, first.good),
        scrap=_less(window.scrap, first.scrap),
    )
    yield replace(first, cycles_total=_less(window.cycles_total, rest.cycles or 0))
    yield rest


def _six(spent: list[int]) -> tuple[int, int, int, int, int, int]:
    running, setup, idle, down, planned_stop, offline = spent
    return running, setup, idle, down, planned_stop, offline


def _part(count: int | None, window: Window) -> int | None:
    """Return how much of a count falls before the hour."""
    before_ms = HOUR_MS - window.start_ms % HOUR_MS
    return None if count is None else count * before_ms // window.length_ms


def _less(count: int | None, gone: int | None) -> int | None:
    return None if count is None else count - (gone or 0)
