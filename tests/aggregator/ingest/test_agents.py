"""What an agent says of itself reaches the board: births, health now and then, death."""

from agent.contract import names
from agent.contract.sparkplug import DataType, Metric, Payload, Scalar
from aggregator.ingest.effects import Effects
from aggregator.ingest.events import Refused
from aggregator.ingest.refusals import Refusals
from aggregator.ingest.session import Session
from aggregator.live import Board, LiveAgent
from tests.aggregator.ingest.messages import AT_MS, FEDERATION, Message, metric, nbirth, ndata, ndeath, topic

HEALTH: dict[str, tuple[DataType, Scalar]] = {
    names.VERSION: (DataType.STRING, "1.2"),
    names.OUTBOX_RECORDS: (DataType.INT64, 3),
    names.TIME_SYNCHRONISED: (DataType.BOOLEAN, True),
    names.RECONNECTS: (DataType.INT64, 0),
    names.MEMORY_BYTES: (DataType.INT64, 30_000_000),
    names.UPTIME_S: (DataType.INT64, 5),
}


class Nobody:
    """Takes the place of what else acts on events."""

    def __getattr__(self, name: str) -> object:
        return lambda *_: None


def heard(*messages: Message) -> tuple[Board, list[Refused]]:
    board, session = Board(), Session(FEDERATION, (), Refusals())
    effects = Effects(board, Nobody(), Nobody(), Nobody())  # type: ignore[arg-type]
    refused: list[Refused] = []
    for message in messages:
        events = session.receive(*message, AT_MS)
        refused += [event for event in events if isinstance(event, Refused)]
        effects.apply(events)
    return board, refused


def birth() -> Message:
    health = enumerate(HEALTH.items(), 50)
    return nbirth(more=[metric(name, value, kind, alias) for alias, (name, (kind, value)) in health])


def health(seq: int, **values: Scalar) -> Message:
    aliases = {name: alias for alias, name in enumerate(HEALTH, 50)}
    metrics = tuple(Metric(None, value, None, aliases[name], AT_MS) for name, value in values.items())
    return topic("NDATA"), Payload(AT_MS, metrics, seq)


def test_a_birth_says_how_the_agent_is() -> None:
    board, _ = heard(birth())
    assert board.agents() == {"aoki": LiveAgent("aoki", True, AT_MS, "1.2", 3, True, 0, 30_000_000, 5)}


def test_health_changes_what_it_names() -> None:
    board, _ = heard(
        birth(), health(1, **{names.OUTBOX_RECORDS: 900, names.TIME_SYNCHRONISED: False}), ndata(2)
    )
    agent = board.agents()["aoki"]
    assert (agent.outbox_records, agent.time_synchronised, agent.uptime_s) == (900, False, 5)


def test_a_dead_agent_is_not_connected_and_what_it_said_stays() -> None:
    board, _ = heard(birth(), ndeath())
    agent = board.agents()["aoki"]
    assert (agent.connected, agent.outbox_records) == (False, 3)


def test_nonsense_is_refused_by_itself() -> None:
    board, refused = heard(birth(), health(1, **{names.OUTBOX_RECORDS: -1, names.RECONNECTS: 7}))
    assert (board.agents()["aoki"].outbox_records, board.agents()["aoki"].reconnects) == (3, 7)
    assert names.OUTBOX_RECORDS in refused[0].reason


def test_a_foreign_node_is_there_and_says_nothing_of_itself() -> None:
    board, _ = heard(nbirth(epoch=None))
    assert board.agents() == {"aoki": LiveAgent("aoki", True, AT_MS)}
