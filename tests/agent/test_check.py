"""`check` and `discover` against real servers: what an installer reads on the screen."""

import asyncio
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.__main__ import main
from tests.agent import brokers
from tests.agent.brokers import Broker
from tests.agent.configs import MACHINE, document, written
from tests.agent.drivers.modbus.peer import serving


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    with brokers.running("mosquitto", tmp_path) as broker:
        yield broker


def factory(
    path: Path, mqtt_port: int, modbus_port: int, changes: dict[str, Any] | None = None, **signals: Any
) -> list[str]:
    """Write the configuration of one press; return the arguments that check it."""
    modbus: dict[str, Any] = {
        "host": "127.0.0.1",
        "port": modbus_port,
        "signals": {"parts": {"input": 0}, "green": {"discrete": 0}},
    }
    modbus["signals"] |= signals
    doc = document(
        {**MACHINE, "modbus": modbus, **(changes or {})}, mqtt={"host": "127.0.0.1", "port": mqtt_port}
    )
    return ["check", "--config", str(written(path / "agent.toml", doc))]


@pytest.fixture
def shown(capsys: pytest.CaptureFixture[str]) -> Callable[[list[str]], tuple[int, str, str]]:
    def show(words: list[str]) -> tuple[int, str, str]:
        code = main(words)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return show


Show = Callable[[list[str]], tuple[int, str, str]]


async def in_thread(show: Show, words: list[str]) -> tuple[int, str, str]:
    """Run the command, which has an event loop of its own, beside the server of the test."""
    return await asyncio.to_thread(show, words)


async def test_a_factory_that_is_well_is_told_signal_by_signal(
    broker: Broker, tmp_path: Path, shown: Show
) -> None:
    async with serving(inputs={0: [123]}) as peer:
        await peer.put("discrete", 0, [1])
        code, out, err = await in_thread(shown, factory(tmp_path, broker.port, peer.port))
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        f"{tmp_path}/agent.toml: the file is right: 富士見プレス, machines pr-01",
        f"broker: 127.0.0.1:{broker.port} answers",
        "pr-01: プレス 1号機, modbus: state RUNNING",
        "  parts  123",
        "  green  True",
        "pr-01: only this leaves the factory (これだけが外に出ます):",
        "  name    プレス 1号機, process pressing",
        "  state   RUNNING, SETUP, IDLE, DOWN, PLANNED_STOP, OFFLINE; since when, how long in each minute",
        "  cycles  always",
        "  pieces  good and scrap: not counted",
        "  job     what the centre sets",
    ]


async def test_a_register_that_is_not_there_is_told(broker: Broker, tmp_path: Path, shown: Show) -> None:
    async with serving(inputs={0: [123]}) as peer:
        words = factory(tmp_path, broker.port, peer.port, rejects={"input": 500})
        code, out, err = await in_thread(shown, words)
    assert code == 1
    assert "  rejects  unknown: exception 2: illegal data address (input 500)" in out
    assert err == "machikoba-agent: 1 of 2 checks found something to look at: see above\n"


def test_what_cannot_be_reached_is_told_with_its_cure(tmp_path: Path, shown: Show) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
        code, out, err = shown(factory(tmp_path, port, port))
    assert code == 1
    assert f"broker: the MQTT broker 127.0.0.1:{port} cannot be reached" in out
    assert f"pr-01: Modbus 127.0.0.1:{port} unit 1 cannot be reached: nothing listens there" in out
    assert err == "machikoba-agent: 2 of 2 checks found something to look at: see above\n"


def test_the_file_alone_is_checked_when_asked(tmp_path: Path, shown: Show) -> None:
    code, out, err = shown([*factory(tmp_path, 1, 1), "--settings-only"])
    assert (code, err) == (0, "")
    assert out.startswith(f"{tmp_path}/agent.toml: the file is right: 富士見プレス, machines pr-01\n")
    assert "\npr-01: only this leaves the factory (これだけが外に出ます):\n" in out


ORDER_NO = {"holding": 20, "type": "text", "registers": 4}


@pytest.mark.parametrize(
    ("order_no", "now"),
    [([0x574F, 0x2D31, 0x3200, 0], "12"), ([0x5345, 0x4352, 0x4554, 0], "none that is shared")],
)
async def test_the_installer_sees_what_leaves_and_what_the_work_order_means(
    broker: Broker, tmp_path: Path, shown: Show, order_no: list[int], now: str
) -> None:
    job = {"signal": "order_no", "pattern": "WO-(?P<job>.+)", "jobs": {"4711": "J-9"}}
    policies = {"share": "utilization", "job": job, "scrap": {"counter": "parts"}}
    async with serving(inputs={0: [123]}, holding={20: order_no}) as peer:
        words = factory(tmp_path, broker.port, peer.port, policies, order_no=ORDER_NO)
        code, out, err = await in_thread(shown, words)
    assert (code, err) == (0, "")
    assert out.splitlines()[-5:] == [
        "  name    プレス 1号機, process pressing",
        "  state   RUNNING (is told for RUNNING, SETUP, DOWN), IDLE, PLANNED_STOP, OFFLINE; "
        "since when, how long in each minute",
        "  cycles  only while a shared job is on",
        "  pieces  good and scrap: only while a shared job is on",
        "  job     what the centre sets; and what order_no means where it is 4711, "
        f"or matches WO-(?P<job>.+), the part named job of it; now {now}",
    ]


async def test_discover_lists_what_a_unit_answers(shown: Show) -> None:
    async with serving(holding={0: [7, 8]}) as peer:
        place = f"127.0.0.1:{peer.port}"
        code, out, err = await in_thread(shown, ["discover", "modbus", place, "--count", "2"])
        assert (code, err) == (0, "")
        assert [line.split() for line in out.splitlines()] == [
            ["holding_0", "uint16", "7", "holding", "0"],
            ["holding_1", "uint16", "8", "holding", "1"],
        ]
        _, out, _ = await in_thread(shown, ["discover", "modbus", place, "--count", "2", "--toml"])
        assert out == "holding_0 = { holding = 0 }\nholding_1 = { holding = 1 }\n"


@pytest.mark.parametrize("address", ["127.0.0.1:port", ":502"])
def test_an_address_that_is_none_is_told(address: str, shown: Show) -> None:
    code, out, err = shown(["discover", "modbus", address])
    assert (code, out) == (1, "")
    assert err == f"machikoba-agent: {address}: expected HOST or HOST:PORT, such as 192.168.0.20:502\n"


def test_an_opcua_server_that_is_not_there_is_told(shown: Show) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        url = f"opc.tcp://127.0.0.1:{nobody.getsockname()[1]}"
        code, out, err = shown(["discover", "opcua", url])
    assert (code, out) == (1, "")
    assert f"machikoba-agent: OPC UA {url}: nothing listens there" in err
