"""The rule of alerts: one for each excursion, however the chance trembles, and none for silence."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from aggregator.alerting.backoff import GIVE_UP_MS, LONGEST_MS, NEVER, next_try_ms
from aggregator.alerting.rule import Rule, Turn, Watch, next_watch

RULE = Rule(0.5, 0.3, 60_000)
Looks = Sequence[tuple[int, float | None]]
looks = st.lists(
    st.tuples(st.integers(1, 90_000), st.none() | st.floats(0, 1)), max_size=60
)  # pauses and chances


def turns_of(seen: Looks, rule: Rule = RULE, watch: Watch | None = None) -> list[tuple[int, Turn]]:
    """Return the turns with their moments; pauses are in milliseconds."""
    now_ms, found, kept = 0, [], watch or Watch()
    for pause_ms, late in seen:
        now_ms += pause_ms
        kept, turn = next_watch(kept, late, now_ms, rule)
        if turn:
            found.append((now_ms, turn))
    return found


def test_an_alert_is_raised_once_the_chance_has_stayed_high_for_long_enough() -> None:
    assert turns_of([(0, 0.6), (59_999, 0.9), (1, 0.5), (60_000, 0.9)]) == [(60_000, Turn.RAISE)]


def test_a_short_peak_raises_none() -> None:
    assert turns_of([(0, 0.9), (50_000, 0.4), (1_000, 0.9), (59_000, 0.9)]) == []


def test_between_the_thresholds_nothing_changes() -> None:
    up = [(0, 0.9), (60_000, 0.9)]
    trembling = [(30_000, 0.49 if number % 2 else 0.51) for number in range(50)]
    assert turns_of([*up, *trembling, *trembling]) == [(60_000, Turn.RAISE)]
    down = [(1, 0.1), (60_000, 0.1), (1, 0.45), (90_000, 0.45)]
    assert [turn for _, turn in turns_of([*up, *trembling, *down])] == [Turn.RAISE, Turn.CLEAR]


@given(looks)
def test_turns_alternate_and_begin_with_an_alert(seen: Looks) -> None:
    turns = [turn for _, turn in turns_of(seen)]
    assert turns == [Turn.RAISE, Turn.CLEAR] * (len(turns) // 2) + [Turn.RAISE] * (len(turns) % 2)


@given(looks)
def test_an_alert_means_that_the_chance_was_high_all_the_time_before(seen: Looks) -> None:
    moments, now_ms = [], 0
    for pause_ms, late in seen:
        now_ms += pause_ms
        moments.append((now_ms, late))
    for at_ms, turn in turns_of(seen):
        stretch = [late for when, late in moments if at_ms - RULE.for_ms < when <= at_ms and late is not None]
        assert all(late >= RULE.raise_at if turn is Turn.RAISE else late <= RULE.clear_at for late in stretch)


@given(st.lists(st.tuples(st.integers(1, 90_000), st.none() | st.floats(0.31, 0.49)), max_size=40))
def test_what_is_between_the_thresholds_never_turns_anything(seen: Looks) -> None:
    assert turns_of(seen) == []
    assert turns_of(seen, watch=Watch(raised=True)) == []


@given(looks, st.booleans())
def test_silence_changes_nothing(seen: Looks, raised: bool) -> None:
    unknown = [(pause_ms, None) for pause_ms, _ in seen]
    assert turns_of(unknown, watch=Watch(raised)) == []


@given(looks)
def test_without_waiting_each_look_beyond_the_other_threshold_turns_at_once(seen: Looks) -> None:
    rule = Rule(0.5, 0.3, 0)
    raised, expected = False, 0
    for _, late in seen:
        if late is not None and (late <= 0.3 if raised else late >= 0.5):
            raised, expected = not raised, expected + 1
    assert len(turns_of(seen, rule)) == expected


def test_rests_double_up_to_an_hour_and_end_after_three_days() -> None:
    assert [next_try_ms(tries, 0, 0) for tries in (1, 2, 3)] == [30_000, 60_000, 120_000]
    assert next_try_ms(50, 0, 0) == LONGEST_MS
    assert next_try_ms(50, GIVE_UP_MS - LONGEST_MS, 0) == NEVER
