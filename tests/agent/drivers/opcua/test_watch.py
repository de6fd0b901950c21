import uuid

import pytest
from asyncua import ua

from agent.drivers.opcua.nodes import parse_node
from agent.drivers.opcua.watch import judge, resolve
from agent.measuring.reading import GOOD

SERVER = ["http://opcfoundation.org/UA/", "urn:this:server", "urn:maker:machine"]


def test_what_reads_as_it_was_notified_is_no_suspect() -> None:
    assert judge({"parts": (5, GOOD)}, {"parts": (5, GOOD)}, {"parts": 3}, {}) == ({}, set())


def test_a_value_that_was_not_notified_is_suspect_then_dead() -> None:
    found, latest, counts = {"parts": (6, GOOD)}, {"parts": (5, GOOD)}, {"parts": 3}
    suspects, dead = judge(found, latest, counts, {})
    assert (suspects, dead) == ({"parts": 3}, set())
    assert judge(found, latest, counts, suspects) == ({"parts": 3}, {"parts"})


def test_a_value_that_changes_all_the_time_is_never_dead() -> None:
    assert judge({"load": (9, GOOD)}, {"load": (8, GOOD)}, {"load": 4}, {"load": 3}) == ({"load": 4}, set())


def test_a_change_of_quality_counts_as_a_change() -> None:
    suspects, _ = judge({"parts": (None, "BadNodeIdUnknown")}, {"parts": (5, GOOD)}, {"parts": 1}, {})
    assert suspects == {"parts": 1}


@pytest.mark.parametrize(
    ("text", "node"),
    [
        ("nsu=urn:maker:machine;s=Parts", ua.NodeId(ua.String("Parts"), ua.Int16(2))),
        ("nsu=urn:maker:machine;i=4294967295", ua.NodeId(ua.Int32(4294967295), ua.Int16(2))),
        ("nsu=urn:maker:machine;b=YWJj", ua.NodeId(ua.ByteString(b"abc"), ua.Int16(2))),
        (
            "nsu=urn:maker:machine;g=72962b91-fa75-4ae6-8d28-b404dc7daf63",
            ua.NodeId(ua.Guid("72962b91-fa75-4ae6-8d28-b404dc7daf63"), ua.Int16(2)),
        ),
        ("i=2258", ua.NodeId(ua.Int32(2258), ua.Int16(0))),
        ("nsu=urn:other;s=Parts", None),
    ],
)
def test_the_index_of_a_namespace_is_looked_up_on_the_server(text: str, node: ua.NodeId | None) -> None:
    assert resolve(parse_node(text), SERVER) == node


def test_guids_are_guids() -> None:
    node = resolve(parse_node("nsu=urn:maker:machine;g=72962b91-fa75-4ae6-8d28-b404dc7daf63"), SERVER)
    assert node is not None
    assert isinstance(node.Identifier, uuid.UUID)
