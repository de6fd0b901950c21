"""agent/reach.py: when a machine that cannot be read is dead, and when it is born again."""

from agent.reach import LOST_S, Reach


def test_a_machine_is_dead_once_it_has_been_lost_for_long() -> None:
    reach = Reach()
    reach.note("press", False, 100.0)
    reach.note("press", False, 105.0)
    assert reach.next_due_s == 100.0 + LOST_S
    assert reach.dying(99.9 + LOST_S) == []
    assert reach.dying(100.0 + LOST_S) == ["press"]
    assert reach.is_dead("press")
    assert reach.dying(999.0) == []
    after: float | None = reach.next_due_s
    assert after is None


def test_a_hiccup_kills_nobody() -> None:
    reach = Reach()
    reach.note("press", False, 100.0)
    reach.note("press", True, 101.0)
    assert (reach.next_due_s, reach.dying(999.0), reach.revived()) == (None, [], [])


def test_a_machine_that_is_found_is_born_again_once() -> None:
    reach = Reach()
    reach.note("press", False, 0.0)
    reach.dying(LOST_S)
    assert reach.revived() == []
    reach.note("press", True, 60.0)
    assert reach.revived() == ["press"]
    reach.born("press")
    assert (reach.revived(), reach.is_dead("press")) == ([], False)


def test_births_of_a_whole_factory_are_followed_by_the_deaths_that_still_hold() -> None:
    reach = Reach()
    reach.note("press", False, 0.0)
    reach.dying(LOST_S)
    reach.born("press")
    assert reach.dying(LOST_S + 1) == ["press"]


def test_one_that_nobody_spoke_of_is_there() -> None:
    assert (Reach().is_dead("press"), Reach().dying(999.0)) == (False, [])
