"""Cells: the sum and its parts; what must never raise spare hours does not, at the level people read."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aggregator.capacity.forecast import Calibration, calibrate, forecast_days
from aggregator.capacity.load import History, coverage
from aggregator.capacity.local_time import local_day, moment_ms
from aggregator.capacity.planned import Horizon, Planned
from aggregator.capacity.spare import Source, declared_hours, spare_cells
from aggregator.model.calendar import Break, Calendar, Closure, PlannedStop, Shift
from aggregator.model.capacity import CellKey, MachineWeek, NoNumber, Quantiles, SpareCell
from aggregator.model.factory_profile import Declared, FactoryProfile
from aggregator.model.week import Week
from tests.aggregator.capacity.pasts import AOKI, MONDAY, past, pasts
from tests.aggregator.town import ZONE

WORKDAYS = frozenset(range(5))
SHIFT = Shift(WORKDAYS, 8 * 60, 17 * 60, (Break(12 * 60, 13 * 60),))
CALENDAR = Calendar((SHIFT,), works_on_holidays=True)
MACHINES = ("m-1", "m-2")
MONDAY_MS = moment_ms(MONDAY, 0, ZONE)
HOUR_MS = 3_600_000
WEEK = Week.of(MONDAY)


def cells(
    profile: FactoryProfile,
    history: History,
    calibration: Calibration | None = None,
    *,
    now_ms: int = MONDAY_MS,
    committed_h: dict[Week, float] | None = None,
    weeks: int = 4,
) -> list[SpareCell]:
    """Return the cells of two machines, as the federation's are made."""
    today = local_day(now_ms, ZONE)
    horizon = Horizon.of(today, weeks, ZONE)
    learnt = calibration or calibrate([history], today)
    (private,) = forecast_days([history], len(horizon.midnights_ms) - 1, today, learnt)
    source = Source(
        key=AOKI,
        profile=profile,
        ahead=Planned(profile.calendar or Calendar(), MACHINES, horizon, ZONE).ahead(now_ms),
        private=private,
        committed_h=committed_h or {},
        coverage=coverage(history, today),
        newest_ms=now_ms,
    )
    return spare_cells(source, horizon)


def factory(
    calendar: Calendar | None = CALENDAR, reserve: float = 0.0, *declared: Declared
) -> FactoryProfile:
    return FactoryProfile("aoki", calendar, reserve, declared=declared)


def spare(found: Sequence[SpareCell]) -> list[Quantiles | None]:
    return [cell.spare for cell in found]


def never_above(found: Sequence[SpareCell], before: Sequence[SpareCell]) -> bool:
    """Tell whether no quantile of any week is above what it was; a number lost is not above."""
    return all(
        a is None
        or (b is not None and a.p10 <= b.p10 + 1e-9 and a.p50 <= b.p50 + 1e-9 and a.p90 <= b.p90 + 1e-9)
        for a, b in zip(spare(found), spare(before), strict=True)
    )


STEADY = past([0.5] * 12)


def test_the_parts_add_up_to_what_is_spare() -> None:
    found = cells(factory(reserve=0.1), STEADY, committed_h={WEEK.later(1): 6.0})
    assert [cell.week for cell in found] == [WEEK.later(n) for n in range(4)]
    cell = found[1]
    assert cell.pbt_h == pytest.approx(2 * 40)
    assert cell.reserve_h == pytest.approx(8)
    assert cell.private is not None and cell.gross is not None and cell.spare is not None
    assert cell.gross.p10 == pytest.approx(80 - 8 - cell.private.p90)
    assert cell.gross.p50 == pytest.approx(80 - 8 - cell.private.p50)
    assert cell.gross.p90 == pytest.approx(80 - 8 - cell.private.p10)
    assert cell.spare.p50 == pytest.approx(cell.gross.p50 - 6)
    assert found[2].spare == found[2].gross
    assert cell.machines == (MachineWeek("m-1", 40.0), MachineWeek("m-2", 40.0))
    assert 30 < cell.private.p50 < 50


def test_of_the_current_week_only_what_is_left_counts() -> None:
    wednesday_noon = MONDAY_MS + 60 * HOUR_MS
    found = cells(factory(), STEADY, now_ms=wednesday_noon)
    assert found[0].pbt_h == pytest.approx(2 * (4 + 8 + 8))
    assert found[1].pbt_h == pytest.approx(80)
    sunday = cells(factory(), STEADY, now_ms=MONDAY_MS + 150 * HOUR_MS)
    assert sunday[0].spare == Quantiles(0, 0, 0)


def test_a_closed_week_is_zero_and_known_even_without_a_past() -> None:
    closed = Closure(WEEK.later(2).monday, WEEK.later(2).monday + timedelta(days=6), "社内研修")
    nobody = past([])
    found = cells(factory(replace(CALENDAR, closures=(closed,))), nobody)
    assert (found[2].spare, found[2].no_number) == (Quantiles(0, 0, 0), None)
    assert (found[1].spare, found[1].no_number) == (None, NoNumber.NO_HISTORY)


def test_without_a_calendar_there_is_no_number() -> None:
    for cell in cells(factory(None), STEADY):
        assert (cell.spare, cell.gross, cell.no_number) == (None, None, NoNumber.NO_CALENDAR)


def test_a_past_that_is_hardly_known_gives_no_number() -> None:
    blind = past([0.3] * 12, unknown=[0.5] * 12)
    for cell in cells(factory(), blind):
        assert (cell.spare, cell.no_number) == (None, NoNumber.LOW_COVERAGE)
        assert cell.coverage == pytest.approx(0.5)


def test_commitments_never_make_spare_hours_negative() -> None:
    found = cells(factory(), STEADY, committed_h={WEEK.later(1): 500.0})
    assert found[1].spare == Quantiles(0, 0, 0)
    assert found[1].gross is not None and found[1].gross.p50 > 0
    assert found[1].committed_h == 500


def test_machines_beyond_the_people_of_a_shift_are_no_capacity() -> None:
    one = factory(Calendar((replace(SHIFT, staff=1),), works_on_holidays=True))
    cell, all_tended = cells(one, STEADY)[1], cells(factory(), STEADY)[1]
    assert cell.unattended_h == pytest.approx(40)
    assert cell.gross is not None and all_tended.gross is not None
    assert cell.gross.p50 == pytest.approx(max(0, all_tended.gross.p50 - 40))


def test_a_planned_stop_takes_its_machine_out() -> None:
    stop = PlannedStop(MONDAY_MS + 7 * 24 * HOUR_MS, MONDAY_MS + 14 * 24 * HOUR_MS, "m-2")
    cell = cells(factory(replace(CALENDAR, planned_stops=(stop,))), STEADY)[1]
    assert cell.machines == (MachineWeek("m-1", 40.0), MachineWeek("m-2", 0.0))


def test_a_week_declared_by_itself_wins_over_the_standing_word() -> None:
    said = factory(CALENDAR, 0.0, Declared("cutting", 60), Declared("cutting", 5, str(WEEK.later(1))))
    assert [cell.declared_h for cell in cells(said, STEADY, weeks=3)] == [60, 5, 60]
    assert declared_hours(said, "pressing", WEEK) is None


# What must never raise spare hours, given a calibration.
shares = st.lists(st.floats(0, 1), min_size=210, max_size=210)
one_by_one = settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow], deadline=None)


def moved(history: History, part: Sequence[float], *, to_private: bool) -> History:
    """Return the past with a share of every day's spare time busy, or of all its known time unknown."""
    share = np.array(part[: len(history.pbt_h)])
    if to_private:
        free_h = history.pbt_h - history.private_h - history.shared_h - history.unknown_h
        return replace(history, private_h=history.private_h + share * np.maximum(free_h, 0))
    known_h = history.pbt_h - history.unknown_h
    return replace(
        history,
        private_h=history.private_h * (1 - share),
        shared_h=history.shared_h * (1 - share),
        unknown_h=history.unknown_h + share * known_h,
    )


@given(history=pasts(), part=shares, reserve=st.sampled_from([0.0, 0.1]))
@one_by_one
def test_more_private_load_and_starvation_never_raise_spare_hours(
    history: History, part: list[float], reserve: float
) -> None:
    learnt, profile = calibrate([history], MONDAY), factory(reserve=reserve)
    before = cells(profile, history, learnt)
    assert never_above(cells(profile, moved(history, part, to_private=True), learnt), before)


@given(history=pasts(), part=shares)
@one_by_one
def test_silence_never_raises_spare_hours(history: History, part: list[float]) -> None:
    learnt = calibrate([history], MONDAY)
    before = cells(factory(), history, learnt)
    assert never_above(cells(factory(), moved(history, part, to_private=False), learnt), before)


@given(history=pasts(), days=st.integers(1, 40))
@one_by_one
def test_a_dead_agent_never_raises_spare_hours(history: History, days: int) -> None:
    learnt = calibrate([history], MONDAY)
    dead = [1.0 if at >= len(history.pbt_h) - days else 0.0 for at in range(len(history.pbt_h))]
    before = cells(factory(), history, learnt)
    assert never_above(cells(factory(), moved(history, dead, to_private=False), learnt), before)


@given(history=pasts(), start=st.integers(0, 1439), length=st.integers(1, 720))
@one_by_one
def test_an_unmanned_night_never_raises_spare_hours(history: History, start: int, length: int) -> None:
    learnt = calibrate([history], MONDAY)
    night = Shift(frozenset(range(7)), start, start + length, staff=0)
    lit = factory(replace(CALENDAR, shifts=(SHIFT, night)))
    assert spare(cells(lit, history, learnt)) == spare(cells(factory(), history, learnt))


@given(
    history=pasts(),
    days=st.frozensets(st.integers(0, 6), min_size=1),
    start=st.integers(0, 1439),
    length=st.integers(1, 720),
    staff=st.sampled_from([(None, None), (None, 1), (1, None), (1, 1), (1, 2), (2, 1)]),
    reserve=st.sampled_from([0.0, 0.1, 0.4]),
)
@one_by_one
def test_adding_a_shift_never_lowers_spare_hours(
    *,
    history: History,
    days: frozenset[int],
    start: int,
    length: int,
    staff: tuple[int | None, int | None],
    reserve: float,
) -> None:
    learnt = calibrate([history], MONDAY)
    first = replace(SHIFT, staff=staff[0])
    more = Shift(days, start, start + length, staff=staff[1])
    before = cells(factory(replace(CALENDAR, shifts=(first,)), reserve), history, learnt)
    after = cells(factory(replace(CALENDAR, shifts=(first, more)), reserve), history, learnt)
    assert never_above(before, after)


@given(history=pasts(), reserve=st.floats(0, 1), held=st.floats(0, 300))
@one_by_one
def test_spare_hours_are_never_negative_and_in_order(history: History, reserve: float, held: float) -> None:
    for cell in cells(factory(reserve=reserve), history, committed_h={WEEK: held}):
        if cell.spare is not None and cell.gross is not None:
            assert 0 <= cell.spare.p10 <= cell.spare.p50 <= cell.spare.p90 <= cell.pbt_h
            assert cell.spare.p10 <= cell.gross.p10
        assert (cell.spare is None) == (cell.no_number is not None)


def test_cells_know_their_key() -> None:
    assert {cell.key for cell in cells(factory(), STEADY)} == {CellKey("aoki", "cutting")}
