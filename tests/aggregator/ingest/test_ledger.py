"""How far an outbox is stored: contiguous, whatever the order."""

from hypothesis import given
from hypothesis import strategies as st

from aggregator.ingest.ledger import AHEAD_LIMIT, Ledger


def test_it_goes_on_from_what_was_stored() -> None:
    ledger = Ledger(100)
    assert ledger.add([101, 102]) == 0
    assert ledger.through == 102


def test_it_waits_before_a_gap_and_jumps_when_it_closes() -> None:
    ledger = Ledger()
    ledger.add([1, 2, 5, 6])
    assert ledger.through == 2
    ledger.add([4])
    assert ledger.through == 2
    ledger.add([3])
    assert ledger.through == 6


def test_what_was_stored_before_changes_nothing() -> None:
    ledger = Ledger(10)
    ledger.add([3, 4, 10])
    assert ledger.through == 10


@given(st.permutations(range(1, 40)), st.integers(1, 7))
def test_any_order_in_any_portions_ends_at_the_last(order: list[int], portion: int) -> None:
    ledger = Ledger()
    seen: set[int] = set()
    for at in range(0, len(order), portion):
        ledger.add(order[at : at + portion])
        seen.update(order[at : at + portion])
        assert set(range(1, ledger.through + 1)) <= seen
        assert ledger.through + 1 not in seen
    assert ledger.through == 39


def test_what_the_agent_forgot_and_we_lack_is_lost_and_passed_over() -> None:
    """This store was restored from a backup: it knew 60 when the backup was made."""
    ledger = Ledger(60)
    ledger.forget(80)
    assert ledger.through == 60
    assert ledger.add([81, 82]) == 20
    assert ledger.through == 82
    assert ledger.add([83]) == 0


def test_what_the_agent_forgot_may_still_wait_in_our_queue() -> None:
    ledger = Ledger(60)
    ledger.forget(80)
    assert ledger.add(range(61, 71)) == 0
    assert ledger.through == 70
    assert ledger.add(range(71, 90)) == 0
    assert ledger.through == 89


def test_what_is_ahead_of_the_gap_is_not_lost() -> None:
    ledger = Ledger(60)
    ledger.forget(80)
    ledger.add([70, 71])
    assert ledger.add([81]) == 18
    assert ledger.through == 81


def test_a_forgotten_mark_below_what_is_stored_means_nothing() -> None:
    ledger = Ledger(60)
    ledger.forget(20)
    ledger.forget(10)
    assert ledger.add([62]) == 0
    assert ledger.through == 60


def test_what_is_remembered_ahead_is_bounded() -> None:
    ledger = Ledger()
    ledger.add(range(2, AHEAD_LIMIT + 10))
    assert ledger.add([1]) == 0
    assert ledger.through == 1  # all of it will be sent again
