"""agent/measuring/machine.py: one machine's records and live values, over restarts and crashes."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.contract.records import HOUR_MS, MINUTE_MS, Record, StateChange, Window
from agent.contract.states import STATES, State
from agent.measuring.cycles import Counting
from agent.measuring.machine import MachineRules, MachineTracker
from agent.measuring.reading import Reading, Value

NOON_MS = 1_764_590_400_000  # 2025-12-01T12:00:00Z
RULES = msgspec.toml.decode(
    """
    otherwise = "IDLE"
    pieces_per_cycle = 2
    rules = [
        {state = "DOWN", when = {alarm = true}, for_s = 2.0},
        {state = "SETUP", when = {green = {lamp = "blinking"}}},
        {state = "RUNNING", when = {green = {lamp = "on"}}},
    ]
    cycles = {counter = "parts", bits = 16, min_cycle_s = 0.5}
    scrap = {counter = "rejects", min_cycle_s = 0.5}
    """,
    type=MachineRules,
)


def cycles_in(tracker: MachineTracker) -> int:
    """Return the cycles of the window that is still open."""
    window = tracker.snapshot()["window"]
    assert isinstance(window, dict)
    return int(window["cycles"])


def heard(at_ms: int, **values: Value | None) -> tuple[Reading, ...]:
    return tuple(Reading(signal, value, at_ms) for signal, value in values.items())


def begun(at_ms: int = NOON_MS) -> MachineTracker:
    tracker, records = MachineTracker.begin("mc-01", RULES, at_ms)
    assert records == []
    return tracker


def changes(records: Sequence[Record]) -> list[tuple[int, State]]:
    return [(one.at_ms - NOON_MS, one.state) for one in records if isinstance(one, StateChange)]


def windows(records: Sequence[Record]) -> list[Window]:
    return [one for one in records if isinstance(one, Window)]


def milliseconds(window: Window) -> dict[State, int]:
    return {state: spent for state, spent in zip(STATES, window.state_ms, strict=True) if spent}


QUIET = {"alarm": False, "green": False, "parts": 100, "rejects": 7}


def test_a_machine_is_offline_until_it_is_heard() -> None:
    tracker, records = MachineTracker.begin("mc-01", RULES, NOON_MS + 10_000)
    assert records == []
    assert tracker.live.state is State.OFFLINE
    records = tracker.take(heard(NOON_MS + 30_000, **QUIET))
    records += tracker.advance(NOON_MS + MINUTE_MS)
    assert changes(records) == [(10_000, State.OFFLINE), (30_000, State.IDLE)]
    (window,) = windows(records)
    assert (window.start_ms, window.length_ms) == (NOON_MS + 10_000, 50_000)
    assert milliseconds(window) == {State.OFFLINE: 20_000, State.IDLE: 30_000}


def test_measured_since_an_earlier_time_is_offline_since_then() -> None:
    tracker, records = MachineTracker.begin("mc-01", RULES, NOON_MS + 5_000, NOON_MS - 90_500)
    assert changes(records) == [(-90_500, State.OFFLINE)]
    assert [one.length_ms for one in windows(records)] == [30_500, MINUTE_MS]
    assert tracker.at_ms == NOON_MS + 5_000


def test_cycles_and_scrap_become_good_pieces_of_the_minute_that_saw_them() -> None:
    tracker = begun()
    tracker.take(heard(NOON_MS, **QUIET))
    tracker.take(heard(NOON_MS + 59_999, parts=103, rejects=8))
    records = tracker.take(heard(NOON_MS + MINUTE_MS, parts=104))
    records += tracker.advance(NOON_MS + 2 * MINUTE_MS)
    assert [(one.cycles, one.good, one.scrap, one.cycles_total) for one in windows(records)] == [
        (3, 5, 1, 103),
        (1, 2, 0, 104),
    ]


def test_the_total_fits_the_wire_whatever_the_counter_shows_first() -> None:
    tracker = begun()
    tracker.take(heard(NOON_MS, parts=float(2**63), rejects=2**63 - 1, green=True, alarm=False))
    assert tracker.live.cycles_total is None
    unlimited = msgspec.structs.replace(RULES, cycles=Counting(counter="parts"))
    tracker, _ = MachineTracker.begin("mc-01", unlimited, NOON_MS)
    for at_ms, parts in ((0, 2**53), (1_000, 5), (2_000, 6)):
        tracker.take(heard(NOON_MS + at_ms, parts=parts))
    assert tracker.live.cycles_total == 2**53 + 1
    assert tracker.live.cycles_total < 2**63


def test_scrap_is_unknown_while_its_counter_was_never_heard() -> None:
    tracker = begun()
    tracker.take(heard(NOON_MS, parts=5, rejects=None))
    records = tracker.take(heard(NOON_MS + MINUTE_MS, parts=6, rejects=0))
    records += tracker.advance(NOON_MS + 2 * MINUTE_MS)
    assert [(one.cycles, one.good, one.scrap) for one in windows(records)] == [(0, None, None), (1, 2, 0)]


def test_states_change_at_their_time_though_nobody_asked() -> None:
    """The debounce runs out and the lamp stops blinking between two calls far apart."""
    tracker = begun()
    tracker.take(heard(NOON_MS, **QUIET))
    for at_ms, green in [(1_000, True), (1_500, False), (2_000, True)]:
        tracker.take(heard(NOON_MS + at_ms, green=green))
    assert tracker.next_due_ms == NOON_MS + 4_500
    tracker.take(heard(NOON_MS + 30_000, alarm=True))
    records = tracker.advance(NOON_MS + 5 * MINUTE_MS)
    assert changes(records) == [(32_000, State.DOWN)]
    assert milliseconds(windows(records)[0]) == {
        State.IDLE: 1_000 + 500,
        State.RUNNING: 500 + 25_500 + 2_000,
        State.SETUP: 2_500,
        State.DOWN: 28_000,
    }
    assert (tracker.live.state_since_ms, tracker.next_due_ms) == (NOON_MS + 32_000, NOON_MS + 6 * MINUTE_MS)


def test_a_late_reading_counts_from_now_on() -> None:
    tracker = begun()
    tracker.take(heard(NOON_MS, **QUIET))
    tracker.advance(NOON_MS + 90_000)
    tracker.take(heard(NOON_MS + 20_000, green=True))
    records = tracker.advance(NOON_MS + 2 * MINUTE_MS)
    assert changes(records) == [(90_000, State.RUNNING)]
    assert tracker.advance(NOON_MS) == []
    assert tracker.at_ms == NOON_MS + 2 * MINUTE_MS


def test_a_state_that_lasts_no_time_is_no_record_and_two_changes_never_share_a_millisecond() -> None:
    tracker = begun()
    records = tracker.take(heard(NOON_MS + 1_000, **QUIET))
    records += tracker.take(heard(NOON_MS + 2_000, green=True))
    records += tracker.take(heard(NOON_MS + 3_000, green=False, alarm=None))
    records += tracker.take(heard(NOON_MS + 3_000, green=None, alarm=False))
    assert tracker.live.state is State.OFFLINE
    records += tracker.take(heard(NOON_MS + 3_000, green=True))
    records += tracker.advance(NOON_MS + 4_000)
    assert changes(records) == [(0, State.OFFLINE), (1_000, State.IDLE), (2_000, State.RUNNING)]
    assert tracker.live.state_since_ms == NOON_MS + 2_000


def test_live_values_show_the_present() -> None:
    tracker = begun()
    assert tracker.live.cycles_total is None
    tracker.take(heard(NOON_MS, **QUIET))
    tracker.take(heard(NOON_MS + 15_000, green=True, parts=101))
    tracker.advance(NOON_MS + MINUTE_MS)
    tracker.set_job("job-7", NOON_MS + MINUTE_MS + 1)
    live = tracker.live
    assert (live.state, live.state_since_ms) == (State.RUNNING, NOON_MS + 15_000)
    assert (live.cycles_total, live.utilization, live.job) == (101, 1.0, "job-7")
    tracker.advance(NOON_MS + 2 * MINUTE_MS)
    tracker.take(heard(NOON_MS + 2 * MINUTE_MS, green=False))
    tracker.advance(NOON_MS + 3 * MINUTE_MS)
    assert tracker.live.utilization == 0.0
    tracker.take(heard(NOON_MS + 3 * MINUTE_MS, green=None))
    tracker.advance(NOON_MS + 4 * MINUTE_MS)
    assert tracker.live.utilization is None


def test_a_job_change_ends_the_window_and_tags_what_follows() -> None:
    tracker = begun()
    tracker.take(heard(NOON_MS, **QUIET))
    records = tracker.set_job("job-7", NOON_MS + 20_000)
    records += tracker.take(heard(NOON_MS + 40_000, parts=101, green=True))
    records += tracker.set_job("job-7", NOON_MS + 45_000)
    records += tracker.advance(NOON_MS + MINUTE_MS)
    assert [(one.length_ms, one.cycles, one.job) for one in windows(records)] == [
        (20_000, 0, ""),
        (40_000, 1, "job-7"),
    ]
    assert [one.job for one in records if isinstance(one, StateChange)] == ["", "job-7"]


def test_an_orderly_stop_and_start_leave_no_gap_and_lose_no_cycle() -> None:
    tracker = begun()
    tracker.take(heard(NOON_MS, **QUIET))
    records = tracker.set_job("job-7", NOON_MS + 1_000)
    records += tracker.take(heard(NOON_MS + 10_000, green=True, parts=103))
    records += tracker.close(NOON_MS + 30_000)
    assert changes(records) == [(0, State.IDLE), (10_000, State.RUNNING), (30_000, State.OFFLINE)]
    saved = json.loads(json.dumps(tracker.snapshot()))
    again, more = MachineTracker.resume(RULES, saved, NOON_MS + 95_000)
    more += again.take(heard(NOON_MS + 100_000, **{**QUIET, "green": True, "parts": 108}))
    more += again.advance(NOON_MS + 2 * MINUTE_MS)
    assert changes(more) == [(100_000, State.RUNNING)]
    assert [
        (one.start_ms - NOON_MS, one.length_ms, one.cycles, one.job) for one in windows(records + more)
    ] == [
        (0, 1_000, 0, ""),
        (1_000, 29_000, 3, "job-7"),
        (30_000, 30_000, 0, "job-7"),
        (60_000, 35_000, 0, "job-7"),
        (95_000, 25_000, 5, "job-7"),
    ]
    assert again.live.cycles_total == 108


def test_after_a_crash_the_time_away_is_offline() -> None:
    tracker = begun()
    tracker.take(heard(NOON_MS, **QUIET))
    tracker.take(heard(NOON_MS + 10_000, green=True))
    tracker.advance(NOON_MS + 20_000)
    again, records = MachineTracker.resume(RULES, tracker.snapshot(), NOON_MS + 3 * HOUR_MS)
    assert changes(records) == [(20_000, State.OFFLINE)]
    assert milliseconds(windows(records)[0]) == {
        State.IDLE: 10_000,
        State.RUNNING: 10_000,
        State.OFFLINE: 40_000,
    }
    assert [one.length_ms for one in windows(records)] == [MINUTE_MS] * 60 + [HOUR_MS] * 2
    assert again.live.state_since_ms == NOON_MS + 20_000


def test_a_clock_that_went_back_over_a_restart_moves_nothing_back() -> None:
    tracker = begun()
    tracker.advance(NOON_MS + 20_000)
    again, records = MachineTracker.resume(RULES, tracker.snapshot(), NOON_MS - HOUR_MS)
    assert (again.at_ms, records) == (NOON_MS + 20_000, [])


def test_a_snapshot_of_other_counters_is_not_compared_with_them() -> None:
    tracker = begun()
    tracker.take(heard(NOON_MS, **QUIET))
    assert RULES.cycles is not None
    other = msgspec.structs.replace(RULES, cycles=msgspec.structs.replace(RULES.cycles, counter="strokes"))
    again, _ = MachineTracker.resume(other, tracker.snapshot(), NOON_MS + 1_000)
    again.take(heard(NOON_MS + HOUR_MS, strokes=3_000))
    again.take(heard(NOON_MS + HOUR_MS + 1_000, strokes=3_001))
    assert (again.live.cycles_total, cycles_in(again)) == (3_001, 1)


@pytest.mark.parametrize("saved", [{}, {"window": 1}, {"window": {"machine": "mc-01"}}])
def test_what_is_no_snapshot_is_refused(saved: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="not a machine's snapshot"):
        MachineTracker.resume(RULES, saved, NOON_MS)


def test_the_signals_a_machine_needs_are_named() -> None:
    assert RULES.signals == {"alarm", "green", "parts", "rejects"}


# --- properties: a machine that really makes cycles, watched by an agent that is interrupted anywhere ---

END_MS = NOON_MS + 30 * MINUTE_MS


@dataclass(frozen=True)
class Poll:
    """What the machine shows after `pause_ms`, and what befalls the agent there."""

    pause_ms: int
    values: dict[str, Value | None]
    event: str = "none"


@dataclass
class Store:
    """An outbox in small: records and the snapshot that belongs to them, stored together or not at all."""

    records: list[Record] = field(default_factory=list)
    snapshot: dict[str, object] = field(default_factory=dict)

    def keep(self, records: list[Record], tracker: MachineTracker) -> None:
        if records:
            self.records += records
            self.snapshot = json.loads(json.dumps(tracker.snapshot()))


polls = st.lists(
    st.builds(
        Poll,
        st.integers(0, 700) | st.integers(0, 3 * MINUTE_MS),
        st.fixed_dictionaries(
            {"made": st.integers(0, 200)},
            optional={"alarm": st.none() | st.booleans(), "green": st.none() | st.booleans()},
        ),
        st.sampled_from(["none", "none", "tick", "job", "stop", "crash", "replace"]),
    ),
    max_size=25,
)


def watch(polls: Sequence[Poll]) -> tuple[list[Record], int, int]:
    """Play the polls; return the stored records, the cycles they have to tell of, and the time reached."""
    store, parts, at_ms = Store(), 65_000, NOON_MS
    tracker, records = MachineTracker.begin("mc-01", RULES, at_ms)
    store.snapshot = tracker.snapshot()
    store.keep(
        records + tracker.take(heard(at_ms, alarm=False, green=False, parts=parts, rejects=0)), tracker
    )
    store.snapshot = tracker.snapshot()
    for poll in polls:
        at_ms += poll.pause_ms
        values = {name: value for name, value in poll.values.items() if name != "made"}
        parts += min(int(poll.values["made"] or 0), poll.pause_ms // 500)
        tracker = _befall(poll.event, tracker, store, at_ms)
        store.keep(tracker.take(heard(at_ms, parts=parts % 65_536, **values)), tracker)
    store.keep(tracker.close(at_ms), tracker)
    unended = cycles_in(tracker)  # made in the last millisecond: the next window tells
    # A job in the very moment a window began waits a millisecond, so that each job has a window of its own.
    assert 0 <= tracker.at_ms - at_ms <= sum(poll.event == "job" for poll in polls)
    return store.records, parts - 65_000 - unended, tracker.at_ms


def _befall(event: str, tracker: MachineTracker, store: Store, at_ms: int) -> MachineTracker:
    if event == "tick":
        store.keep(tracker.advance(at_ms), tracker)
    elif event == "job":
        store.keep(tracker.set_job(f"job-{at_ms}", at_ms), tracker)
    elif event == "stop":
        store.keep(tracker.close(at_ms), tracker)
    if event in ("stop", "crash", "replace"):
        saved = tracker.snapshot() if event == "replace" else store.snapshot
        tracker, records = MachineTracker.resume(RULES, saved, at_ms)
        store.keep(records, tracker)
    return tracker


@given(polls=polls)
def test_through_stops_and_crashes_no_cycle_is_lost_or_doubled_and_windows_stay_gapless(
    polls: list[Poll],
) -> None:
    records, made, end_ms = watch(polls)
    kept = windows(records)
    assert sum(one.cycles or 0 for one in kept) == made
    assert all(sum(one.state_ms) == one.length_ms > 0 for one in kept)
    assert all(one.start_ms + one.length_ms == after.start_ms for one, after in pairwise(kept))
    assert sum(one.length_ms for one in kept) == end_ms - NOON_MS
    totals = [one.cycles_total or 0 for one in kept]
    assert [after - one for one, after in pairwise(totals)] == [one.cycles for one in kept[1:]]


@given(polls=polls)
def test_state_changes_alternate_in_strictly_increasing_time_and_agree_with_the_windows(
    polls: list[Poll],
) -> None:
    records, _, end_ms = watch(polls)
    told = [one for one in records if isinstance(one, StateChange)]
    assert all(one.at_ms < after.at_ms and one.state is not after.state for one, after in pairwise(told))
    ends = [one.at_ms for one in told[1:]] + [end_ms]
    spent = dict.fromkeys(STATES, 0)
    for one, until_ms in zip(told, ends, strict=True):
        spent[one.state] += max(0, until_ms - one.at_ms)
    summed = [sum(column) for column in zip(*(one.state_ms for one in windows(records)), strict=True)] or [
        0
    ] * 6
    assert all(abs(spent[state] - total) <= len(told) for state, total in zip(STATES, summed, strict=True))


@given(polls=polls, extra=st.lists(st.integers(0, 30 * MINUTE_MS), max_size=20))
def test_records_do_not_depend_on_how_often_time_is_told(polls: list[Poll], extra: list[int]) -> None:
    seldom = begun()
    often = begun()
    at_ms, records, same = NOON_MS, [], []
    for poll in polls:
        for ask_ms in sorted(
            NOON_MS + one for one in extra if at_ms < NOON_MS + one <= at_ms + poll.pause_ms
        ):
            same += often.advance(ask_ms)
        at_ms += poll.pause_ms
        batch = heard(
            at_ms, parts=poll.values["made"], alarm=poll.values.get("alarm"), green=poll.values.get("green")
        )
        records += seldom.take(batch)
        same += often.take(batch)
    assert records + seldom.close(at_ms) == same + often.close(at_ms)


@given(polls=polls, cut=st.integers(0, 25))
def test_a_recorded_log_that_starts_over_goes_on_as_if_nothing_had_happened(
    polls: list[Poll], cut: int
) -> None:
    """Event time: the log is read again from its start, and what was accounted for is only recalled."""
    at_ms, batches = NOON_MS, []
    for poll in polls:
        at_ms += 1 + poll.pause_ms
        values = {name: value for name, value in poll.values.items() if name != "made"}
        batches.append(heard(at_ms, parts=poll.values["made"], **values))
    whole = begun()
    expected = [record for batch in batches for record in whole.take(batch)]
    first = begun()
    records = [record for batch in batches[:cut] for record in first.take(batch)]
    second, more = MachineTracker.resume(RULES, first.snapshot(), first.at_ms)
    for batch in batches:
        if batch[0].at_ms <= first.at_ms:
            second.recall(batch)
        else:
            more += second.take(batch)
    assert records + more == expected
    assert second.live == whole.live or second.live.utilization is None


def test_a_log_resumed_after_an_orderly_stop_tells_its_state_anew_a_millisecond_later() -> None:
    first = begun()
    running = heard(NOON_MS + 1_000, **{**QUIET, "green": True})
    told = first.take(running) + first.close(NOON_MS + 5_000)
    second, records = MachineTracker.resume(RULES, first.snapshot(), first.at_ms)
    second.recall(running)
    told += records + second.take(heard(NOON_MS + 7_000, green=False)) + second.advance(NOON_MS + 8_000)
    assert changes(told)[1:] == [
        (1_000, State.RUNNING),
        (5_000, State.OFFLINE),
        (5_001, State.RUNNING),
        (7_000, State.IDLE),
    ]


def test_news_cannot_be_recalled() -> None:
    with pytest.raises(ValueError, match="nothing to recall"):
        begun().recall(heard(NOON_MS + 1, green=True))
