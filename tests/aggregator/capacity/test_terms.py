from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.capacity.terms import Level, level_of, sum_of, sums_by_process, terms_of
from aggregator.model.capacity import CellKey, MachineWeek, NoNumber, Quantiles, SpareCell
from aggregator.model.week import Week

CELL = SpareCell(
    key=CellKey("aoki", "cutting"),
    week=Week(2026, 49),
    pbt_h=100,
    unattended_h=5,
    private=Quantiles(40, 50, 60),
    committed_h=10,
    reserve_h=5,
    gross=Quantiles(30, 40, 50),
    spare=Quantiles(20, 30, 40),
    declared_h=35,
    coverage=0.9,
    no_number=None,
    measured_ms=2_000,
    machines=(MachineWeek("m-1", 100),),
)
OTHER = replace(
    CELL, key=CellKey("kita", "cutting"), pbt_h=300, coverage=1.0, declared_h=5, measured_ms=1_000
)
SILENT = replace(
    CELL, key=CellKey("mine", "cutting"), private=None, gross=None, spare=None, no_number=NoNumber.NO_HISTORY,
    coverage=0.0,
)  # fmt: skip


def columns(cell: SpareCell) -> list[float]:
    """Return what the terms add up to, quantile by quantile."""
    terms = terms_of(cell)
    return [sum(term.p10 for term in terms), sum(term.p50 for term in terms), sum(term.p90 for term in terms)]


def test_the_sum_names_every_part_and_ends_at_what_is_spare() -> None:
    assert [(term.name, term.p50) for term in terms_of(CELL)] == [
        ("planned", 100),
        ("unattended", -5),
        ("private", -50),
        ("reserve", -5),
        ("committed", -10),
        ("floor", 0),
    ]
    assert columns(CELL) == [20, 30, 40]


def test_what_is_more_than_full_is_lifted_to_zero_by_a_term_of_its_own() -> None:
    full = replace(CELL, committed_h=35, spare=Quantiles(0, 5, 15))
    assert terms_of(full)[-1] == ("floor", 5, 0, 0)


def test_without_a_number_there_is_no_sum() -> None:
    assert terms_of(SILENT) == ()


def test_a_process_adds_up_those_with_a_number_and_names_the_others() -> None:
    total = sum_of([CELL, OTHER, SILENT])
    assert total.spare == Quantiles(40, 60, 80)
    assert (total.factories, total.silent) == (2, (("mine", NoNumber.NO_HISTORY),))
    assert (total.pbt_h, total.declared_h, total.machines) == (400, 40, 3)
    assert total.measured_ms == 1_000
    assert total.coverage == pytest.approx((100 * 0.9 + 300 * 1.0 + 0) / 500)


def test_declared_hours_of_some_are_not_told_as_those_of_all() -> None:
    assert sum_of([CELL, replace(OTHER, declared_h=None)]).declared_h is None


def test_where_nobody_has_a_number_the_total_has_none() -> None:
    total = sum_of([SILENT])
    assert (total.spare, total.gross, total.declared_h, total.terms) == (None, None, None, ())


def test_totals_are_by_process_then_week() -> None:
    later = replace(CELL, week=Week(2026, 50))
    pressing = replace(CELL, key=CellKey("aoki", "pressing"))
    assert [(total.process, str(total.week)) for total in sums_by_process([pressing, later, CELL])] == [
        ("cutting", "2026-W49"),
        ("cutting", "2026-W50"),
        ("pressing", "2026-W49"),
    ]


@pytest.mark.parametrize(
    ("spare", "pbt_h", "level"),
    [
        (Quantiles(20, 30, 40), 100, Level.PLENTY),
        (Quantiles(19, 30, 40), 100, Level.SOME),
        (Quantiles(4, 30, 40), 100, Level.PERHAPS),
        (Quantiles(0, 4, 40), 100, Level.NONE),
        (Quantiles(0, 0, 0), 0, Level.CLOSED),
        (None, 100, Level.UNKNOWN),
    ],
)
def test_a_level_is_what_can_be_promised(spare: Quantiles | None, pbt_h: float, level: Level) -> None:
    assert level_of(spare, pbt_h) is level


@given(st.floats(0, 500), st.floats(0, 500), st.floats(0, 500))
def test_the_columns_add_up_whatever_is_committed(
    committed_h: float, reserve_h: float, load_h: float
) -> None:
    gross = Quantiles(*(max(0.0, 95 - reserve_h - load_h - more) for more in (10, 5, 0)))
    cell = replace(
        CELL,
        committed_h=committed_h,
        reserve_h=reserve_h,
        private=Quantiles(load_h, load_h + 5, load_h + 10),
        gross=gross,
        spare=Quantiles(*(max(0.0, hours - committed_h) for hours in (gross.p10, gross.p50, gross.p90))),
    )
    assert cell.spare is not None
    spare = [cell.spare.p10, cell.spare.p50, cell.spare.p90]
    assert columns(cell) == pytest.approx(spare, abs=1e-6)
    assert terms_of(cell)[-1].p10 >= 0
