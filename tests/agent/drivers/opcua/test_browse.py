import tomllib

import pytest
from asyncua import ua

from agent import commissioning
from agent.drivers.finding import snippet
from agent.drivers.opcua.browse import name_of
from agent.drivers.opcua.nodes import parse_node
from agent.drivers.opcua.watch import resolve
from agent.errors import ConfigError, LinkError
from agent.measuring.reading import GOOD
from tests.agent.drivers.modbus.peer import free_port
from tests.agent.drivers.processes import Peer


async def test_variables_are_found_by_the_uri_of_their_namespace(peer: Peer) -> None:
    findings = await commissioning.discover_opcua(f"opc.tcp://127.0.0.1:{peer.port}")
    parts = next(finding for finding in findings if finding.name == "parts")
    assert (parts.toml, parts.place, parts.type) == (
        '"nsu=urn:machikoba:test;s=parts"',
        "Machine/parts",
        "UInt32",
    )
    assert (parts.value, parts.quality) == (7, GOOD)
    axes = next(finding for finding in findings if finding.name == "axes")
    assert (axes.value, axes.quality) == (None, "unsupported type array of Double")


async def test_what_is_found_can_be_pasted_into_the_configuration(peer: Peer) -> None:
    findings = await commissioning.discover_opcua(f"opc.tcp://127.0.0.1:{peer.port}")
    signals = tomllib.loads(snippet(findings))
    assert len(signals) == len(findings)
    assert {str(parse_node(text)) for text in signals.values()} == set(signals.values())


async def test_no_more_is_returned_than_asked_for(peer: Peer) -> None:
    assert len(await commissioning.discover_opcua(f"opc.tcp://127.0.0.1:{peer.port}", limit=3)) == 3


async def test_a_bad_url_and_a_dead_server_are_told_apart() -> None:
    with pytest.raises(ConfigError, match="url: expected a URL like"):
        await commissioning.discover_opcua("127.0.0.1:4840")
    with pytest.raises(LinkError, match="nothing listens there"):
        await commissioning.discover_opcua(f"opc.tcp://127.0.0.1:{free_port()}")


@pytest.mark.parametrize(
    "text",
    [
        "i=2258",
        "nsu=urn:a%3Bb;i=70000",
        "nsu=urn:a%3Bb;s=主軸;x",
        "nsu=urn:a%3Bb;g=72962b91-fa75-4ae6-8d28-b404dc7daf63",
        "nsu=urn:a%3Bb;b=YWJj",
    ],
)
def test_every_kind_of_node_gets_the_name_that_finds_it(text: str) -> None:
    namespaces = ["http://opcfoundation.org/UA/", "urn:a;b"]
    node = resolve(parse_node(text), namespaces)
    assert isinstance(node, ua.NodeId)
    assert str(name_of(node, namespaces)) == text
