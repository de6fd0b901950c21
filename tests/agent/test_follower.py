"""One machine followed: what its driver says becomes records, and its failures stay its own."""

import asyncio
import itertools
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from agent.config import Config
from agent.contract.records import Record, StateChange, Window
from agent.contract.states import State
from agent.drivers import DRIVERS
from agent.errors import ConfigError, LinkError
from agent.follower import STALL_MS, Follower
from agent.measuring.machine import Live
from tests.agent.configs import config, replay
from tests.agent.records import NOON_MS
from tests.agent.scripted import SCRIPTED, machine

SECOND_MS = 1_000
MINUTE_MS = 60_000


@pytest.fixture(autouse=True)
def _scripted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(DRIVERS, "scripted", SCRIPTED)


class Floor:
    """One follower, the clock it sees, and what it gave."""

    def __init__(self, settings: Config, at_ms: int = NOON_MS) -> None:
        self.at_ms = at_ms
        self.records: list[Record] = []
        self.shown: list[Live] = []
        self.remembered: list[str] = []
        self.reached: list[bool] = []
        self.follower = Follower(
            settings.machines[0],
            lambda: self.at_ms,
            keep=self.keep,
            show=lambda _, live: self.shown.append(live),
            remember=self.remembered.append,
            reach=lambda _, is_there: self.reached.append(is_there),
        )

    def keep(self, _machine: str, records: Sequence[Record]) -> None:
        self.records += records

    async def until_heard(self) -> None:
        before = len(self.shown)
        async with asyncio.timeout(30):
            while len(self.shown) == before:  # noqa: ASYNC110
                await asyncio.sleep(0.001)

    def pass_s(self, passed_s: int) -> None:
        """Let time pass as the ticker does, five times a second."""
        for _ in range(passed_s * 5):
            self.at_ms += SECOND_MS // 5
            self.follower.advance(self.at_ms)

    @property
    def windows(self) -> list[Window]:
        return [record for record in self.records if isinstance(record, Window)]

    @property
    def states(self) -> list[tuple[int, State]]:
        changes = [record for record in self.records if isinstance(record, StateChange)]
        return [(change.at_ms - NOON_MS, change.state) for change in changes]


async def room() -> bool:
    return True


async def test_readings_become_windows_and_states() -> None:
    floor = Floor(config(machine("mc-01", {"running": True, "parts": 100}, 0.05, {"parts": 103})))
    floor.follower.begin(None)
    assert floor.shown[-1] == Live(State.OFFLINE, NOON_MS, None, None, "")
    task = asyncio.create_task(floor.follower.run(room))
    await floor.until_heard()
    floor.pass_s(30)
    await floor.until_heard()
    floor.pass_s(31)
    assert floor.follower.status.connected
    assert floor.states == [(0, State.RUNNING)]
    (window,) = floor.windows
    assert (window.start_ms, window.length_ms, window.state_ms[0]) == (NOON_MS, MINUTE_MS, MINUTE_MS)
    assert (window.cycles, window.cycles_total) == (3, 103)
    assert floor.shown[-1].utilization == 1.0
    task.cancel()


async def test_a_driver_that_fails_leaves_its_machine_unknown() -> None:
    failing = machine("mc-01", {"running": True, "parts": 1}, 0.05, LinkError("the cable is out"), 60.0)
    floor = Floor(config(failing))
    floor.follower.begin(None)
    task = asyncio.create_task(floor.follower.run(room))
    await floor.until_heard()
    floor.pass_s(10)
    await floor.until_heard()
    floor.pass_s(1)
    assert floor.shown[-1].state is State.OFFLINE
    assert floor.follower.status.last_error == "the cable is out"
    assert floor.reached == [False, True, False]
    task.cancel()


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (ConfigError("no such column"), "no such column"),
        (AssertionError("a bug"), None),  # the link tries a driver that breaks again, as it does a cable
    ],
)
async def test_what_can_never_work_is_given_up_and_anything_else_is_not(
    error: Exception, failure: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    floor = Floor(config(machine("mc-01", {"running": True, "parts": 1}, error)))
    floor.follower.begin(None)
    task = asyncio.create_task(floor.follower.run(room))
    await asyncio.wait((task,), timeout=1.0)
    assert task.done() is (failure is not None)
    assert floor.follower.failure == failure
    floor.pass_s(60)
    assert floor.shown[-1].state is State.OFFLINE
    assert len(floor.windows) == 1, "time goes on for the machine"
    assert "mc-01: " in caplog.text
    task.cancel()


async def test_after_a_restart_the_time_away_is_offline_and_cycles_made_meanwhile_count() -> None:
    floor = Floor(config(machine("mc-01", {"running": True, "parts": 100})))
    floor.follower.begin(None)
    task = asyncio.create_task(floor.follower.run(room))
    await floor.until_heard()
    floor.pass_s(90)
    task.cancel()
    saved = floor.follower.snapshot()
    again = Floor(config(machine("mc-01", {"running": True, "parts": 105})), NOON_MS + 120 * SECOND_MS)
    again.follower.begin(saved)
    task = asyncio.create_task(again.follower.run(room))
    await again.until_heard()
    again.pass_s(61)
    windows = floor.windows + again.windows
    assert [window.start_ms for window in windows] == [NOON_MS + number * MINUTE_MS for number in range(3)]
    assert [window.cycles for window in windows] == [0, 0, 5]
    assert windows[1].state_ms == (0, 0, 0, 0, 0, MINUTE_MS)
    assert windows[2].state_ms[0] == MINUTE_MS
    task.cancel()


async def test_a_snapshot_that_is_none_is_told_and_the_machine_begins_anew(
    caplog: pytest.LogCaptureFixture,
) -> None:
    floor = Floor(config(machine("mc-01")))
    floor.follower.begin({"nonsense": 1})
    assert "mc-01: begins anew, for what the outbox remembers is not a machine's snapshot" in caplog.text
    floor.pass_s(60)
    assert len(floor.windows) == 1


async def test_a_machine_that_is_measured_from_a_later_time_on_says_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    floor = Floor(config(machine("mc-01", {"running": True, "parts": 0})))
    floor.follower.begin(None, NOON_MS + MINUTE_MS)
    assert "mc-01: measured_since is 60 s away: nothing is recorded before" in caplog.text
    floor.pass_s(59)
    assert floor.records == []
    floor.pass_s(61)
    assert [(window.start_ms, window.length_ms) for window in floor.windows] == [
        (NOON_MS + MINUTE_MS, MINUTE_MS)
    ]


async def test_a_machine_whose_memory_was_lost_replaces_nothing_of_what_was_told_before() -> None:
    for since_ms, first_ms in (
        (NOON_MS - 60 * MINUTE_MS, NOON_MS + 7),
        (NOON_MS - MINUTE_MS, NOON_MS - MINUTE_MS),
    ):
        floor = Floor(config(machine("mc-01", {"running": True, "parts": 0})), NOON_MS + 7)
        floor.follower.begin(None, since_ms)
        floor.pass_s(60)
        assert min(window.start_ms for window in floor.windows) == first_ms


async def test_time_in_which_the_agent_stood_still_is_offline() -> None:
    floor = Floor(config(machine("mc-01", {"running": True, "parts": 100})))
    floor.follower.begin(None)
    task = asyncio.create_task(floor.follower.run(room))
    await floor.until_heard()
    floor.pass_s(10)
    floor.at_ms += 2 * STALL_MS
    floor.pass_s(20)
    (window,) = floor.windows
    assert window.state_ms == (29_800, 0, 0, 0, 0, 30_200)
    assert floor.states == [(0, State.RUNNING), (10_000, State.OFFLINE), (40_200, State.RUNNING)]
    task.cancel()


async def test_when_the_clock_is_set_forward_nobody_measured_the_time_between() -> None:
    floor = Floor(config(machine("mc-01", {"running": True, "parts": 100})))
    floor.follower.begin(None)
    task = asyncio.create_task(floor.follower.run(room))
    await floor.until_heard()
    floor.pass_s(30)
    before_ms, floor.at_ms = floor.at_ms, floor.at_ms + 60 * MINUTE_MS
    floor.follower.miss(before_ms, floor.at_ms)
    floor.pass_s(31)
    lengths = {
        state: sum(window.state_ms[place] for window in floor.windows) for place, state in enumerate(State)
    }
    assert (lengths[State.RUNNING], lengths[State.OFFLINE]) == (60_000, 60 * MINUTE_MS)
    assert_gapless(floor.windows)
    task.cancel()


async def test_a_job_ends_the_open_window() -> None:
    floor = Floor(config(machine("mc-01", {"running": True, "parts": 100})))
    floor.follower.begin(None)
    task = asyncio.create_task(floor.follower.run(room))
    await floor.until_heard()
    floor.pass_s(20)
    floor.follower.set_job("受注-7")
    assert floor.shown[-1].job == "受注-7"
    floor.pass_s(41)
    assert [(window.length_ms, window.job) for window in floor.windows] == [(20_000, ""), (40_000, "受注-7")]
    floor.follower.close()
    assert floor.windows[-1].length_ms == 1_000
    assert floor.states[-1] == (61_000, State.OFFLINE)
    task.cancel()


def assert_gapless(windows: Sequence[Window]) -> None:
    for before, after in itertools.pairwise(windows):
        assert after.start_ms == before.start_ms + before.length_ms


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Path]:
    """A log of 20 minutes: every 7 s a part, and now and then a pause."""
    path = tmp_path / "log.csv"
    chance = random.Random(7)
    rows = ["at,key,value"]
    for number in range(170):
        at_s = number * 7
        stamp = f"2026-11-20T00:{at_s // 60:02}:{at_s % 60:02}.250Z"
        rows.append(f"{stamp},parts,{1_000 + number}")
        rows.append(f"{stamp},execution,{chance.choice(('ACTIVE', 'ACTIVE', 'STOPPED', ''))}")
    path.write_text("\n".join(rows) + "\n")
    yield path


def replayed(log: Path, **changes: Any) -> Config:
    return config(replay("rp-01", log, **changes))


async def test_a_log_runs_in_its_own_time_and_ends(log: Path) -> None:
    floor = Floor(replayed(log), at_ms=NOON_MS)
    floor.follower.begin(None)
    floor.pass_s(120)
    assert floor.records == []
    await floor.follower.run(room)
    assert floor.follower.failure is None
    assert sum(window.cycles or 0 for window in floor.windows) == 169
    assert_gapless(floor.windows)
    before = list(floor.records)
    floor.pass_s(120)
    assert floor.records == before, "the wall clock does not move it"


async def test_a_log_that_starts_over_after_a_crash_makes_the_same_records_once(log: Path) -> None:
    whole = Floor(replayed(log))
    whole.follower.begin(None)
    await whole.follower.run(room)
    chance = random.Random(3)
    for _ in range(30):
        kept: list[Record] = []
        saved: dict[str, object] | None = None
        is_over = False
        while not is_over:
            floor = Floor(replayed(log))
            floor.follower.begin(saved)
            batches_left = chance.randrange(300)
            crash = asyncio.Event()

            async def until_crash(crash: asyncio.Event = crash) -> None:
                nonlocal batches_left
                batches_left -= 1
                if batches_left < 0:
                    crash.set()
                    await asyncio.Event().wait()

            task = asyncio.create_task(floor.follower.run(until_crash))
            crashed = asyncio.create_task(crash.wait())
            await asyncio.wait((task, crashed), return_when=asyncio.FIRST_COMPLETED)
            is_over = task.done()
            task.cancel()
            crashed.cancel()
            if chance.random() < 0.7:  # else the crash came before the journal's write
                kept += floor.records
                saved = floor.follower.snapshot()
            else:
                is_over = False
        assert kept == whole.records


async def test_a_log_that_is_not_there_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    floor = Floor(replayed(tmp_path / "nowhere.csv"))
    floor.follower.begin(None)
    await floor.follower.run(room)
    assert floor.follower.failure is not None
    assert "nowhere.csv" in floor.follower.failure
    assert "rp-01: replay.file: cannot read" in caplog.text


async def test_a_log_is_not_read_on_without_room(log: Path) -> None:
    floor = Floor(replayed(log))
    floor.follower.begin(None)
    has_room = asyncio.Event()
    task = asyncio.create_task(floor.follower.run(has_room.wait))
    await asyncio.sleep(0.2)
    assert floor.records == []
    has_room.set()
    await asyncio.wait_for(task, 30)
    assert sum(window.cycles or 0 for window in floor.windows) == 169


async def test_a_job_for_a_log_counts_from_where_the_log_stands(log: Path) -> None:
    floor = Floor(replayed(log))
    floor.follower.begin(None)
    floor.follower.set_job("受注-7")
    assert floor.shown[-1].job == "受注-7", "it is held before anything is read"
    batches = itertools.count()

    async def another_job_in_the_middle() -> None:
        if next(batches) == 100:
            floor.follower.set_job("受注-8")
            floor.follower.set_job("受注-8")

    await floor.follower.run(another_job_in_the_middle)
    assert [job for job, _ in itertools.groupby(floor.windows, lambda window: window.job)] == [
        "受注-7",
        "受注-8",
    ]
    assert sum(window.cycles or 0 for window in floor.windows) == 169
    assert_gapless(floor.windows)
    saved = floor.follower.snapshot()
    again = Floor(replayed(log))
    again.follower.begin(saved)
    assert again.shown[-1].job == "受注-8"


def test_a_job_for_a_machine_that_is_offline_is_kept_for_a_restart() -> None:
    floor = Floor(config(machine("mc-01")))
    floor.follower.begin(None)
    floor.follower.set_job("受注-7")
    assert floor.remembered == ["mc-01"]
    again = Floor(config(machine("mc-01")), NOON_MS + 90 * SECOND_MS)
    again.follower.begin(floor.follower.snapshot())
    assert again.shown[-1].job == "受注-7"
    assert {window.job for window in again.windows} == {"受注-7"}, "it is on while the machine is OFFLINE"


def test_what_leaves_goes_on_after_a_restart_as_the_owner_shares_it() -> None:
    shared = {**machine("mc-01"), "share": "utilization"}
    floor = Floor(config(shared))
    floor.follower.begin(None)
    floor.pass_s(61)
    saved = floor.follower.snapshot()
    again = Floor(config(shared), NOON_MS + 120 * SECOND_MS)
    again.follower.begin(saved)
    again.pass_s(1)
    assert [window.cycles for window in (*floor.windows, *again.windows)] == [None, None]
    assert (floor.states, again.states) == ([(0, State.OFFLINE)], []), (
        "a state that is told is not told again"
    )
    assert again.shown[-1].state_since_ms == NOON_MS


def test_a_snapshot_of_an_older_version_is_gone_on_from() -> None:
    floor = Floor(config(machine("mc-01")))
    floor.follower.begin(None)
    floor.pass_s(61)
    saved = floor.follower.snapshot()
    assert saved is not None
    del saved["told"], saved["job"]
    again = Floor(config(machine("mc-01")), NOON_MS + 120 * SECOND_MS)
    again.follower.begin(saved)
    assert_gapless([*floor.windows, *again.windows])
