"""Go-back-N by itself, and against a model in which messages and announcements are lost."""

import itertools
import shutil
from pathlib import Path
from tempfile import mkdtemp

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from agent.contract.records import MINUTE_MS, StateChange, Window
from agent.contract.states import State
from agent.delivery import LONGEST_TIMEOUT_S, Delivery, Policy, Send, is_late
from agent.outbox import Outbox, open_outbox
from agent.outbox_file import FILE
from tests.agent.records import NOON_MS, window

POLICY = Policy(timeout_s=10, in_flight_records=25, records_per_message=10, records_per_s=1e6)


def begun(forgotten: int = 0, appended: int = 0) -> Delivery:
    delivery = Delivery(POLICY, "epoch", forgotten, appended)
    delivery.restart(0)
    return delivery


def send_all(delivery: Delivery, now_s: float) -> list[Send]:
    sent = []
    while send := delivery.next_send(now_s):
        delivery.sent(send.after + send.limit, now_s)
        sent.append(send)
    return sent


def test_there_is_nothing_to_send_without_records() -> None:
    assert begun().next_send(0) is None
    assert begun(7, 7).next_send(0) is None


def test_new_records_go_once_and_not_as_history() -> None:
    delivery = begun()
    delivery.appended(3)
    assert send_all(delivery, 0) == [Send(0, 3, again=False)]
    delivery.appended(5)
    assert send_all(delivery, 1) == [Send(3, 2, again=False)]
    assert send_all(delivery, 9) == []


def test_what_was_pending_at_a_connect_goes_as_history() -> None:
    delivery = begun(4, 9)
    delivery.appended(12)
    assert send_all(delivery, 0) == [Send(4, 8, again=True)]
    delivery.appended(13)
    assert send_all(delivery, 0) == [Send(12, 1, again=False)]


def test_no_more_is_on_its_way_than_allowed() -> None:
    delivery = begun(0, 100)
    assert [send.limit for send in send_all(delivery, 0)] == [10, 10, 5]
    assert delivery.announced("epoch", 4, 1) is None
    assert send_all(delivery, 1) == [Send(25, 4, again=True)]


def test_what_is_not_announced_in_time_goes_again_from_the_first_record_that_is_not() -> None:
    delivery = begun()
    delivery.appended(20)
    send_all(delivery, 0)
    delivery.announced("epoch", 5, 4)
    assert delivery.due_s == 14
    assert delivery.next_send(13.9) is None
    assert delivery.next_send(14) == Send(5, 10, again=True)


def test_an_aggregator_that_is_away_is_asked_with_one_message_and_ever_less_often() -> None:
    delivery = begun(0, 100)
    assert len(send_all(delivery, 0)) == 3
    asked_s = []
    for _ in range(8):
        assert delivery.due_s is not None
        asked_s.append(delivery.due_s)
        assert send_all(delivery, delivery.due_s) == [Send(0, 10, again=True)]
    pauses_s = [after - before for before, after in itertools.pairwise(asked_s)]
    assert pauses_s[:4] == [20, 40, 80, 160]
    assert pauses_s[-1] == LONGEST_TIMEOUT_S
    delivery.announced("epoch", 10, asked_s[-1] + 1)
    assert [send.limit for send in send_all(delivery, asked_s[-1] + 1)] == [10, 10, 5]


def test_an_aggregator_that_announces_no_progress_is_asked_at_a_steady_pace() -> None:
    delivery = begun(5, 100)
    send_all(delivery, 0)
    now_s = 0.0
    for _ in range(5):
        assert delivery.due_s is not None
        pause_s, now_s = delivery.due_s - now_s, delivery.due_s
        assert send_all(delivery, now_s) == [Send(5, 10, again=True)]
        delivery.announced("epoch", 5, now_s)
    assert pause_s == 20


def test_no_more_is_sent_in_a_second_than_allowed() -> None:
    policy = Policy(timeout_s=100, records_per_message=10, records_per_s=20)
    delivery = Delivery(policy, "epoch", 0, 10_000)
    delivery.restart(0)
    sent = 0
    now_s = 0.0
    while now_s < 10:
        while send := delivery.next_send(now_s):
            sent += send.limit
            delivery.sent(send.after + send.limit, now_s)
            delivery.announced("epoch", sent, now_s)
        wake_s = delivery.wake_s(now_s)
        assert wake_s is not None
        assert 0 < wake_s - now_s <= 0.5
        now_s = wake_s
    assert 200 <= sent <= 20 + 20 * 10


def test_an_announcement_for_another_epoch_is_ignored_and_named() -> None:
    delivery = begun(0, 10)
    send_all(delivery, 0)
    assert delivery.announced("other", 10, 1) == (
        "it is for the epoch 'other', ours is 'epoch': does another agent run as this factory?"
    )
    assert delivery.acknowledged_through == 0


def test_an_announcement_beyond_what_was_sent_is_ignored_and_tells_that_this_outbox_is_an_old_copy() -> None:
    delivery = begun()
    delivery.appended(30)
    send_all(delivery, 0)
    assert delivery.announced("other", 31, 1) is not None
    assert delivery.announced("epoch", 25, 1) is None
    assert not delivery.is_overtaken
    assert delivery.announced("epoch", 26, 1) == "it goes through 26, but no more than 25 was sent"
    assert delivery.acknowledged_through == 25
    assert delivery.is_overtaken


def unheard() -> Delivery:
    """Return the delivery of an outbox that held 12 records when the centre was last heard, and 40 now."""
    delivery = Delivery(POLICY, "epoch", 4, 40, confirmed_through=12)
    delivery.restart(0)
    return delivery


def test_what_is_newer_than_the_centres_last_word_waits_for_its_first_one() -> None:
    delivery = unheard()
    assert send_all(delivery, 0) == [Send(4, 8, again=True)]
    assert delivery.announced("epoch", 4, 1) is None
    assert delivery.is_heard
    assert send_all(delivery, 1) == []
    delivery.confirmed()
    assert send_all(delivery, 1)[0] == Send(12, 10, again=True)


def test_it_waits_too_before_the_births_that_tell_of_it() -> None:
    delivery = Delivery(POLICY, "epoch", 4, 40, confirmed_through=12)
    assert send_all(delivery, 0) == [Send(4, 8, again=True)]


def test_who_waits_a_time_out_for_the_centres_first_word_needs_a_new_epoch_for_what_is_new() -> None:
    delivery = unheard()
    delivery.restart(3)
    send_all(delivery, 3)
    assert (delivery.wake_s(3), delivery.is_impatient(12.9)) == (13, False)
    assert send_all(delivery, 13) == [Send(4, 8, again=True)], "what the centre may know is asked for again"
    assert delivery.is_impatient(13)
    assert delivery.wake_s(13) == 33, "the time-out of what is on its way, twice as long by now"
    delivery.announced("epoch", 4, 14)
    assert not delivery.is_impatient(14)


def test_without_new_records_nothing_is_impatient() -> None:
    idle = Delivery(POLICY, "epoch", 4, 12, confirmed_through=12)
    idle.restart(0)
    assert not idle.is_impatient(10)
    idle.appended(13)
    assert idle.is_impatient(10)


def test_a_centre_that_knows_more_than_was_here_when_it_was_last_heard_has_it_from_another_copy() -> None:
    for through, is_overtaken in ((12, False), (13, True), (40, True)):
        delivery = unheard()
        delivery.announced("epoch", through, 1)
        assert (delivery.is_overtaken, delivery.is_heard) == (is_overtaken, not is_overtaken)


def test_of_what_an_earlier_process_may_have_sent_only_what_was_sent_again_counts() -> None:
    delivery = begun(0, 100)
    assert delivery.announced("epoch", 80, 0) is None
    assert delivery.acknowledged_through == 0
    send_all(delivery, 0)
    assert delivery.announced("epoch", 80, 1) is None
    assert delivery.acknowledged_through == 25
    while delivery.acknowledged_through < 80:
        send_all(delivery, 2)
        delivery.announced("epoch", 80, 2)
    assert delivery.announced("epoch", 101, 3) == "it goes through 101, but no more than 100 was sent"


def test_an_announcement_of_an_earlier_connection_counts_and_spares_sending_again() -> None:
    delivery = begun()
    delivery.appended(20)
    send_all(delivery, 0)
    delivery.restart(1)
    assert delivery.announced("epoch", 20, 1) is None
    assert (delivery.acknowledged_through, delivery.next_send(1)) == (20, None)


def test_an_old_announcement_takes_nothing_back() -> None:
    delivery = begun(0, 20)
    send_all(delivery, 0)
    delivery.announced("epoch", 15, 1)
    delivery.announced("epoch", 3, 2)
    assert delivery.acknowledged_through == 15


def test_records_are_late_by_when_they_ended() -> None:
    ended_ms = NOON_MS + MINUTE_MS
    assert not is_late(window(0), ended_ms + 180_000, 180)
    assert is_late(window(0), ended_ms + 180_001, 180)
    assert is_late(StateChange("mc-01", NOON_MS, State.IDLE), NOON_MS + 180_001, 180)


@pytest.mark.parametrize(
    "wrong", [{"timeout_s": 0}, {"in_flight_records": 0}, {"records_per_message": 1_001}]
)
def test_a_policy_that_cannot_work_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(wrong))}: expected .* to .*, got"):
        Policy(**wrong)


class Delivering(RuleBasedStateMachine):
    """An outbox, a delivery and a centre that stores contiguously; the network loses what it likes.

    A copy of the outbox may be restored at any time: its sequences are used again, for other records.
    """

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(mkdtemp())
        self.outbox: Outbox = open_outbox(self.folder)
        self.now_s = 0.0
        self.number = 0  # of the newest record: each has one of its own
        self.kept: list[int] = []  # what this outbox was given
        self.copy: tuple[bytes, list[int]] | None = None
        self.stored: dict[
            str, list[int | None]
        ] = {}  # epoch -> what the centre keeps, in the order of its coming
        self.on_its_way: list[tuple[str, list[tuple[int, int | None]]]] = []
        self.announcements: list[tuple[str, int]] = []
        self.begin()

    def begin(self) -> None:
        outbox = self.outbox
        self.delivery = Delivery(
            *(POLICY, outbox.epoch, outbox.forgotten_through, outbox.last_sequence),
            confirmed_through=None if outbox.is_confirmed else outbox.confirmed_through,
        )
        self.delivery.restart(self.now_s)

    def true_word(self) -> tuple[str, int]:
        return self.outbox.epoch, len(self.stored.get(self.outbox.epoch, []))

    def listen(self, epoch: str, through: int) -> None:
        self.delivery.announced(epoch, through, self.now_s)
        if self.delivery.is_overtaken:
            self.outbox.renew()
            self.begin()
        elif self.delivery.is_heard:
            self.outbox.confirm(self.delivery.epoch)
            self.delivery.confirmed()
            self.outbox.forget(self.delivery.acknowledged_through)

    def renew_if_impatient(self) -> None:
        if self.delivery.is_impatient(self.now_s):
            self.outbox.renew()
            self.begin()

    @initialize()
    def connect(self) -> None:
        self.reconnect()

    @rule(count=st.integers(1, 30))
    def append(self, count: int) -> None:
        numbers = list(range(self.number + 1, self.number + count + 1))
        self.outbox.append([window(number) for number in numbers], {})
        self.kept += numbers
        self.number += count
        self.delivery.appended(self.outbox.last_sequence)

    @rule()
    def send(self) -> None:
        send = self.delivery.next_send(self.now_s)
        if send is not None:
            rows = self.outbox.pending(send.after, send.limit)
            self.delivery.sent(rows[-1][0], self.now_s)
            numbers = [(sequence, record.cycles) for sequence, record in rows if isinstance(record, Window)]
            self.on_its_way.append((self.delivery.epoch, numbers))

    @precondition(lambda self: self.on_its_way)
    @rule(which=st.integers(0, 99), is_lost=st.booleans())
    def arrive(self, which: int, is_lost: bool) -> None:
        epoch, rows = self.on_its_way.pop(which % len(self.on_its_way))
        stored = self.stored.setdefault(epoch, [])
        if not is_lost:
            stored += [number for sequence, number in rows if sequence == len(stored) + 1]

    @rule(count=st.integers(1, 30))
    def work(self, count: int) -> None:
        """Append, and lose nothing of it."""
        self.append(count)
        for _ in range(4):
            self.send()
        while self.on_its_way:
            self.arrive(0, is_lost=False)
        self.listen(*self.true_word())

    @rule()
    def announce(self) -> None:
        self.announcements.append(self.true_word())

    @rule()
    def announce_nonsense(self) -> None:
        self.announcements.append(("another epoch", 1))

    @precondition(lambda self: self.announcements)
    @rule(which=st.integers(0, 99), is_lost=st.booleans())
    def hear(self, which: int, is_lost: bool) -> None:
        announcement = self.announcements.pop(which % len(self.announcements))
        if not is_lost:
            self.listen(*announcement)

    @rule(passed_s=st.floats(0, 30))
    def wait(self, passed_s: float) -> None:
        self.now_s += passed_s
        self.renew_if_impatient()

    @rule()
    def reconnect(self) -> None:
        """A new session: what was said in the old one is not heard any more."""
        self.outbox.next_bd_seq()
        self.on_its_way.clear()
        self.announcements.clear()
        self.delivery.restart(self.now_s)

    @rule()
    def restart(self) -> None:
        self.outbox.close()
        self.outbox = open_outbox(self.folder)
        self.begin()
        self.reconnect()

    @rule(count=st.integers(0, 30))
    def take_copy(self, count: int) -> None:
        """Copy the file, and go on with some more that it does not know."""
        self.outbox.close()
        self.copy = (self.folder / FILE).read_bytes(), list(self.kept)
        self.restart()
        if count:
            self.work(count)

    @precondition(lambda self: self.copy)
    @rule(count=st.integers(1, 30))
    def restore_copy(self, count: int) -> None:
        assert self.copy is not None
        self.outbox.close()
        content, kept = self.copy
        (self.folder / FILE).write_bytes(content)
        self.kept = list(kept)
        self.restart()
        self.append(count)
        for _ in range(4):
            self.send()

    @invariant()
    def nothing_is_forgotten_that_is_not_stored(self) -> None:
        stored = {number for numbers in self.stored.values() for number in numbers}
        assert stored.issuperset(self.kept[: len(self.kept) - self.outbox.pending_count])
        assert self.delivery.sent_through - self.delivery.acknowledged_through <= POLICY.in_flight_records

    def teardown(self) -> None:
        """With a network that loses nothing any more, everything is stored, once in an epoch."""
        self.reconnect()
        self.listen(*self.true_word())
        for _ in range(10 + len(self.kept)):
            self.now_s += LONGEST_TIMEOUT_S
            self.send()
            while self.on_its_way:
                self.arrive(0, is_lost=False)
            self.listen(*self.true_word())
        self.nothing_is_forgotten_that_is_not_stored()
        assert self.outbox.pending_count == 0
        assert all(len(numbers) == len(set(numbers)) for numbers in self.stored.values())
        self.outbox.close()
        shutil.rmtree(self.folder)


TestDelivering = Delivering.TestCase
TestDelivering.settings = settings(max_examples=60, stateful_step_count=40)
