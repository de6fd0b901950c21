"""The host's rules: births before data, sequence numbers, deaths, rebirths."""

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from agent.contract import names
from agent.contract.sparkplug import DataType, Metric, Payload
from agent.contract.states import State
from aggregator.ingest.events import (
    Event,
    LiveChanged,
    MachineBorn,
    MachineDied,
    MetricsIgnored,
    NodeBorn,
    NodeDied,
    RebirthWanted,
    RecordsArrived,
    RecordsForgotten,
    Refused,
)
from aggregator.ingest.refusals import Refusals
from aggregator.ingest.session import (
    GRACE_MS,
    REBIRTH_PAUSE_LIMIT_MS,
    REBIRTH_PAUSE_MS,
    REORDER_MS,
    Session,
)
from aggregator.model.machine import Factory, Machine, MachineKey
from tests.aggregator.ingest.messages import (
    AT_MS,
    FEDERATION,
    Message,
    dbirth,
    ddata,
    ddeath,
    forgotten,
    metric,
    minutes,
    nbirth,
    ndata,
    ndeath,
    topic,
)

MILL = MachineKey("aoki", "mc-01")


class Host:
    """A session with a clock that tests move."""

    def __init__(self, reorder_ms: int = REORDER_MS) -> None:
        self.session = Session(FEDERATION, ("cutting", "pressing"), Refusals(), reorder_ms=reorder_ms)
        self.now_ms = AT_MS

    def hear(self, *messages: Message) -> list[Event]:
        return [event for item in messages for event in self.session.receive(*item, self.now_ms)]

    def wait(self, ms: int) -> list[Event]:
        self.now_ms += ms
        return self.session.tick(self.now_ms)


@pytest.fixture
def host() -> Host:
    return Host()


@pytest.fixture
def born(host: Host) -> Host:
    host.hear(nbirth(), dbirth(1, state="RUNNING", cycles_total=100))
    return host


def only(events: list[Event], kind: type[Event]) -> Event:
    assert [type(event) for event in events] == [kind], events
    return events[0]


def test_a_birth_says_who_the_factory_and_its_machine_are(host: Host) -> None:
    events = host.hear(
        nbirth(forgotten=41),
        dbirth(
            1, name="マシニングセンタ 1号機", state="SETUP", state_since=AT_MS - 5, utilization=0.5, job="J-1"
        ),
    )
    assert events[0] == NodeBorn(Factory("aoki", "青木精機"), "epoch-1", 41)
    assert isinstance(events[1], MachineBorn)
    assert events[1].machine == Machine(MILL, "マシニングセンタ 1号機", "cutting", "measured")
    live = events[1].live
    assert (live.state, live.since_ms, live.cycles_total) == (State.SETUP, AT_MS - 5, None)
    assert (live.utilization, live.job, live.heard_ms, live.connected) == (0.5, "J-1", AT_MS, True)


def test_names_default_to_ids(host: Host) -> None:
    node, machine = host.hear(nbirth(name=None), dbirth(1))
    assert isinstance(node, NodeBorn)
    assert isinstance(machine, MachineBorn)
    assert (node.factory.name, machine.machine.name) == ("aoki", "mc-01")


def test_data_is_known_by_its_alias(born: Host) -> None:
    changed = only(born.hear(ddata(2, state="DOWN", state_since=AT_MS + 9, cycles_total=101)), LiveChanged)
    assert isinstance(changed, LiveChanged)
    assert (changed.live.state, changed.live.since_ms, changed.live.cycles_total) == (
        State.DOWN,
        AT_MS + 9,
        101,
    )


def test_data_changes_only_what_it_names(born: Host) -> None:
    changed = only(born.hear(ddata(2, job="J-9")), LiveChanged)
    assert isinstance(changed, LiveChanged)
    assert (changed.live.state, changed.live.cycles_total, changed.live.job) == (State.RUNNING, 100, "J-9")


def test_a_state_without_its_beginning_began_at_the_metrics_time(born: Host) -> None:
    changed = only(born.hear(ddata(2, state="IDLE")), LiveChanged)
    assert isinstance(changed, LiveChanged)
    assert changed.live.since_ms == AT_MS


def test_a_null_state_is_unknown(born: Host) -> None:
    changed = only(born.hear(ddata(2, state=None, cycles_total=None)), LiveChanged)
    assert isinstance(changed, LiveChanged)
    assert (changed.live.state, changed.live.cycles_total) == (State.OFFLINE, None)


def test_records_arrive_with_the_epoch_of_the_birth(born: Host) -> None:
    arrived = born.hear(ndata(2, minutes(1, 3)))[0]
    assert isinstance(arrived, RecordsArrived)
    assert (arrived.factory, arrived.epoch, len(arrived.table.rows)) == ("aoki", "epoch-1", 3)


def test_records_arrive_with_their_own_epoch(born: Host) -> None:
    arrived = born.hear(ndata(2, minutes(1, 3), epoch="epoch-0"))[0]
    assert isinstance(arrived, RecordsArrived)
    assert arrived.epoch == "epoch-0"


def test_an_empty_table_is_no_event(born: Host) -> None:
    assert born.hear(ndata(2)) == []


def test_what_is_forgotten_is_told(born: Host) -> None:
    assert born.hear(forgotten(2, 77)) == [RecordsForgotten("aoki", "epoch-1", 77)]


def test_records_now_and_then_are_a_sign_of_life(born: Host) -> None:
    born.now_ms += 10_000
    _, alive = born.hear(ndata(2, minutes(1, 1)))
    assert isinstance(alive, LiveChanged)
    assert (alive.live.heard_ms, alive.live.state) == (born.now_ms, State.RUNNING)
    assert len(born.hear(ndata(3, minutes(2, 1)))) == 1


def test_historical_records_are_no_sign_of_life(born: Host) -> None:
    born.now_ms += 10_000
    only(born.hear(ndata(2, minutes(1, 1), historical=True)), RecordsArrived)


@pytest.mark.parametrize(
    "message",
    [dbirth(1), ddata(1, state="IDLE"), ddeath(1), ndata(1, minutes(1, 1))],
    ids=lambda m: m[0].type,
)
def test_data_before_the_nodes_birth_asks_for_it(host: Host, message: Message) -> None:
    wanted = only(host.hear(message), RebirthWanted)
    assert isinstance(wanted, RebirthWanted)
    assert wanted.factory == "aoki"
    assert message[0].type in wanted.reason


def test_data_before_the_machines_birth_asks_for_it(host: Host) -> None:
    host.hear(nbirth())
    wanted = only(host.hear(ddata(1, state="IDLE")), RebirthWanted)
    assert isinstance(wanted, RebirthWanted)
    assert "mc-01" in wanted.reason


def test_a_rebirth_is_asked_for_at_most_every_few_seconds(host: Host) -> None:
    only(host.hear(ddata(1, state="IDLE")), RebirthWanted)
    assert host.hear(ddata(2, state="IDLE"), ndata(3)) == []
    assert host.wait(REBIRTH_PAUSE_MS - 1) == []
    only(host.wait(1), RebirthWanted)


def test_a_node_that_never_answers_is_asked_ever_more_seldom(host: Host) -> None:
    host.hear(ddata(1, state="IDLE"))
    asked = [at for at in range(3_600) if host.wait(1_000)]
    pauses = [later - sooner for sooner, later in pairwise(asked)]
    assert pauses == sorted(pauses)
    assert pauses[-1] == REBIRTH_PAUSE_LIMIT_MS // 1_000


def test_nodes_are_asked_each_for_itself(host: Host) -> None:
    only(host.hear(ddata(1, state="IDLE")), RebirthWanted)
    only(host.hear(ddata(1, factory="fujimi", state="IDLE")), RebirthWanted)


def test_a_clock_that_is_set_back_does_not_silence_the_wish(host: Host) -> None:
    host.hear(ddata(1, state="IDLE"))
    host.now_ms -= 3_600_000
    only(host.hear(ddata(2, state="IDLE")), RebirthWanted)


def test_messages_out_of_order_are_put_in_order(born: Host) -> None:
    assert born.hear(ddata(3, cycles_total=102)) == []
    events = born.hear(ddata(2, cycles_total=101))
    assert [event.live.cycles_total for event in events if isinstance(event, LiveChanged)] == [101, 102]
    assert born.wait(REORDER_MS) == []


def test_a_message_that_is_long_passed_never_waits_for_its_next_turn(born: Host) -> None:
    for number in range(2, 12):
        born.hear(ddata(number, cycles_total=number))
    assert born.hear(ddata(5, cycles_total=999)) == []
    counts = [
        event.live.cycles_total
        for number in range(12, 600)
        for event in born.hear(ddata(number % 256, cycles_total=number))
        if isinstance(event, LiveChanged)
    ]
    assert counts == list(range(12, 600))
    assert born.wait(REORDER_MS) == []


def test_sequence_numbers_go_round(born: Host) -> None:
    for number in range(2, 600):
        only(born.hear(ddata(number % 256, cycles_total=number)), LiveChanged)


def test_the_same_message_again_is_dropped(born: Host) -> None:
    only(born.hear(ddata(2, cycles_total=101)), LiveChanged)
    assert born.hear(ddata(2, cycles_total=101)) == []
    only(born.hear(ddata(3, cycles_total=102)), LiveChanged)
    assert born.wait(REORDER_MS) == []


def test_a_gap_asks_for_a_rebirth_after_the_reorder_timeout(born: Host) -> None:
    assert born.hear(ddata(3, cycles_total=102)) == []
    assert born.wait(REORDER_MS - 1) == []
    wanted = only(born.wait(1), RebirthWanted)
    assert isinstance(wanted, RebirthWanted)
    assert "2 is missing" in wanted.reason


def test_the_reorder_timeout_can_be_set() -> None:
    host = Host(reorder_ms=500)
    host.hear(nbirth(), dbirth(1), ddata(3))
    assert host.wait(499) == []
    assert isinstance(only(host.wait(1), RebirthWanted), RebirthWanted)


def test_after_a_gap_nothing_counts_until_the_rebirth(born: Host) -> None:
    born.hear(ddata(3, cycles_total=102))
    born.wait(REORDER_MS)
    assert born.hear(ddata(2, cycles_total=101), ddata(4, cycles_total=103)) == []
    born.hear(nbirth(), dbirth(1, shift=10, state="IDLE", cycles_total=104))
    changed = only(born.hear(ddata(2, shift=10, cycles_total=105)), LiveChanged)
    assert isinstance(changed, LiveChanged)
    assert changed.live.cycles_total == 105


def test_an_alias_of_an_earlier_birth_names_nothing(born: Host) -> None:
    born.hear(nbirth(), dbirth(1, shift=10, cycles_total=1))
    events = born.hear(ddata(2, cycles_total=999))
    assert MetricsIgnored("aoki", 1) in events
    assert [event.live.cycles_total for event in events if isinstance(event, LiveChanged)] == [1]


def test_a_machine_is_not_known_between_its_nodes_birth_and_its_own(born: Host) -> None:
    only(born.hear(nbirth(), ddata(1, cycles_total=999))[1:], RebirthWanted)


def test_a_rebirth_does_not_take_machines_off_the_board(born: Host) -> None:
    events = born.hear(nbirth(), dbirth(1, state="RUNNING"))
    assert [type(event) for event in events] == [NodeBorn, MachineBorn]
    assert born.wait(GRACE_MS) == []


def test_a_machine_that_is_not_born_again_is_given_up(born: Host) -> None:
    born.hear(nbirth())
    assert born.wait(GRACE_MS - 1) == []
    assert born.wait(1) == [MachineDied(MILL, born.now_ms)]
    assert born.wait(GRACE_MS) == []


def test_a_node_that_does_not_answer_after_a_gap_is_given_up(born: Host) -> None:
    born.hear(ddata(3, cycles_total=102))
    born.wait(REORDER_MS)
    events = born.wait(GRACE_MS)
    assert NodeDied("aoki", (MILL,), born.now_ms) in events


def test_a_death_makes_everything_of_the_node_unknown(born: Host) -> None:
    assert born.hear(ndeath(7)) == [NodeDied("aoki", (MILL,), AT_MS)]
    only(born.hear(ddata(2, state="IDLE")), RebirthWanted)


def test_the_death_of_an_earlier_connection_is_ignored(born: Host) -> None:
    assert born.hear(ndeath(6)) == []
    only(born.hear(ddata(2, cycles_total=101)), LiveChanged)


def test_a_new_connections_birth_needs_no_death_before_it(born: Host) -> None:
    born.hear(nbirth(bd_seq=8), dbirth(1))
    assert born.hear(ndeath(7)) == []
    only(born.hear(ndeath(8)), NodeDied)


def test_a_machines_death_leaves_the_others(born: Host) -> None:
    born.hear(dbirth(2, "mc-02"))
    assert born.hear(ddeath(3)) == [MachineDied(MILL, AT_MS)]
    only(born.hear(ddata(4, "mc-02", cycles_total=1)), LiveChanged)
    only(born.hear(ddata(5, cycles_total=1)), RebirthWanted)


@pytest.mark.parametrize(("said_ms", "at_ms"), [(-3_000, -3_000), (0, 0), (60_000, 0), (None, 0)])
def test_a_machines_death_counts_from_the_time_that_it_tells(
    born: Host, said_ms: int | None, at_ms: int
) -> None:
    """But none of ours can be in the future: that is a clock that is wrong."""
    topic, payload = ddeath(2)
    said = None if said_ms is None else AT_MS + said_ms
    died = only(born.hear((topic, replace(payload, timestamp_ms=said))), MachineDied)
    assert died == MachineDied(MILL, AT_MS + at_ms)


def test_a_death_of_a_machine_nobody_knows_is_nothing(born: Host) -> None:
    assert born.hear(ddeath(2, "mc-99")) == []


def test_losing_the_broker_makes_everyone_unknown(born: Host) -> None:
    born.hear(nbirth(factory="fujimi"), dbirth(1, "pr-01", factory="fujimi"))
    dead = born.session.disconnect(AT_MS + 1)
    assert dead == [
        NodeDied("aoki", (MILL,), AT_MS + 1),
        NodeDied("fujimi", (MachineKey("fujimi", "pr-01"),), AT_MS + 1),
    ]
    only(born.hear(ddata(2, state="IDLE")), RebirthWanted)


def test_another_federation_is_refused_once_a_node_and_counted_always(host: Host) -> None:
    foreign = nbirth()[1]
    events = host.hear(*[(topic(kind, federation="nishimachi"), foreign) for kind in ("NBIRTH", "NDATA")])
    assert [type(event) for event in events] == [Refused, Refused]
    first, second = events
    assert isinstance(first, Refused)
    assert isinstance(second, Refused)
    assert "nishimachi" in first.reason
    assert "higashimachi" in first.reason
    assert "aoki" in first.reason
    assert (first.repeated, second.repeated) == (False, True)
    other = host.hear((topic("NBIRTH", "fujimi", federation="nishimachi"), foreign))[0]
    assert isinstance(other, Refused)
    assert not other.repeated


@pytest.mark.parametrize("id", ["x" * 300, "a\nb", "a\u202eb"], ids=["long", "newline", "backwards"])
def test_ids_that_no_page_or_log_could_show_are_refused(host: Host, id: str) -> None:
    events = host.hear((topic("NBIRTH", id), nbirth()[1]), (topic("DBIRTH", "aoki", id), nbirth()[1]))
    assert [type(event) for event in events] == [Refused, Refused]
    reasons = [event.reason for event in events if isinstance(event, Refused)]
    assert all("ids have at most 256 characters that can be seen" in reason for reason in reasons)
    assert all(reason.isprintable() and len(reason) < 200 for reason in reasons)


def test_foreign_ids_may_hold_what_ours_may_not(host: Host) -> None:
    event = only(host.hear((topic("NBIRTH", "西町\u3000プレス #1"), nbirth()[1])), NodeBorn)
    assert isinstance(event, NodeBorn)
    assert event.factory.id == "西町\u3000プレス #1"


def test_commands_of_hosts_are_not_ours_to_read(host: Host) -> None:
    payload = Payload(AT_MS, (metric(names.REBIRTH, True, DataType.BOOLEAN),))
    assert host.hear((topic("NCMD"), payload), (topic("DCMD", machine="mc-01"), payload)) == []


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"state": "BUSY"}, names.STATE),
        ({"state": 3}, names.STATE),
        ({"cycles_total": -1}, names.CYCLES_TOTAL),
        ({"cycles_total": "many"}, names.CYCLES_TOTAL),
        ({"cycles_total": 10.5}, names.CYCLES_TOTAL),
        ({"utilization": 1.5}, names.UTILIZATION),
        ({"utilization": float("nan")}, names.UTILIZATION),
        ({"utilization": "half"}, names.UTILIZATION),
        ({"state_since": 10**15}, names.STATE_SINCE),
        ({"job": 5}, names.JOB),
        ({"job": "J" * 257}, names.JOB),
        ({"job": "J\x00"}, names.JOB),
    ],
)
def test_a_value_of_the_wrong_kind_is_refused_by_itself(
    born: Host, wrong: dict[str, Any], field: str
) -> None:
    other: dict[str, Any] = {"job": "J-1"} if field == names.CYCLES_TOTAL else {"cycles_total": 101}
    changed, refused = born.hear(ddata(2, **wrong, **other))
    assert isinstance(changed, LiveChanged)
    assert changed.live.cycles_total == 101 or changed.live.job == "J-1"
    assert changed.live.state == State.RUNNING
    assert isinstance(refused, Refused)
    assert refused.what == "metric"
    assert f"{FEDERATION}/DDATA/aoki/mc-01" in refused.reason
    assert field in refused.reason


def test_an_unknown_process_is_refused_and_the_machine_is_there(host: Host) -> None:
    host.hear(nbirth())
    machine, refused = host.hear(dbirth(1, process="origami"))
    assert isinstance(machine, MachineBorn)
    assert machine.machine.process is None
    assert isinstance(refused, Refused)
    assert "origami" in refused.reason
    assert "cutting" in refused.reason


def test_records_that_are_no_table_are_refused(born: Host) -> None:
    wrong = Payload(AT_MS, (metric(None, "rows", None, 22),), 2)
    refused = only(born.hear((topic("NDATA"), wrong)), Refused)
    assert isinstance(refused, Refused)
    assert "DataSet" in refused.reason


def test_metrics_that_no_birth_named_are_ignored_and_counted(born: Host) -> None:
    strange = (metric(None, 1, None, 99), metric("Spindle Load", 0.3, DataType.DOUBLE))
    known = metric(names.CYCLES_TOTAL, 101, DataType.INT64)
    changed, ignored = born.hear(
        (topic("DDATA", machine="mc-01"), Payload(AT_MS, (*strange, known), 2)),
    )
    assert ignored == MetricsIgnored("aoki", 2)
    assert isinstance(changed, LiveChanged)
    assert changed.live.cycles_total == 101


def test_a_name_that_contradicts_its_alias_is_ignored(born: Host) -> None:
    wrong = metric(names.JOB, "J-1", DataType.STRING, 3)
    events = born.hear((topic("DDATA", machine="mc-01"), Payload(AT_MS, (wrong,), 2)))
    assert MetricsIgnored("aoki", 1) in events


def test_an_alias_that_two_metrics_claim_names_neither(host: Host) -> None:
    host.hear(nbirth())
    birth = Payload(
        AT_MS, (metric(names.CYCLES_TOTAL, 1, DataType.INT64, 5), metric("Other", 1, DataType.INT64, 5)), 1
    )
    host.hear((topic("DBIRTH", machine="mc-01"), birth))
    said = Payload(AT_MS, (metric(None, 999, None, 5),), 2)
    assert MetricsIgnored("aoki", 1) in host.hear((topic("DDATA", machine="mc-01"), said))


def test_a_birth_says_what_the_machines_owner_shares(host: Host) -> None:
    host.hear(nbirth())
    (born,) = host.hear(dbirth(1, share="utilization", counts="shared-jobs-only"))
    assert isinstance(born, MachineBorn)
    assert (born.machine.share, born.machine.counts) == ("utilization", "shared-jobs-only")
    (older,) = host.hear(dbirth(2, "mc-02"))
    assert isinstance(older, MachineBorn)
    assert (older.machine.share, older.machine.counts) == ("full", "always")


# Foreign edge nodes


def test_metrics_without_names_in_a_birth_do_no_harm(host: Host) -> None:
    nameless = Metric(None, 1, DataType.INT64, 3)
    node = only(host.hear(nbirth(more=[nameless])), NodeBorn)
    assert isinstance(node, NodeBorn)
