"""Sparkplug payloads, arbitrary and damaged: nothing fails, nothing grows, the next one counts."""

from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from agent.commands import read_commands
from agent.contract.sparkplug import Payload, PayloadError, decode, encode
from agent.contract.states import State
from agent.contract.topics import Topic
from aggregator.ingest.events import Event, LiveChanged, MachineBorn, RecordsArrived
from aggregator.ingest.node import MOST_MACHINES
from aggregator.ingest.refusals import Refusals
from aggregator.ingest.rows import read_tables
from aggregator.ingest.session import MOST_NODES, Session
from tests.aggregator.ingest.edge import encode_as_sent
from tests.aggregator.ingest.messages import AT_MS, FEDERATION, dbirth, ddata, minutes, nbirth, ndata
from tests.aggregator.ingest.test_any_message import KINDS, PAYLOADS
from tests.fuzz.apart import GROWN_MB, Handle, apart
from tests.fuzz.cases import FULL, cases

GOOD = [
    encode_as_sent(payload)
    for _, payload in (nbirth(), dbirth(1, state="RUNNING"), ddata(2, state="IDLE"), ndata(3, minutes(1, 5)))
]
WILD = st.one_of(
    KINDS,
    st.builds(Topic, st.just(FEDERATION), st.just("NBIRTH"), st.text(max_size=6)),
    st.builds(Topic, st.just(FEDERATION), st.just("DBIRTH"), st.just("aoki"), st.text(max_size=6)),
)


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """Return a good payload with some of its bytes changed, cut off or repeated."""
    data = bytearray(draw(st.sampled_from(GOOD)))
    for place, byte in draw(st.lists(st.tuples(st.integers(0, 2_000), st.integers(0, 255)), max_size=8)):
        data[place % len(data)] = byte
    begin, end = draw(st.integers(0, len(data))), draw(st.integers(0, len(data)))
    return bytes(data[begin:] + data[:end]) if begin < end else bytes(data[: begin or None])


def encoded(payload: Payload) -> bytes:
    try:
        return encode(payload)
    except PayloadError:
        return b"\x00"


BYTES = st.one_of(st.binary(max_size=400), damaged(), PAYLOADS.map(encoded))


class Centre:
    """One session for all cases, so that what grows is seen; it is told each message as the subscriber is."""

    def __init__(self) -> None:
        self._session = Session(FEDERATION, ("cutting",), Refusals())

    def hear(self, topic: Topic, data: bytes, now_ms: int) -> None:
        """Take a message, then what an honest node says: its machine is known, and its states are heard."""
        events = self._handled(topic, data, now_ms) + self._session.tick(now_ms)
        tables = [event for event in events if isinstance(event, RecordsArrived)]
        rows = read_tables(tables, now_ms)
        assert all(sum(window.state_ms) == window.length_ms for window in rows.windows)
        born = list(self._births(now_ms))
        assert [event.live.state for event in born] == [State.RUNNING, State.IDLE]
        links = self._session._links
        assert len(links) <= MOST_NODES
        assert all(len(link.node._machines) <= MOST_MACHINES for link in links.values())

    def _handled(self, topic: Topic, data: bytes, now_ms: int) -> list[Event]:
        try:
            payload = decode(data)
        except PayloadError as error:
            assert str(error)
            return []
        return self._session.receive(topic, payload, now_ms)

    def _births(self, now_ms: int) -> Iterator[LiveChanged | MachineBorn]:
        messages = (nbirth(factory="honest"), dbirth(1, state="RUNNING", factory="honest"))
        for topic, payload in (*messages, ddata(2, state="IDLE", factory="honest")):
            for event in self._session.receive(topic, payload, now_ms):
                if isinstance(event, LiveChanged | MachineBorn):
                    yield event


def centre() -> Handle:
    return Centre().hear


def test_the_aggregator_survives_any_payload_and_hears_the_next_one() -> None:
    now_ms = AT_MS
    with apart(centre) as hear:

        @cases(0.5)
        @given(WILD, BYTES)
        def survives(topic: Topic, data: bytes) -> None:
            nonlocal now_ms
            now_ms += 700
            hear(topic, data, now_ms)

        survives()
        assert hear.cases >= round(FULL * 0.5)
        assert hear.grown_mb < GROWN_MB


def test_made_up_names_do_not_fill_the_memory() -> None:
    session = Session(FEDERATION, ("cutting",), Refusals())
    for number in range(MOST_NODES + 50):
        session.receive(*nbirth(factory=f"f{number}"), AT_MS)
    assert len(session._links) == MOST_NODES
    session = Session(FEDERATION, ("cutting",), Refusals())
    session.receive(*nbirth(), AT_MS)
    refused = []
    for number in range(MOST_MACHINES + 50):
        _, payload = dbirth((number + 1) % 256, state="IDLE")
        refused += session.receive(Topic(FEDERATION, "DBIRTH", "aoki", f"m{number}"), payload, AT_MS)[-1:]
    assert len(session._links["aoki"].node._machines) == MOST_MACHINES
    assert "more than 1000 machines" in str(refused[-1])


def test_the_agent_survives_any_command() -> None:
    @cases(0.1)
    @given(st.sampled_from([None, "pr-01", "x"]), BYTES)
    def survives(machine: str | None, data: bytes) -> None:
        topic = Topic(FEDERATION, "DCMD" if machine else "NCMD", "aoki", machine)
        commands, wrong = read_commands(topic, data, ["pr-01"])
        assert all(isinstance(sentence, str) and sentence for sentence in wrong)
        assert len(commands) <= 3

    survives()
