"""All foreign machines: what the board shows and what is kept, over births, deaths and stalls."""

import pytest

from agent.contract.states import State
from aggregator.foreign.listening import STALL_MS, Listening
from aggregator.live import Board
from aggregator.model.machine import Factory, Machine, MachineKey
from aggregator.model.memory import Memory
from tests.aggregator.foreign.lathe import KEY, lathe

NOON_MS = 1_795_000_020_000 // 60_000 * 60_000
RUNS = (("Spindle/RPM", 1_500), ("Alarm", False), ("Counters/Good", 100))


class Hall:
    """A lathe and a clock that tests move."""

    def __init__(self) -> None:
        self.now_ms = NOON_MS
        self.board = Board()
        self.kept: list[Memory] = []
        self.declared: list[tuple[Factory, Machine]] = []
        self.listening = self.begin()

    def begin(self, **more: float) -> Listening:
        """Return what listens to the lathe, as after a start of the process."""
        return Listening(
            [lathe(**more)], self.board, self.kept.append, lambda *each: self.declared.append(each), self.now
        )

    def now(self) -> int:
        return self.now_ms

    def wait(self, ms: int, *, asleep: bool = False) -> None:
        end_ms = self.now_ms + ms
        while not asleep and self.now_ms + 1_000 < end_ms:
            self.now_ms += 1_000
            self.listening.advance()
        self.now_ms = end_ms
        self.listening.advance()

    def offline_ms(self) -> int:
        return sum(window.state_ms[5] for memory in self.kept for window in memory.windows)


@pytest.fixture
def hall() -> Hall:
    hall = Hall()
    hall.listening.resume({})
    return hall


def test_a_declared_machine_is_there_before_it_speaks(hall: Hall) -> None:
    assert hall.declared == [(Factory("nishi", "西製作所"), Machine(KEY, "旋盤", "cutting", "best-effort"))]
    live = hall.board.get(KEY)
    assert (live.state, live.connected, live.heard_ms) == (State.OFFLINE, False, None)


def test_it_appears_counts_goes_and_comes_back(hall: Hall) -> None:
    hall.listening.hear(KEY, RUNS, whole=True)
    assert (hall.board.get(KEY).state, hall.board.get(KEY).connected) == (State.RUNNING, True)
    hall.wait(20_000)
    hall.listening.hear(KEY, [("Counters/Good", 104)], whole=False)
    live = hall.board.get(KEY)
    assert (live.cycles_total, live.heard_ms, live.since_ms) == (104, NOON_MS + 20_000, NOON_MS)
    hall.listening.lose([KEY])
    live = hall.board.get(KEY)
    assert (live.state, live.connected, live.cycles_total) == (State.OFFLINE, False, 104)
    hall.wait(10_000)
    hall.listening.hear(KEY, RUNS, whole=True)
    assert hall.board.get(KEY).connected


def test_a_state_that_changes_with_time_alone_reaches_the_board(hall: Hall) -> None:
    hall.listening = hall.begin(silence_s=10)
    hall.listening.resume({})
    hall.listening.hear(KEY, RUNS, whole=True)
    hall.wait(11_000)
    live = hall.board.get(KEY)
    assert (live.state, live.since_ms) == (State.OFFLINE, NOON_MS + 10_000)


def test_when_the_process_stood_still_nobody_knows_what_the_machine_did(hall: Hall) -> None:
    hall.listening.hear(KEY, RUNS, whole=True)
    hall.wait(STALL_MS + 60_000, asleep=True)
    hall.wait(60_000)
    assert hall.offline_ms() == STALL_MS + 60_000


def test_a_factory_that_got_an_agent_of_ours_is_its_own(hall: Hall, caplog: pytest.LogCaptureFixture) -> None:
    hall.listening.dismiss("nishi")
    assert "factory nishi has an agent of its own now" in caplog.text
    remembered = hall.kept[-1]
    hall.kept.clear()
    hall.wait(120_000)
    assert hall.kept == []
    assert not hall.listening.set_job(KEY, "J-1")

    hall.declared.clear()
    hall.listening = hall.begin()  # a restart says nothing of the time that the agent measured
    hall.listening.resume({KEY: remembered.tracker})
    hall.wait(120_000)
    assert (hall.kept, hall.declared) == ([], [])

    hall.listening.hear(KEY, RUNS, whole=True)  # and the old gateway is there again
    hall.wait(60_000)
    assert hall.board.get(KEY).state is State.RUNNING
    assert min(window.start_ms for memory in hall.kept for window in memory.windows) == NOON_MS + 240_000
    assert [machine.trust for _, machine in hall.declared] == ["best-effort"]


def test_a_job_is_set_here_and_seen_at_once(hall: Hall) -> None:
    assert hall.listening.set_job(KEY, "J-1")
    assert hall.board.get(KEY).job == "J-1"
    assert not hall.listening.set_job(MachineKey("aoki", "mc-01"), "J-1")


def test_a_damaged_memory_is_told_and_measuring_begins_anew(
    hall: Hall, caplog: pytest.LogCaptureFixture
) -> None:
    hall.listening.resume({KEY: "[]"})
    assert "nishi/lathe: begins anew" in caplog.text
    hall.listening.hear(KEY, RUNS, whole=True)
    assert hall.board.get(KEY).state is State.RUNNING


def test_a_node_keeps_the_name_that_it_tells(hall: Hall) -> None:
    assert hall.listening.named(Factory("nishi", "NISHI Works")).name == "NISHI Works"
    assert hall.listening.named(Factory("nishi", "nishi")).name == "西製作所"
    assert hall.listening.named(Factory("aoki", "aoki")).name == "aoki"
