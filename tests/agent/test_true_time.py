"""Windows over wrong clocks: none overlaps, lengths add up to the time that passed, and times come true."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent import held
from agent.clock import SystemClock
from agent.contract.records import HOUR_MS, MINUTE_MS, Record, StateChange, Window
from agent.drivers import DRIVERS
from agent.follower import Follower
from agent.journal import Journal
from agent.measuring.machine import accounted_to
from agent.measuring.reading import Reading
from agent.measuring.shifting import shifted
from agent.outbox import Outbox, open_outbox
from tests.agent.configs import config
from tests.agent.records import NOON_MS
from tests.agent.scripted import SCRIPTED, machine


@dataclass
class Computer:
    """Its clocks, and what the kernel says of them; `true_ms` is what they should show."""

    true_ms: float = NOON_MS
    off_ms: float = 0.0
    is_synchronised: bool = True
    has_service: bool = True

    def clock(self) -> SystemClock:
        return SystemClock(
            lambda: self.true_ms + self.off_ms,
            lambda: self.true_ms - NOON_MS + 77_000,
            is_synchronised=lambda: self.is_synchronised,
            has_service=lambda: self.has_service,
            hold_s=86_400,
        )


class OneMachine:
    """What `app` does of time and records, by hand: one machine, a cycle every 10 s."""

    def __init__(self, computer: Computer, folder: Path, parts: int = 0) -> None:
        self.computer = computer
        self.outbox: Outbox = open_outbox(folder)
        self.clock = computer.clock()
        table = config(machine("mc-01")).machines[0]
        self.journal = Journal(self.outbox, self.snapshots, lambda _through: None)
        self.follower = Follower(table, self.clock, keep=self.journal.keep, show=lambda *_: None)
        self.parts = parts

    async def begin(self) -> None:
        saved = self.outbox.snapshots().get("mc-01")
        newest_ms = 0 if saved is None else accounted_to(saved) or 0
        shift_ms = held.take_up(self.outbox, self.clock, ["mc-01"], newest_ms)
        if saved is not None:
            self.follower.begin(saved, shift_ms=shift_ms)
        if self.clock.is_held:
            assert await self.journal.flush()
            held.hold(self.outbox, self.clock)
        if saved is None:
            self.follower.begin(None)

    def snapshots(self, _machines: object) -> dict[str, dict[str, object]]:
        return {"mc-01": self.follower.snapshot() or {}}

    async def run(self, seconds: int) -> None:
        if self.follower.snapshot() is None:
            await self.begin()
        for _ in range(seconds):
            self.computer.true_ms += 1_000
            before_ms = self.clock()
            step = self.clock.observe()
            if step.shift_ms:
                self.follower.shift(before_ms, step.shift_ms)
            if step.is_released:
                self.journal.release(step.shift_ms, ["mc-01"])
            if self.computer.true_ms % 10_000 == 0:
                self.parts += 1
                running = int(self.computer.true_ms) // MINUTE_MS % 2 == 0
                at_ms = self.clock()
                self.follower._hear((Reading("running", running, at_ms), Reading("parts", self.parts, at_ms)))
            self.follower.advance(self.clock())
        assert await self.journal.flush(["mc-01"])

    def records(self) -> list[Record]:
        return [record for _, record in self.outbox.pending(0, 10**6)]

    async def stop(self) -> list[Window]:
        self.follower.close()
        assert await self.journal.flush(["mc-01"])
        found = windows(self.records())
        await asyncio.to_thread(self.outbox.close)
        return found


def windows(records: Sequence[Record]) -> list[Window]:
    return [record for record in records if isinstance(record, Window)]


def assert_true(found: Sequence[Window], passed_ms: float) -> None:
    """No window overlaps another, and together they are as long as the time that passed."""
    for before, after in pairwise(sorted(found, key=lambda window: window.start_ms)):
        assert before.start_ms + before.length_ms <= after.start_ms
    assert sum(window.length_ms for window in found) == pytest.approx(passed_ms, abs=20)


def is_within_an_hour(window: Window) -> bool:
    return window.start_ms // HOUR_MS == (window.start_ms + window.length_ms - 1) // HOUR_MS


@pytest.fixture(autouse=True)
def _scripted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(DRIVERS, "scripted", SCRIPTED)


@pytest.mark.parametrize("off_ms", [-9 * 24 * HOUR_MS - 12_345, HOUR_MS + 17_000, -31_000])
async def test_what_was_measured_before_the_clock_was_set_gets_its_true_time(
    tmp_path: Path, off_ms: int
) -> None:
    """Booted without a battery, and an hour passes before the time service answers."""
    computer = Computer(off_ms=off_ms, is_synchronised=False)
    running = OneMachine(computer, tmp_path)
    await running.run(3_700)
    assert running.clock.is_held
    assert windows(running.records())[0].start_ms == NOON_MS + off_ms
    computer.off_ms, computer.is_synchronised = 0, True
    await running.run(205)
    assert not running.clock.is_held
    found = await running.stop()
    assert_true(found, 3_905_000)
    assert found[0].start_ms == NOON_MS
    assert found[-1].start_ms + found[-1].length_ms == NOON_MS + 3_905_000
    assert all(
        window.start_ms // HOUR_MS == (window.start_ms + window.length_ms - 1) // HOUR_MS for window in found
    )
    assert sum(window.cycles or 0 for window in found) == 389  # the first reading is where counting begins
    changes = [record for record in running_records(tmp_path) if isinstance(record, StateChange)]
    assert all((change.at_ms - NOON_MS) % 10_000 < 2_000 for change in changes[1:-1])


def running_records(folder: Path) -> list[Record]:
    outbox = open_outbox(folder)
    found = [record for _, record in outbox.pending(0, 10**6)]
    outbox.close()
    return found


@pytest.mark.parametrize("is_down_when_set", [False, True])
async def test_so_it_does_over_a_restart_of_the_agent(tmp_path: Path, is_down_when_set: bool) -> None:
    computer = Computer(off_ms=-5 * HOUR_MS, is_synchronised=False)
    running = OneMachine(computer, tmp_path)
    await running.run(600)
    await running.stop()
    if is_down_when_set:
        computer.off_ms, computer.is_synchronised = 0, True
    else:
        computer.off_ms = -3 * HOUR_MS  # set by hand meanwhile, and still wrong
    computer.true_ms += 120_000
    running = OneMachine(computer, tmp_path)
    await running.run(300)
    computer.off_ms, computer.is_synchronised = 0, True
    await running.run(300)
    found = await running.stop()
    assert_true(found, 1_320_000)
    assert (found[0].start_ms, sum(window.state_ms[-1] for window in found) >= 120_000) == (NOON_MS, True)
    assert found[-1].start_ms + found[-1].length_ms == NOON_MS + 1_320_000


@pytest.mark.parametrize("is_killed", [False, True])
@pytest.mark.parametrize("behind_ms", [30_000, 40 * MINUTE_MS, 9 * 24 * HOUR_MS])
@pytest.mark.parametrize("held_s", [60, 3_000])
async def test_a_computer_that_boots_before_its_last_record_loses_only_the_time_it_was_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, behind_ms: int, is_killed: bool, held_s: int
) -> None:
    """Power fails, and without a battery the clock goes on from some earlier time, until it is set."""
    computer = Computer()
    before = OneMachine(computer, tmp_path)
    await before.run(1_234)
    if is_killed:
        await asyncio.to_thread(before.outbox.close)
    else:
        await before.stop()
    monkeypatch.setattr(held, "boot_id", lambda: "the next boot")
    computer.true_ms += 90_000
    computer.off_ms, computer.is_synchronised = -behind_ms, False
    running = OneMachine(computer, tmp_path, before.parts + 9)
    await running.run(held_s)
    computer.off_ms, computer.is_synchronised = 0, True
    await running.run(300)
    found = await running.stop()
    assert found[-1].start_ms + found[-1].length_ms == pytest.approx(computer.true_ms, abs=20)
    known = [window.length_ms - window.state_ms[-1] for window in found]
    assert sum(known) == pytest.approx(1_234_000 + held_s * 1_000 + 300_000, abs=25_000), (
        "each start waits for a reading"
    )
    holes = [after.start_ms - one.start_ms - one.length_ms for one, after in pairwise(found)]
    assert min(holes) == 0
    assert sum(holes) <= 95_000, "what was not written yet is lost with the power"
    assert sum(window.cycles or 0 for window in found) == running.parts - 1


@pytest.mark.parametrize("jump_ms", [HOUR_MS, -HOUR_MS])
@pytest.mark.parametrize("has_service", [True, False])
async def test_a_jump_of_an_hour_makes_no_time_and_doubles_none(
    tmp_path: Path, jump_ms: int, has_service: bool
) -> None:
    computer = Computer(is_synchronised=has_service, has_service=has_service)
    running = OneMachine(computer, tmp_path)
    await running.run(900)
    computer.off_ms, computer.is_synchronised = jump_ms, False
    await running.run(900)
    computer.off_ms, computer.is_synchronised = 0, has_service
    await running.run(905)
    found = await running.stop()
    assert_true(found, 2_705_000)
    assert sum(window.cycles or 0 for window in found) == 269


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(1, 400),
            st.sampled_from((0, 0, 900, -900, HOUR_MS, -HOUR_MS, 30_000, -9 * 24 * HOUR_MS)),
            st.booleans(),
        ),
        min_size=1,
        max_size=8,
    ),
    st.booleans(),
)
def test_whatever_the_clock_does_windows_add_up_to_the_time_that_passed(
    tmp_path_factory: pytest.TempPathFactory, spells: list[tuple[int, int, bool]], has_service: bool
) -> None:
    async def live() -> None:
        first = spells[0]
        computer = Computer(off_ms=first[1], is_synchronised=first[2], has_service=has_service)
        running = OneMachine(computer, tmp_path_factory.mktemp("clock"))
        for seconds, off_ms, is_synchronised in spells:
            computer.off_ms, computer.is_synchronised = off_ms, is_synchronised
            await running.run(seconds)
        found = await running.stop()
        passed_ms = sum(seconds for seconds, _, _ in spells) * 1_000
        for before, after in pairwise(found):
            assert before.start_ms + before.length_ms <= after.start_ms
        # Up to a minute that the clock was set back is waited for, at most one percent slower.
        assert 0.985 * passed_ms - 50 <= sum(window.length_ms for window in found) <= 1.015 * passed_ms + 50

    asyncio.run(live())


@given(st.integers(-3 * HOUR_MS, 3 * HOUR_MS), st.integers(1, MINUTE_MS), st.integers(0, 99))
def test_a_window_that_is_cut_at_the_hour_keeps_its_totals(
    shift_ms: int, length_ms: int, cycles: int
) -> None:
    third = length_ms // 3
    state_ms = (third, 0, third, 0, 0, length_ms - 2 * third)
    window = Window("a", NOON_MS, length_ms, state_ms, cycles, cycles, None, 1_000, "J")
    parts = windows(list(shifted([window], shift_ms, ["a"])))
    assert 1 <= len(parts) <= 2
    assert [sum(cells) for cells in zip(*(part.state_ms for part in parts), strict=True)] == list(state_ms)
    assert [sum(part.state_ms) for part in parts] == [part.length_ms for part in parts]
    assert (sum(part.cycles or 0 for part in parts), parts[-1].cycles_total) == (cycles, 1_000)
    assert all(is_within_an_hour(part) for part in parts)
    assert list(shifted([window], shift_ms, ["b"])) == [window]
