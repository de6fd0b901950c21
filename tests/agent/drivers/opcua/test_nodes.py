import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.drivers.opcua.nodes import NodeName, parse_node

URI = "urn:maker:machine"
some_uri = st.text(min_size=1).filter(lambda text: text.strip() == text)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("nsu=urn:maker:machine;s=Spindle.Load", NodeName(URI, "s", "Spindle.Load")),
        ("nsu=http://maker.example/UA/;i=2045", NodeName("http://maker.example/UA/", "i", "2045")),
        ("nsu=urn:maker:machine;s=DB1;Parts=3", NodeName(URI, "s", "DB1;Parts=3")),
        ("nsu=urn:a%3Bb%25;s=x", NodeName("urn:a;b%", "s", "x")),
        ("nsu=urn:maker:machine;s=主軸", NodeName(URI, "s", "主軸")),
        (
            "nsu=urn:maker:machine;g=72962b91-fa75-4ae6-8d28-b404dc7daf63",
            NodeName(URI, "g", "72962b91-fa75-4ae6-8d28-b404dc7daf63"),
        ),
        ("nsu=urn:maker:machine;b=M/RbKBsRVkePCePcx24oRA==", NodeName(URI, "b", "M/RbKBsRVkePCePcx24oRA==")),
        ("i=2258", NodeName(None, "i", "2258")),
        ("ns=0;i=2258", NodeName(None, "i", "2258")),
    ],
)
def test_a_node_is_named_by_the_uri_of_its_namespace(text: str, name: NodeName) -> None:
    assert parse_node(text) == name


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "ns=2;s=Parts",
            "the index in 'ns=2;s=Parts' changes from server to server: name the namespace by its URI",
        ),
        ("s=Parts", "'s=Parts' does not say its namespace: write 'nsu=<namespace URI>;s=Parts'"),
        ("Parts", "expected a node like 'nsu=urn:maker:machine;s=Spindle.Load' or 'i=2258', got 'Parts'"),
        ("", "expected a node like"),
        ("nsu=urn:x;s=", "expected a node like"),
        ("i=x", "expected a number up to 4294967295 after 'i=' in 'i=x'"),
        ("i=4294967296", "expected a number up to 4294967295"),
        ("nsu=urn:x;g=12", "expected a GUID after 'g='"),
        ("nsu=urn:x;b=*", "expected base64 after 'b='"),
    ],
)
def test_a_wrong_node_is_refused_with_what_to_write(text: str, message: str) -> None:
    with pytest.raises(ValueError, match="^" + re.escape(message)):
        parse_node(text)


@given(some_uri, st.text(min_size=1))
def test_what_is_printed_is_what_is_read(uri: str, identifier: str) -> None:
    name = NodeName(uri, "s", identifier)
    assert parse_node(str(name)) == name
