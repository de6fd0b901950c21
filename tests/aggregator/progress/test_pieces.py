"""Pieces are counted once, whoever counts them."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from aggregator.model.progress import JobFacts, Pieces
from aggregator.progress.pieces import added, pieces_of
from tests.aggregator.progress.facts import a_job, report, totals


def facts(**known: object) -> JobFacts:
    return replace(JobFacts(a_job("J", "cut", pieces_per_cycle=2)), **known)  # type: ignore[arg-type]


def test_a_machine_that_does_not_count_makes_pieces_by_cycles() -> None:
    assert pieces_of(facts(totals=totals("J", 10), live_cycles=3)) == Pieces(26, 26, 0, None)
    assert pieces_of(facts(totals=totals("J", 10, scrap=1))) == Pieces(19, 19, 0, 1)


def test_a_machine_that_counts_is_believed() -> None:
    assert pieces_of(facts(totals=totals("J", 10, good=17, scrap=3))) == Pieces(17, 17, 0, 3)


def test_work_by_hand_is_what_people_report() -> None:
    told = (report("J", 30, 2), report("J", -5, 0, 2))
    assert pieces_of(facts(reports=told)) == Pieces(25, 0, 25, 2)


def test_scrap_that_people_find_is_taken_off_what_machines_made() -> None:
    assert pieces_of(facts(totals=totals("J", 10), reports=(report("J", 0, 4),))) == Pieces(16, 16, 0, 4)


def test_scrap_that_the_machine_saw_is_not_taken_off_again() -> None:
    made = totals("J", 10, scrap=3)
    assert pieces_of(facts(totals=made, reports=(report("J", 0, 3),))) == Pieces(17, 17, 0, 3)
    assert pieces_of(facts(totals=made, reports=(report("J", 0, 5),))) == Pieces(15, 15, 0, 5)


def test_good_pieces_told_by_both_are_the_same_pieces() -> None:
    made = totals("J", 10)
    assert pieces_of(facts(totals=made, reports=(report("J", 18),))) == Pieces(20, 20, 0, 0)
    assert pieces_of(facts(totals=made, reports=(report("J", 26),))) == Pieces(26, 20, 6, 0)


def test_a_correction_below_what_was_reported_takes_off_measured_pieces() -> None:
    assert pieces_of(facts(totals=totals("J", 10), reports=(report("J", -4),))) == Pieces(16, 16, 0, 0)
    assert pieces_of(facts(reports=(report("J", -4),))) == Pieces(0, 0, 0, 0)


counts = st.integers(0, 500)
reported = st.lists(st.tuples(st.integers(-50, 200), st.integers(-5, 20)), max_size=5)


@given(cycles=counts, scrap=st.none() | counts, live=counts, told=reported, more=counts)
def test_pieces_add_up_are_never_negative_and_grow_with_cycles(
    cycles: int, scrap: int | None, live: int, told: list[tuple[int, int]], more: int
) -> None:
    reports = tuple(report("J", good, bad, number) for number, (good, bad) in enumerate(told))
    made = totals("J", cycles, None, scrap)
    found = pieces_of(facts(totals=made, live_cycles=live, reports=reports))
    assert found.good == found.measured + found.reported
    assert min(found.measured, found.reported, found.scrap or 0) >= 0
    assert found.good <= max((cycles + live) * 2, sum(good for good, _ in told))  # nothing counts twice
    grown = pieces_of(
        facts(totals=totals("J", cycles, None, scrap), live_cycles=live + more, reports=reports)
    )
    assert grown.good >= found.good
    turned = facts(totals=made, live_cycles=live, reports=reports[::-1])
    assert pieces_of(turned) == found


@given(cycles=counts, live=counts)
def test_live_cycles_that_become_a_window_change_nothing(cycles: int, live: int) -> None:
    before = facts(totals=totals("J", cycles), live_cycles=live)
    assert pieces_of(before) == pieces_of(facts(totals=totals("J", cycles + live)))


def test_sums_keep_scrap_unknown_until_someone_counts_it() -> None:
    unknown, known = Pieces(3, 2, 1, None), Pieces(1, 0, 1, 4)
    assert added([unknown, unknown]) == Pieces(6, 4, 2, None)
    assert added([unknown, known]) == Pieces(4, 2, 2, 4)
