"""Messages of foreign nodes whose metrics the configuration explains: which values count, in spite of all."""

from dataclasses import replace

import pytest

from agent.contract import names
from agent.contract.sparkplug import DataType, Metric, Payload, Scalar
from aggregator.ingest.aliases import Value
from aggregator.ingest.events import Event, MachineDied, NodeDied, RebirthWanted, SignalsHeard
from aggregator.ingest.node import Explained
from aggregator.ingest.refusals import Refusals
from aggregator.ingest.session import GRACE_MS, REORDER_MS, Session
from aggregator.model.machine import MachineKey
from tests.aggregator.ingest.messages import AT_MS, FEDERATION, Message, metric, nbirth, ndeath, topic

LATHE, LINE = MachineKey("nishi", "lathe"), MachineKey("nishi", "line")
EXPLAINED = {
    "nishi": {
        "lathe": Explained(frozenset({"RPM", "Good"})),
        "line": Explained(frozenset({"Line/Speed"}), of_node=True),
    }
}
UINT = DataType.UINT32


class Host:
    """A session with a clock that tests move; `values` are those of the lathe and the line."""

    def __init__(self) -> None:
        self.session = Session(FEDERATION, ("cutting",), Refusals(), EXPLAINED)
        self.now_ms = AT_MS
        self.events: list[Event] = []

    def hear(self, *messages: Message) -> list[SignalsHeard]:
        self.events = [event for item in messages for event in self.session.receive(*item, self.now_ms)]
        return [event for event in self.events if isinstance(event, SignalsHeard)]

    def wait(self, ms: int) -> list[Event]:
        self.now_ms += ms
        return self.session.tick(self.now_ms)

    @property
    def asks(self) -> bool:
        return any(isinstance(event, RebirthWanted) for event in self.events)


@pytest.fixture
def host() -> Host:
    return Host()


def birth(bd_seq: int | None = 0, *more: Metric) -> Message:
    return nbirth(0, factory="nishi", bd_seq=bd_seq, name=None, epoch=None, more=more)


def says(kind: str, seq: int | None, *metrics: Metric, machine: str | None = "lathe") -> Message:
    return topic(kind, "nishi", machine), Payload(AT_MS, metrics, seq)


def rpm(value: Scalar | None, name: str | None = "RPM", datatype: DataType | None = UINT) -> Metric:
    return metric(name, value, datatype, 5)


def values(heard: list[SignalsHeard]) -> list[tuple[str, Value]]:
    return [value for event in heard for value in event.values]


def test_a_birth_is_whole_and_data_are_not(host: Host) -> None:
    (line, born) = host.hear(birth(), says("DBIRTH", 1, rpm(0), metric("Coolant", 3, UINT, 6)))
    assert line == SignalsHeard(LINE, (), whole=True)
    assert born == SignalsHeard(LATHE, (("RPM", 0),), whole=True)
    (data,) = host.hear(says("DDATA", 2, Metric(None, 900, None, 5, AT_MS)))
    assert data == SignalsHeard(LATHE, (("RPM", 900),), whole=False)


def test_a_metric_that_no_birth_named_counts_if_the_configuration_does(host: Host) -> None:
    host.hear(birth(), says("DBIRTH", 1, rpm(0)))
    heard = host.hear(says("DDATA", 2, metric("Good", 7, UINT), metric("Rogue", 8, UINT)))
    assert values(heard) == [("Good", 7)]


def test_values_of_one_message_keep_their_order(host: Host) -> None:
    host.hear(birth(), says("DBIRTH", 1, rpm(0)))
    assert values(host.hear(says("DDATA", 2, rpm(1), rpm(0), rpm(1)))) == [("RPM", 1), ("RPM", 0), ("RPM", 1)]


def test_history_is_no_present(host: Host) -> None:
    host.hear(birth(), says("DBIRTH", 1, rpm(900)))
    late = replace(rpm(0), is_historical=True)
    assert values(host.hear(says("DDATA", 2, late))) == []


def test_a_metric_without_a_time_counts(host: Host) -> None:
    host.hear(birth(), says("DBIRTH", 1, replace(rpm(0), timestamp_ms=None)))
    assert values(host.hear(says("DDATA", 2, replace(rpm(5), timestamp_ms=None)))) == [("RPM", 5)]


def test_the_nodes_own_metrics_can_be_a_machine(host: Host) -> None:
    speed = metric("Line/Speed", 12, UINT)
    assert values(host.hear(birth(0, speed))) == [("Line/Speed", 12)]
    heard = host.hear(says("NDATA", 1, metric("Line/Speed", 0, UINT), machine=None))
    assert heard == [SignalsHeard(LINE, (("Line/Speed", 0),), whole=False)]
    host.hear(ndeath(0, "nishi"))
    assert host.events == [NodeDied("nishi", (LINE,), AT_MS)]


def test_data_that_say_all_of_themselves_count_without_any_birth(host: Host) -> None:
    """Where the aggregator was restarted and the node ignores that it is asked for its births."""
    heard = host.hear(says("DDATA", 40, rpm(900), Metric(None, 1, None, 6, AT_MS)))
    assert heard == [SignalsHeard(LATHE, (("RPM", 900),), whole=False)]
    assert host.asks
    assert values(host.hear(says("DDATA", 41, rpm(0)))) == [("RPM", 0)]


@pytest.mark.parametrize("bare", [rpm(900, datatype=None), rpm(900, name=None)])
def test_data_that_need_their_birth_wait_for_it(host: Host, bare: Metric) -> None:
    assert host.hear(says("DDATA", 40, bare)) == []
    assert host.asks


def test_a_machine_of_a_node_that_is_never_born_again_dies_and_comes_back(host: Host) -> None:
    """Where the aggregator was restarted and the node ignores that it is asked for its births."""
    host.hear(says("DDATA", 40, rpm(900)))
    host.hear(says("DDEATH", 41))
    assert host.events == [MachineDied(LATHE, AT_MS)]
    (born,) = host.hear(says("DBIRTH", 42, rpm(0)))
    assert born == SignalsHeard(LATHE, (("RPM", 0),), whole=True)
    assert values(host.hear(says("DDATA", 43, rpm(910)))) == [("RPM", 910)]


def test_a_machine_that_is_not_born_again_after_its_node_is_lost(host: Host) -> None:
    host.hear(birth(), says("DBIRTH", 1, rpm(0)))
    host.hear(birth())
    assert host.wait(GRACE_MS) == [MachineDied(LATHE, AT_MS + GRACE_MS)]


def test_after_a_gap_what_is_said_in_full_still_counts_and_the_rest_is_lost(host: Host) -> None:
    host.hear(birth(), says("DBIRTH", 1, rpm(0)))
    assert host.hear(says("DDATA", 3, rpm(900))) == []  # it waits for number 2
    host.wait(REORDER_MS)
    assert values(host.hear(says("DDATA", 4, rpm(900)))) == [("RPM", 900)]
    died = host.wait(GRACE_MS)
    assert isinstance(died[0], NodeDied)
    assert set(died[0].machines) == {LATHE, LINE}
    assert values(host.hear(says("DDATA", 5, rpm(910)))) == [("RPM", 910)]


@pytest.mark.parametrize(("said", "dies"), [(7, True), (8, True), (6, False), (None, True)])
def test_a_goodbye_with_the_number_of_the_next_connection_is_one(
    host: Host, said: int | None, dies: bool
) -> None:
    """pysparkplug 0.6.1 counts bdSeq on as soon as it is connected, and says goodbye with that."""
    host.hear(birth(7), says("DBIRTH", 1, rpm(0)))
    host.hear(ndeath(said, "nishi"))
    assert bool(host.events) is dies


def test_the_late_will_of_a_line_whose_number_never_counts_is_forgotten_with_the_next_word(
    host: Host,
) -> None:
    """npm's sparkplug-client has bdSeq 0 for ever: nobody can tell that this death is an old one."""
    for _ in range(2):
        host.hear(birth(0), says("DBIRTH", 1, rpm(900)))
    host.hear(ndeath(0, "nishi"))
    assert [type(event) for event in host.events] == [NodeDied]
    assert values(host.hear(says("DDATA", 2, rpm(910)))) == [("RPM", 910)]
    assert host.asks


def test_a_number_that_went_round_is_ahead_too(host: Host) -> None:
    host.hear(birth(255), says("DBIRTH", 1, rpm(0)))
    host.hear(ndeath(0, "nishi"))
    assert [type(event) for event in host.events] == [NodeDied]


def test_where_an_agent_of_ours_is_the_configuration_explains_nothing(host: Host) -> None:
    host.hear(nbirth(0, factory="nishi", bd_seq=7, epoch="epoch-1"))
    assert host.hear(says("DBIRTH", 1, metric(names.STATE, "IDLE", DataType.STRING, 1))) == []
    host.hear(ndeath(8, "nishi"))
    assert host.events == []  # and a number that is not its own is none of its goodbyes
