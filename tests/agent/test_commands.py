"""Commands from the centre, by name or alias; what is malformed is told and harms nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.births import NODE_ALIASES, machine_aliases
from agent.commands import Command, Rebirth, SetJob, Stored, read_commands
from agent.contract import names
from agent.contract.jobs import LONGEST_JOB
from agent.contract.sparkplug import DataType, Metric, Payload, encode
from agent.contract.topics import Topic

NODE = Topic("higashimachi", "NCMD", "fujimi")
MACHINES = ["pr-01", "pr-02"]


def node(*metrics: Metric) -> tuple[list[Command], list[str]]:
    return read_commands(NODE, encode(Payload(1, metrics)), MACHINES)


def machine(*metrics: Metric, machine: str = "pr-02") -> tuple[list[Command], list[str]]:
    topic = Topic("higashimachi", "DCMD", "fujimi", machine)
    return read_commands(topic, encode(Payload(1, metrics)), MACHINES)


def test_a_rebirth_is_asked_for_with_true() -> None:
    assert node(Metric(names.REBIRTH, True, DataType.BOOLEAN)) == ([Rebirth()], [])
    assert node(Metric(names.REBIRTH, False, DataType.BOOLEAN)) == ([], [])


def test_an_announcement_is_read_by_name() -> None:
    metrics = (
        Metric(names.STORED_EPOCH, "e", DataType.STRING),
        Metric(names.STORED_THROUGH, 2**40, DataType.INT64),
    )
    assert node(*metrics) == ([Stored("e", 2**40)], [])


def test_an_announcement_is_read_by_alias_with_and_without_types() -> None:
    metrics = (
        Metric(None, "e", DataType.STRING, NODE_ALIASES[names.STORED_EPOCH]),
        Metric(None, 7, DataType.INT64, NODE_ALIASES[names.STORED_THROUGH]),
    )
    for with_types in (True, False):
        body = encode(Payload(1, metrics), with_types=with_types)
        assert read_commands(NODE, body, MACHINES) == ([Stored("e", 7)], [])


def test_a_job_is_set_and_cleared() -> None:
    assert machine(Metric(names.JOB, "受注-7", DataType.STRING)) == ([SetJob("pr-02", "受注-7")], [])
    assert machine(Metric(names.JOB, "", DataType.STRING)) == ([SetJob("pr-02", "")], [])
    assert machine(Metric(names.JOB, None, DataType.STRING)) == ([SetJob("pr-02", "")], [])
    alias = machine_aliases(1)[names.JOB]
    assert machine(Metric(None, "x", DataType.STRING, alias)) == ([SetJob("pr-02", "x")], [])


TEXT, WHOLE, FLAG = DataType.STRING, DataType.INT64, DataType.BOOLEAN
MALFORMED = [
    (Metric(names.REBIRTH, "yes", TEXT), "Node Control/Rebirth: expected true, got 'yes'"),
    (Metric(names.REBIRTH, 1, WHOLE), "Node Control/Rebirth: expected true, got 1"),
    (Metric("Node Control/Reboot", True, FLAG), "unknown metric 'Node Control/Reboot'"),
    (Metric(None, True, FLAG, 31), "unknown metric 31"),
    (Metric(names.VERSION, "9", TEXT), "Agent/Version cannot be written"),
    (Metric(names.STORED_THROUGH, 5, WHOLE), "expected a text and a whole number, got None and 5"),
]


@pytest.mark.parametrize(("metric", "sentence"), MALFORMED, ids=[sentence for _, sentence in MALFORMED])
def test_a_malformed_command_is_told(metric: Metric, sentence: str) -> None:
    commands, (told,) = node(metric)
    assert commands == []
    assert sentence in told


@pytest.mark.parametrize(
    ("through", "datatype"), [(-1, WHOLE), ("5", TEXT), (True, FLAG), (1.5, DataType.DOUBLE), (None, WHOLE)]
)
def test_an_announcement_of_anything_but_a_whole_number_is_told(
    through: int | str | float | None, datatype: DataType
) -> None:
    commands, told = node(
        Metric(names.STORED_EPOCH, "e", TEXT), Metric(names.STORED_THROUGH, through, datatype)
    )
    assert (commands, len(told)) == ([], 1)
    assert "expected a text and a whole number" in told[0]


def test_what_is_right_in_a_message_counts_beside_what_is_wrong() -> None:
    commands, told = node(Metric("Nonsense", 1, WHOLE), Metric(names.REBIRTH, True, FLAG))
    assert (commands, told) == ([Rebirth()], ["unknown metric 'Nonsense'"])


def test_a_job_that_cannot_be_is_told() -> None:
    long = "x" * (LONGEST_JOB + 1)
    assert machine(Metric(names.JOB, long, TEXT))[0] == []
    commands, (told,) = machine(Metric(names.JOB, 7, WHOLE))
    assert (commands, told) == (
        [],
        "Job: expected a text of at most 200 characters, none of them a control character, got 7",
    )
    assert machine(Metric(names.STATE, "RUNNING", TEXT)) == ([], ["State cannot be written"])
    for spoilt in ("a\0b", "a\nb", "\x7f", "\x85"):
        assert machine(Metric(names.JOB, spoilt, TEXT))[0] == []
    assert machine(Metric(names.JOB, "受注\u3000七 – 7/a", TEXT))[1] == []
    assert machine(Metric(names.JOB, "x", TEXT), machine="pr-09") == (
        [],
        ["there is no machine 'pr-09' here"],
    )


@given(st.binary(max_size=200))
def test_garbage_is_told_and_never_raises(body: bytes) -> None:
    for topic in (NODE, Topic("higashimachi", "DCMD", "fujimi", "pr-01")):
        commands, _ = read_commands(topic, body, MACHINES)
        assert commands == []


def test_a_body_that_is_no_payload_is_told() -> None:
    commands, (told,) = read_commands(NODE, b"\xff\xff\xff", MACHINES)
    assert commands == []
    assert told.startswith("3 bytes are no Sparkplug payload")
