"""Whatever arrives, in whatever order: the rules never fail, and no value lands under another's name."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from agent.contract.sparkplug import DataSet, DataType, Metric, Payload, PayloadError, decode, encode
from agent.contract.topics import Topic
from aggregator.ingest.events import LiveChanged, MachineBorn, RebirthWanted, RecordsArrived
from aggregator.ingest.refusals import Refusals
from aggregator.ingest.rows import read_tables
from aggregator.ingest.session import Session
from tests.aggregator.ingest.messages import (
    AT_MS,
    FEDERATION,
    dbirth,
    ddata,
    ddeath,
    minutes,
    nbirth,
    ndata,
    ndeath,
)

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**64 - 1),
    st.floats(),
    st.text(max_size=8),
    st.binary(max_size=8),
)
LIVE = ("State", "State Since", "Cycles Total", "Utilization", "Job", "Properties/Name", "Properties/Trust")
DELIVERY = ("bdSeq", "Delivery/Epoch", "Delivery/Records", "Delivery/Forgotten Through")
NAMES = st.sampled_from(LIVE + DELIVERY)
COLUMNS = st.sampled_from(("sequence", "kind", "machine", "start_ms", "length_ms", "running_ms", "job", "x"))


@st.composite
def tables(draw: st.DrawFn) -> DataSet:
    columns = draw(st.lists(COLUMNS, max_size=6))
    types = [draw(st.sampled_from([DataType.INT64, DataType.STRING, DataType.DOUBLE])) for _ in columns]
    row = st.tuples(*(SCALARS for _ in columns))
    return DataSet(tuple(columns), tuple(types), draw(st.lists(row, max_size=4)))


NUMBERS = st.none() | st.integers(0, 2**64 - 1)
METRICS = st.builds(
    Metric,
    st.none() | NAMES | st.text(max_size=4),
    SCALARS | tables(),
    st.none() | st.sampled_from(DataType),
    st.none() | st.integers(0, 30),
    NUMBERS,
    st.booleans(),
)
PAYLOADS = st.builds(Payload, NUMBERS, st.lists(METRICS, max_size=5).map(tuple), NUMBERS)
KINDS = st.sampled_from(
    [Topic(FEDERATION, kind, "aoki") for kind in ("NBIRTH", "NDEATH", "NDATA", "NCMD")]
    + [Topic(FEDERATION, kind, "aoki", "mc-01") for kind in ("DBIRTH", "DDEATH", "DDATA", "DCMD")]
)
ANYTHING = st.tuples(KINDS, PAYLOADS)
SENSIBLE = st.one_of(
    st.just(nbirth()),
    st.builds(dbirth, st.integers(0, 3), state=st.just("RUNNING")),
    st.builds(ddata, st.integers(0, 5), state=st.just("IDLE")),
    st.builds(ddeath, st.integers(0, 5)),
    st.builds(lambda seq: ndata(seq, minutes(1, 2)), st.integers(0, 5)),
    st.builds(ndeath, st.integers(6, 8)),
)


@given(st.lists(st.tuples(SENSIBLE | ANYTHING, st.integers(-1_000, 20_000)), max_size=25))
@settings(max_examples=150, deadline=None)
def test_no_message_in_no_order_breaks_the_session(messages: list[Any]) -> None:
    session, now_ms = Session(FEDERATION, ("cutting",), Refusals()), AT_MS
    arrived = []
    for (topic, payload), pause_ms in messages:
        now_ms += pause_ms
        arrived += session.receive(topic, payload, now_ms)
        arrived += session.tick(now_ms)
    rows = read_tables([event for event in arrived if isinstance(event, RecordsArrived)], AT_MS)
    assert all(sum(window.state_ms) == window.length_ms for window in rows.windows)
    session.disconnect(now_ms)
    assert session.tick(now_ms + 60_000) == []


STEPS = st.lists(st.tuples(st.sampled_from(["birth", "data", "lost"]), st.integers(0, 4)), max_size=40)


@given(STEPS)
@settings(max_examples=300, deadline=None)
def test_a_value_never_lands_under_a_name_that_its_birth_did_not_give(steps: list[tuple[str, int]]) -> None:
    """A node numbers its messages rightly; each birth moves the aliases on; some messages are lost.

    Cycle counts are only ever sent as 1000, jobs as "J": an alias of another birth would mix them up.
    """
    session, now_ms, seq, shift = Session(FEDERATION, ("cutting",), Refusals()), AT_MS, 0, 0
    events = []
    for step, move in [("birth", 0), *steps]:
        now_ms += 500
        if step == "birth":
            shift = move
            events += session.receive(*nbirth(0), now_ms)
            events += session.receive(*dbirth(1, shift=shift, state="IDLE"), now_ms)
            seq = 1
            continue
        seq = (seq + 1) % 256
        if step == "data":
            events += session.receive(*ddata(seq, shift=shift, cycles_total=1000, job="J"), now_ms)
        events += session.tick(now_ms)
    lives = [event.live for event in events if isinstance(event, LiveChanged | MachineBorn)]
    assert {(live.cycles_total, live.job) for live in lives} <= {(None, ""), (1000, "J")}


@given(st.lists(st.sampled_from(["data", "birth"]), min_size=1, max_size=30))
@settings(deadline=None)
def test_wishes_for_a_rebirth_are_never_a_flood(steps: list[str]) -> None:
    session, now_ms, wanted = Session(FEDERATION, (), Refusals()), AT_MS, 0
    for step in steps:
        now_ms += 100
        message = nbirth() if step == "birth" else ddata(9, state="IDLE")
        events = session.receive(*message, now_ms) + session.tick(now_ms)
        wanted += sum(isinstance(event, RebirthWanted) for event in events)
    assert wanted <= 1


@given(st.binary(max_size=200))
@settings(max_examples=500, deadline=None)
def test_bytes_are_a_payload_or_a_payload_error(data: bytes) -> None:
    try:
        payload = decode(data)
    except PayloadError:
        return
    Session(FEDERATION, (), Refusals()).receive(Topic(FEDERATION, "NBIRTH", "aoki"), payload, AT_MS)


@given(st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=6))
@settings(max_examples=500, deadline=None)
def test_a_damaged_birth_is_a_payload_or_a_payload_error(damage: list[tuple[int, int]]) -> None:
    data = bytearray(encode(dbirth(1, state="RUNNING", name="マシニングセンタ")[1]))
    for place, byte in damage:
        data[place % len(data)] = byte
    try:
        payload = decode(bytes(data))
    except PayloadError:
        return
    session = Session(FEDERATION, ("cutting",), Refusals())
    session.receive(*nbirth(), AT_MS)
    session.receive(Topic(FEDERATION, "DBIRTH", "aoki", "mc-01"), payload, AT_MS)
