"""What is told of an arrival: a new date with its cause, and none that only flickers."""

from dataclasses import replace

from aggregator.model.progress import Arrival, Cause, Delay, OrderProgress, Progress
from aggregator.model.told import Told
from aggregator.telling import to_tell
from tests.aggregator.ordered_town import DAY_MS, draft_of
from tests.aggregator.town import NOW_MS, ZONE

HOUR_MS = 3_600_000
NOON_MS = NOW_MS + 10 * DAY_MS - 2 * HOUR_MS


def reckoned(p50_ms: int | None, delays: tuple[Delay, ...] = ()) -> OrderProgress:
    arrival = Arrival(p50_ms, p50_ms, p50_ms, 0.9)
    return OrderProgress(
        "2026-0001", draft_of(), NOW_MS, NOW_MS, Progress.RUNNING, 0.3, 0, (), arrival, delays
    )


def first() -> Told:
    told = to_tell(None, (), reckoned(NOON_MS), ZONE)
    assert told is not None
    return told


def test_the_first_date_is_told_without_a_reason_and_an_unknown_one_not_at_all() -> None:
    assert (first().p50_ms, first().cause) == (NOON_MS, None)
    assert to_tell(None, (), reckoned(None), ZONE) is None
    assert to_tell(first(), (), replace(reckoned(None), arrival=None), ZONE) is None


def test_a_date_that_moves_within_its_day_or_just_over_midnight_stays() -> None:
    assert to_tell(first(), (), reckoned(NOON_MS + 5 * HOUR_MS), ZONE) is None
    late = replace(first(), p50_ms=NOON_MS + 11 * HOUR_MS)
    assert to_tell(late, (), reckoned(NOON_MS + 13 * HOUR_MS), ZONE) is None


def test_a_later_date_names_what_grew_most_since_it_was_told() -> None:
    before = (Delay("s1", 30.0, 0.0, ((Cause.SCRAP, 30.0),)),)
    now = (
        Delay("s1", 31.0, 0.0, ((Cause.SCRAP, 31.0),)),
        Delay("s2", 16.0, 0.0, ((Cause.BREAKDOWN, 15.0), (Cause.SLOW, 1.0))),
        Delay("s3", 0.0, 16.0, (), "s2"),
    )
    told = to_tell(first(), before, reckoned(NOON_MS + 2 * DAY_MS, now), ZONE)
    assert told is not None
    assert (told.step, told.cause, told.hours) == ("s2", "breakdown", 15.0)


def test_an_earlier_date_blames_nobody() -> None:
    now = (Delay("s1", 5.0, 0.0, ((Cause.SCRAP, 5.0),)),)
    told = to_tell(first(), (), reckoned(NOON_MS - 2 * DAY_MS, now), ZONE)
    assert told is not None and (told.step, told.cause, told.hours) == (None, None, None)
