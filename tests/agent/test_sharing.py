"""agent/sharing.py: what differs inside only looks the same outside, record by record, value by value."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.contract.records import MINUTE_MS, Record, StateChange, Window
from agent.contract.states import STATES, State
from agent.measuring.machine import Live, MachineRules, MachineTracker
from agent.measuring.reading import Reading
from agent.sharing import BUSY_OR_NOT, Share, ShareCycles, Sharing, Told, Wall
from tests.agent.records import NOON_MS, window

RULES = msgspec.convert(
    {
        "rules": [{"state": state, "when": {"state": state}} for state in STATES],
        "cycles": {"counter": "parts", "min_cycle_s": 0.001},
        "scrap": {"counter": "rejects", "min_cycle_s": 0.001},
    },
    MachineRules,
)
BUSY_ONLY = Sharing("utilization")
SHARED_ONLY = Sharing("full", "shared-jobs-only")
POLICIES = [Sharing(share, cycles) for share in get_args(Share) for cycles in (None, *get_args(ShareCycles))]
Step = tuple[int, str, State | str | int]
STORIES = st.lists(
    st.tuples(
        st.integers(0, 90_000),
        st.just("state") | st.just("job") | st.just("parts") | st.just("rejects"),
        st.integers(0, 9),
    ),
    max_size=30,
)
JOBS = ("", "", "J-1", "J-2")


class Outside:
    """One machine behind its wall, and everything that came through."""

    def __init__(self, sharing: Sharing) -> None:
        self.records: list[Record] = []
        self.lives: list[Live] = []
        self.wall = Wall(sharing)
        self.counts = {"parts": 100, "rejects": 5}
        self.tracker, records = MachineTracker.begin("mc-01", RULES, NOON_MS)
        self.take(records)
        self.hear(NOON_MS, state=State.IDLE, **self.counts)

    def take(self, records: Sequence[Record]) -> None:
        self.records += self.wall.records(records)
        live = self.wall.live(self.tracker.live, self.tracker.open_cycles)
        if not self.lives or self.lives[-1] != live:  # the same again is not sent
            self.lives.append(live)

    def hear(self, at_ms: int, **values: str | int) -> None:
        self.take(self.tracker.take([Reading(signal, value, at_ms) for signal, value in values.items()]))

    def play(self, story: Sequence[tuple[int, str, int]], inside: Callable[[str, int, str], int]) -> None:
        """Play a story; `inside(kind, number, job)` says what really happens inside at each step of it."""
        at_ms = NOON_MS
        for wait_ms, kind, said in story:
            at_ms += wait_ms
            while self.tracker.next_due_ms <= at_ms:
                self.take(self.tracker.advance(self.tracker.next_due_ms))
            number = inside(kind, said, self.tracker.live.job)
            if kind == "state":
                self.hear(at_ms, state=STATES[number % len(STATES)])
            elif kind == "job":
                self.take(self.tracker.set_job(JOBS[number % len(JOBS)], at_ms))
            else:
                self.counts[kind] += number
                self.hear(at_ms, **{kind: self.counts[kind]})
        self.take(self.tracker.close(at_ms + 1))

    @property
    def windows(self) -> list[Window]:
        return [record for record in self.records if isinstance(record, Window)]

    @property
    def changes(self) -> list[StateChange]:
        return [record for record in self.records if isinstance(record, StateChange)]


def as_it_was(_kind: str, number: int, _job: str) -> int:
    return number


def differently_busy(kind: str, number: int, job: str) -> int:
    """Let another busy state take the place of each, and private work be more and worse."""
    if kind == "state" and BUSY_OR_NOT[STATES[number % 6]] is State.RUNNING:
        return {0: 1, 1: 3, 3: 0}[number % 6]
    return otherwise_counted(kind, number, job)


def otherwise_counted(kind: str, number: int, job: str) -> int:
    """Let private work be more and worse."""
    return number + 7 if kind in ("parts", "rejects") and not job else number


def played(sharing: Sharing, story: Sequence[tuple[int, str, int]], inside: Callable[..., int]) -> Outside:
    outside = Outside(sharing)
    outside.play(story, inside)
    return outside


@given(STORIES)
def test_how_a_machine_is_busy_cannot_be_seen_outside(story: list[tuple[int, str, int]]) -> None:
    one, other = played(BUSY_ONLY, story, as_it_was), played(BUSY_ONLY, story, differently_busy)
    assert one.records == other.records
    assert one.lives == other.lives


@given(STORIES, st.sampled_from([SHARED_ONLY, BUSY_ONLY]))
def test_private_work_cannot_be_counted_outside(story: list[tuple[int, str, int]], sharing: Sharing) -> None:
    one, other = played(sharing, story, as_it_was), played(sharing, story, otherwise_counted)
    assert one.records == other.records
    assert one.lives == other.lives


@given(STORIES, st.sampled_from(POLICIES))
def test_time_adds_up_outside_and_shared_work_is_whole(
    story: list[tuple[int, str, int]], sharing: Sharing
) -> None:
    inside, outside = played(Sharing(), story, as_it_was), played(sharing, story, as_it_was)
    assert [(one.start_ms, one.length_ms, one.job) for one in outside.windows] == [
        (one.start_ms, one.length_ms, one.job) for one in inside.windows
    ]
    assert all(sum(one.state_ms) == one.length_ms for one in outside.windows)
    for real, told in zip(inside.windows, outside.windows, strict=True):
        if real.job:
            assert (told.cycles, told.good, told.scrap) == (real.cycles, real.good, real.scrap)
        assert told.state_ms[2] == real.state_ms[2], "what is not busy is told as it is"
        assert told.state_ms[4:] == real.state_ms[4:]
    assert outside.changes[-1].state is inside.changes[-1].state is State.OFFLINE


@given(STORIES, st.sampled_from(POLICIES))
def test_the_wall_goes_on_after_a_restart_as_if_there_had_been_none(
    story: list[tuple[int, str, int]], sharing: Sharing
) -> None:
    inside = played(Sharing(), story, as_it_was).records
    wall = Wall(sharing)
    whole = wall.records(inside)
    again: list[Record] = []
    told = Told()
    for record in inside:
        after = Wall(sharing, msgspec.convert(msgspec.to_builtins(told), Told))
        again += after.records([record])
        told = after.told
    assert again == whole


def test_the_whole_machine_leaves_as_it_is_measured() -> None:
    live = Live(State.SETUP, NOON_MS, 1_234, 0.25, "")
    records: list[Record] = [
        window(5),
        StateChange("mc-01", NOON_MS, State.SETUP),
        StateChange("mc-01", NOON_MS + 1, State.SETUP),
    ]
    assert Wall(Sharing()).live(live, 3) == live
    assert Wall(Sharing()).records(records) == records


def test_a_private_window_says_busy_or_not_and_nothing_else() -> None:
    inside = Window("mc-01", NOON_MS, MINUTE_MS, (1, 2, 3, 4, 5, 59_985), 7, 5, 2, 1_000)
    (told,) = Wall(BUSY_ONLY).records([inside])
    assert told == Window("mc-01", NOON_MS, MINUTE_MS, (7, 0, 3, 0, 5, 59_985), None, None, None, None)


def test_a_shared_window_is_counted_and_its_total_counts_shared_work_only() -> None:
    wall = Wall(BUSY_ONLY)
    inside = Window("mc-01", NOON_MS, MINUTE_MS, (60_000, 0, 0, 0, 0, 0), 7, 5, 2, 1_000, "J-1")
    private = replace(inside, cycles=40, job="", cycles_total=1_040)
    told = wall.records([inside, private, replace(inside, cycles=3, cycles_total=1_043, job="J-2")])
    assert [(one.cycles, one.good, one.cycles_total) for one in told if isinstance(one, Window)] == [
        (7, 5, 7),
        (None, None, None),
        (3, 5, 10),
    ]
    assert wall.live(Live(State.DOWN, NOON_MS, 1_045, 0.5, "J-2"), 2) == Live(
        State.RUNNING, NOON_MS, 12, 1.0, "J-2"
    )
    assert wall.live(Live(State.DOWN, NOON_MS, 1_045, 0.5, ""), 2).cycles_total is None


def test_since_when_a_machine_is_busy_does_not_tell_when_it_broke() -> None:
    wall = Wall(BUSY_ONLY)
    changes = [
        StateChange("mc-01", NOON_MS + at, state)
        for at, state in enumerate((State.IDLE, State.SETUP, State.RUNNING, State.DOWN))
    ]
    assert wall.records(changes) == [changes[0], StateChange("mc-01", NOON_MS + 1, State.RUNNING)]
    assert wall.live(Live(State.DOWN, NOON_MS + 3, None, None, ""), 0).state_since_ms == NOON_MS + 1
    # not recorded yet, for no time has passed in it
    assert wall.live(Live(State.IDLE, NOON_MS + 9, None, None, ""), 0).state_since_ms == NOON_MS + 9


def test_cycles_that_are_always_told_bring_no_scrap_with_them() -> None:
    inside = Window("mc-01", NOON_MS, MINUTE_MS, (60_000, 0, 0, 0, 0, 0), 7, 5, 2, 1_000)
    (told,) = Wall(Sharing("utilization", "always")).records([inside])
    assert told == replace(inside, good=None, scrap=None)


@pytest.mark.parametrize("state", STATES)
def test_busy_never_looks_like_spare_and_unknown_stays_unknown(state: State) -> None:
    outside = BUSY_OR_NOT[state]
    assert (outside is State.IDLE) == (state is State.IDLE)
    assert (outside is State.OFFLINE) == (state is State.OFFLINE)
    assert (outside is State.RUNNING) == (state in (State.RUNNING, State.SETUP, State.DOWN))
