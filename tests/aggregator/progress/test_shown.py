"""The shown date changes when there is something to tell, and not with every cycle."""

from agent.contract.records import HOUR_MS
from aggregator.model.progress import Arrival
from aggregator.progress.shown import next_shown


def about(hour: float, width_h: float = 20) -> Arrival:
    p50 = round(hour * HOUR_MS)
    return Arrival(p50 - round(width_h / 2 * HOUR_MS), p50, p50 + round(width_h / 2 * HOUR_MS), 0.5)


UNKNOWN = Arrival(None, None, None, None, "no_calendar")


def test_the_first_arrival_is_shown() -> None:
    assert next_shown(None, about(100)) == about(100)
    assert next_shown(None, UNKNOWN) == UNKNOWN


def test_a_little_more_or_less_is_not_shown() -> None:
    shown = about(100)
    for hour in (101, 95, 110, 92):
        assert next_shown(shown, about(hour)) == shown


def test_a_date_that_moved_is_shown() -> None:
    assert next_shown(about(100), about(130)) == about(130)
    assert next_shown(about(100), about(80)) == about(80)


def test_the_less_sure_a_date_is_the_more_it_has_to_move() -> None:
    assert next_shown(about(100, 200), about(130, 200)) == about(100, 200)


def test_what_becomes_unknown_or_known_is_shown_at_once() -> None:
    assert next_shown(about(100), UNKNOWN) == UNKNOWN
    assert next_shown(UNKNOWN, about(100)) == about(100)
    other = Arrival(None, None, None, None, "beyond_horizon")
    assert next_shown(UNKNOWN, other) == other


def test_what_is_done_is_shown_as_it_was() -> None:
    assert next_shown(about(100), about(101, 0)) == about(101, 0)
