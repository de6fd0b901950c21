"""Sparkplug payloads, arbitrary and damaged: nothing fails, nothing grows, the next one counts."""

from collections.abc import Iterator

import pytest
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
from tests.fuzz.cases import FULL, cases, memory_mb

GROWTH_MB = 150.0 + FULL * 0.0075
"""hypothesis itself keeps its cases: 8,000 that do nothing take 119 MB."""
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


@pytest.fixture(scope="module")
def session() -> Session:
    """One for all cases, so that what grows would be seen."""
    return Session(FEDERATION, ("cutting",), Refusals())


def handled(session: Session, topic: Topic, data: bytes, now_ms: int) -> list[Event]:
    """Do what the subscriber does with a message."""
    try:
        payload = decode(data)
    except PayloadError as error:
        assert str(error)
        return []
    return session.receive(topic, payload, now_ms)


def test_the_aggregator_survives_any_payload_and_hears_the_next_one(session: Session) -> None:
    before_mb, now_ms = memory_mb(), AT_MS

    @cases(0.5)
    @given(WILD, BYTES)
    def survives(topic: Topic, data: bytes) -> None:
        nonlocal now_ms
        now_ms += 700
        events = handled(session, topic, data, now_ms) + session.tick(now_ms)
        tables = [event for event in events if isinstance(event, RecordsArrived)]
        rows = read_tables(tables, now_ms)
        assert all(sum(window.state_ms) == window.length_ms for window in rows.windows)
        born = list(births(session, now_ms))
        assert [event.live.state for event in born] == [State.RUNNING, State.IDLE]

    survives()
    assert len(session._links) <= MOST_NODES
    assert all(len(link.node._machines) <= MOST_MACHINES for link in session._links.values())
    assert memory_mb() - before_mb < GROWTH_MB


def births(session: Session, now_ms: int) -> Iterator[LiveChanged | MachineBorn]:
    """Send what an honest node sends, and yield what becomes of its machine."""
    messages = (nbirth(factory="honest"), dbirth(1, state="RUNNING", factory="honest"))
    for topic, payload in (*messages, ddata(2, state="IDLE", factory="honest")):
        for event in session.receive(topic, payload, now_ms):
            if isinstance(event, LiveChanged | MachineBorn):
                yield event


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
