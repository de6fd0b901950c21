"""What the processes are told: kept over starts, renewed only where a port is taken."""

import re
import socket
import tomllib
from pathlib import Path

import pytest

from aggregator.config import load_config
from aggregator.demo.floor import Factory, Floor, make_floor, write_agents, write_aggregator
from aggregator.demo.folder import DemoError, Folder

FLOOR = Floor("higashimachi", (Factory("aoki", "青木精機"),))


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def ports(folder: Folder) -> list[int]:
    return [int(port) for port in re.findall(r"_port = (\d+)", folder.scenario.read_text("utf-8"))]


async def test_the_scenario_is_made_once_and_kept(folder: Folder) -> None:
    floor = await make_floor(folder, set())
    before = folder.scenario.read_bytes()
    assert [factory.id for factory in floor.factories] == [
        "aoki",
        "fujimi",
        "sakura",
        "higashi",
        "hinode",
        "minato",
    ]
    assert await make_floor(folder, set()) == floor
    assert folder.scenario.read_bytes() == before


async def test_only_a_taken_port_is_renewed(folder: Folder) -> None:
    await make_floor(folder, set())
    first, *others = ports(folder)
    with socket.create_server(("127.0.0.1", first)):
        await make_floor(folder, set())
    assert ports(folder)[1:] == others
    assert ports(folder)[0] != first
    assert len(set(ports(folder))) == 6


async def test_a_port_that_the_demo_needs_itself_is_not_used(folder: Folder) -> None:
    await make_floor(folder, set())
    first, *others = ports(folder)
    await make_floor(folder, {first})
    assert ports(folder)[0] != first
    assert ports(folder)[1:] == others


async def test_agents_are_told_the_broker_and_where_their_windows_begin(folder: Folder) -> None:
    await make_floor(folder, set())
    await write_agents(folder, 21883, 1_795_341_600_000)
    agents = sorted(folder.agents.glob("*.toml"))
    assert len(agents) == 6
    for path in agents:
        agent = tomllib.loads(path.read_text("utf-8"))
        assert agent["mqtt"] == {"host": "127.0.0.1", "port": 21883}
        assert agent["measured_since"].timestamp() == 1_795_341_600
        assert Path(agent["data"]).parent == folder.agents


@pytest.mark.parametrize("text", ["{", "federation = 1", "[[factories]]\nid = 'x'"])
async def test_a_broken_scenario_is_told_with_the_cure(folder: Folder, text: str) -> None:
    folder.scenario.write_text(text)
    with pytest.raises(DemoError, match=r"scenario\.toml: is broken.*delete"):
        await make_floor(folder, set())


async def test_what_the_simulator_refuses_is_told_in_its_words(folder: Folder) -> None:
    folder.scenario.write_text('federation = "f"')
    with pytest.raises(DemoError, match=r"the simulator: .*scenario\.toml"):
        await write_agents(folder, 1883, 0)


def test_the_aggregator_reads_what_is_written_for_it(tmp_path: Path) -> None:
    folder = Folder(tmp_path / '東町 "demo" \\ 1')
    folder.root.mkdir()
    write_aggregator(folder, FLOOR, 8001, 21883)
    config = load_config(folder.aggregator_config)
    assert (config.federation, config.federation_name) == ("higashimachi", "東町")
    assert config.data == folder.aggregator
    assert (config.web.host, config.web.port) == ("127.0.0.1", 8001)
    assert (config.mqtt.host, config.mqtt.port) == ("127.0.0.1", 21883)
