"""Whatever happens to outbox, line and centre, the store's totals are what was measured, to the ms."""

import shutil
from collections import defaultdict
from pathlib import Path
from tempfile import mkdtemp

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from agent.contract.records import HOUR_MS, MINUTE_MS, Record, StateChange, Window, to_dataset
from agent.contract.states import State
from agent.delivery import LONGEST_TIMEOUT_S, Delivery, Policy
from agent.outbox import Outbox, open_outbox
from aggregator.ingest.commit import Batch, Committer
from aggregator.ingest.events import RecordsArrived
from aggregator.model.machine import MachineKey
from aggregator.store.embedded import Embedded
from aggregator.store.records import Records
from tests.agent.records import NOON_MS
from tests.aggregator.new_database import new_database

POLICY = Policy(timeout_s=10, in_flight_records=60, records_per_message=20)
MACHINES = ("mc-01", "pr-01")
NOW_MS = NOON_MS
END_MS = NOON_MS + 10**10
Totals = dict[tuple[str, str], list[int]]
"""(machine, job) -> ms in each state, cycles, good, scrap."""


def added(totals: Totals, machine: str, job: str, numbers: list[int | None]) -> None:
    mine = totals.setdefault((machine, job), [0] * len(numbers))
    for place, number in enumerate(numbers):
        mine[place] += number or 0


class Outage(RuleBasedStateMachine):
    """A real outbox, a real store, and a line between them that delays, loses and repeats."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(mkdtemp())
        self.engine = new_database(self.folder / "centre.db")
        self.committer = Committer(Embedded(self.engine), Records(self.engine))
        self.outbox: Outbox = open_outbox(self.folder)
        self.truth: Totals = {}
        self.at_ms = dict.fromkeys(MACHINES, NOON_MS // HOUR_MS * HOUR_MS + 17_000)
        self.jobs = dict.fromkeys(MACHINES, "")
        self.cycles_total: dict[str, int] = defaultdict(int)
        self.now_s = 0.0
        self.on_its_way: list[tuple[str, list[tuple[int, Record]]]] = []
        self.announcements: list[tuple[str, int]] = []
        self.begin()

    def begin(self) -> None:
        outbox = self.outbox
        self.delivery = Delivery(POLICY, outbox.epoch, outbox.forgotten_through, outbox.last_sequence)
        self.delivery.restart(self.now_s)

    def heed_epoch(self) -> None:
        if self.outbox.epoch != self.delivery.epoch:
            self.begin()

    def window(
        self, machine: str, length_ms: int, spent: list[int], counts: tuple[int, int | None]
    ) -> Window:
        """Return the machine's next window, and add it to what is true."""
        start_ms, job = self.at_ms[machine], self.jobs[machine]
        rest = length_ms
        state_ms = [0] * 6
        for place, share in enumerate(spent):
            state_ms[place] = rest * share // 10
            rest -= state_ms[place]
        state_ms[5] += rest
        cycles, scrap = counts
        good = None if scrap is None else max(0, cycles - scrap)
        self.at_ms[machine] += length_ms
        self.cycles_total[machine] += cycles
        added(self.truth, machine, job, [*state_ms, cycles, good, scrap])
        running, setup, idle, down, stop, offline = state_ms
        spent_ms = (running, setup, idle, down, stop, offline)
        total = self.cycles_total[machine]
        return Window(machine, start_ms, length_ms, spent_ms, cycles, good, scrap, total, job)

    @rule(
        count=st.integers(1, 90),
        spent=st.lists(st.integers(0, 10), min_size=5, max_size=5),
        counts=st.tuples(st.integers(0, 9), st.none() | st.integers(0, 3)),
    )
    def minutes_pass(self, count: int, spent: list[int], counts: tuple[int, int | None]) -> None:
        records: list[Record] = []
        for minute in range(count):
            for machine in MACHINES:
                left_ms = MINUTE_MS - self.at_ms[machine] % MINUTE_MS
                records.append(self.window(machine, left_ms, spent, counts))
                if minute % 7 == 0:
                    records.append(StateChange(machine, self.at_ms[machine] - 5, State.IDLE))
        self.outbox.append(records, {})
        self.delivery.appended(self.outbox.last_sequence)

    @rule(
        machine=st.sampled_from(MACHINES),
        job=st.sampled_from(("", "J-1", "J-2")),
        after_ms=st.integers(1, 9_999),
    )
    def job_changes(self, machine: str, job: str, after_ms: int) -> None:
        if job != self.jobs[machine]:
            left_ms = MINUTE_MS - self.at_ms[machine] % MINUTE_MS
            self.outbox.append([self.window(machine, min(after_ms, left_ms), [5, 5, 5, 5, 5], (1, 0))], {})
            self.delivery.appended(self.outbox.last_sequence)
            self.jobs[machine] = job

    @rule()
    def send(self) -> None:
        send = self.delivery.next_send(self.now_s)
        if send is not None:
            rows = self.outbox.pending(send.after, send.limit, self.delivery.epoch)
            self.delivery.sent(rows[-1][0], self.now_s)
            self.on_its_way.append((self.outbox.epoch, rows))

    @precondition(lambda self: self.on_its_way)
    @rule(which=st.integers(0, 99), what=st.sampled_from(("lost", "arrives", "arrives", "comes twice")))
    def arrive(self, which: int, what: str) -> None:
        place = which % len(self.on_its_way)
        epoch, rows = self.on_its_way[place] if what == "comes twice" else self.on_its_way.pop(place)
        if what != "lost":
            table = RecordsArrived("aoki", epoch, to_dataset(rows))
            committed = self.committer.commit(Batch(tables=[table]), NOW_MS)
            self.announcements += [(epoch, through) for (_, epoch), through in committed.through.items()]

    @precondition(lambda self: self.announcements)
    @rule(which=st.integers(0, 99), is_lost=st.booleans())
    def hear(self, which: int, is_lost: bool) -> None:
        epoch, through = self.announcements.pop(which % len(self.announcements))
        if not is_lost:
            self.delivery.announced(epoch, through, self.now_s)
            self.outbox.forget(self.delivery.acknowledged_through, self.delivery.epoch)

    @rule(part=st.integers(1, 4))
    def the_outbox_is_at_its_bound(self, part: int) -> None:
        outbox = self.outbox
        before = outbox.pending_count
        is_less = outbox.merge(outbox.forgotten_through + outbox.pending_count * part // 4)
        assert (outbox.pending_count < before) is is_less
        self.heed_epoch()

    @rule(passed_s=st.floats(0, 30))
    def wait(self, passed_s: float) -> None:
        self.now_s += passed_s

    @rule()
    def reconnect(self) -> None:
        self.delivery.restart(self.now_s)

    @rule()
    def kill(self) -> None:
        self.outbox._connection.close()
        self.outbox = open_outbox(self.folder)
        self.begin()

    @rule()
    def the_centre_is_killed(self) -> None:
        self.committer = Committer(Embedded(self.engine), Records(self.engine))

    def teardown(self) -> None:
        """With a line that loses nothing any more, and is late with the rest, all is stored once."""
        late, self.on_its_way = self.on_its_way, []
        while self.outbox.pending_count:
            self.now_s += LONGEST_TIMEOUT_S
            self.send()
            self.arrive(0, "arrives")
            while self.announcements:
                self.hear(0, is_lost=False)
        self.on_its_way = late
        while self.on_its_way:
            self.arrive(0, "arrives")
        self.assert_store_is_true()
        self.outbox.close()
        self.engine.dispose()
        shutil.rmtree(self.folder)

    def assert_store_is_true(self) -> None:
        store = Embedded(self.engine)
        found: Totals = {}
        for machine in MACHINES:
            key = MachineKey("aoki", machine)
            windows = store.windows(key, 0, END_MS)
            for window in windows:
                added(
                    found, machine, window.job, [*window.state_ms, window.cycles, window.good, window.scrap]
                )
            if windows:
                assert windows[-1].cycles_total == self.cycles_total[machine]
                hours = store.totals([key], 0, END_MS)[key]
                assert sum(hours.state_ms) == self.at_ms[machine] - windows[0].start_ms
        assert found == self.truth


TestOutage = Outage.TestCase
TestOutage.settings = settings(max_examples=25, stateful_step_count=30, deadline=None)
