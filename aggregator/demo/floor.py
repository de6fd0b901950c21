"""What the demo's processes are told: the scenario, an `agent.toml` a factory, one `aggregator.toml`."""

import asyncio
import json
import re
import tomllib
from dataclasses import dataclass
from datetime import UTC, datetime

from aggregator.demo.folder import DemoError, Folder
from aggregator.demo.ports import HOST, free_port
from aggregator.demo.supervisor import end, python, spawn

TIME_ZONE = "Asia/Tokyo"
FEDERATION_NAME = "東町"
END_S = 1.0

_PORT = re.compile(r"^(opcua_port|modbus_port) = (\d+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Factory:
    """A factory of the scenario, as people read it."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Floor:
    """The federation's id, its factories in the scenario's order, and the ports of their machines."""

    federation: str
    factories: tuple[Factory, ...]
    ports: tuple[int, ...] = ()


async def make_floor(folder: Folder, taken: set[int]) -> Floor:
    """Write the scenario at the first start; later keep it, with other ports where one is taken."""
    if not folder.scenario.exists():
        await simulate("--demo-scenario", str(folder.scenario))
    try:
        text = folder.scenario.read_text(encoding="utf-8")
        renewed = _PORT.sub(lambda found: f"{found[1]} = {_keep(int(found[2]), taken)}", text)
        if renewed != text:
            folder.scenario.write_text(renewed, encoding="utf-8")
        table = tomllib.loads(renewed)
        factories = tuple(Factory(entry["id"], entry["name"]) for entry in table["factories"])
        ports = tuple(int(found[2]) for found in _PORT.finditer(renewed))
        return Floor(table["federation"], factories, ports)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, KeyError, TypeError) as error:
        raise DemoError(f"{folder.scenario}: is broken ({error}); delete {folder.root}") from error


def _keep(port: int, taken: set[int]) -> int:
    port = free_port(port, taken)
    taken.add(port)
    return port


async def write_agents(folder: Folder, mqtt_port: int, measured_since_ms: int) -> None:
    """Write every factory's `agent.toml`: their windows begin where the made history ends."""
    await simulate(
        *("--scenario", str(folder.scenario)),
        *("--write-agents", str(folder.agents)),
        *("--mqtt", f"{HOST}:{mqtt_port}"),
        *("--measured-since", rfc3339(measured_since_ms)),
    )


def write_aggregator(folder: Folder, floor: Floor, web_port: int, mqtt_port: int) -> None:
    """Write `aggregator.toml`."""
    values = {
        "federation": floor.federation,
        "federation_name": FEDERATION_NAME,
        "time_zone": TIME_ZONE,
        "data": str(folder.aggregator),
    }
    # A JSON text is a TOML text too, as long as it keeps its letters.
    lines = [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in values.items()]
    lines += ["", "[mqtt]", f'host = "{HOST}"', f"port = {mqtt_port}"]
    lines += ["", "[web]", f'host = "{HOST}"', f"port = {web_port}"]
    folder.aggregator_config.write_text("\n".join(lines) + "\n", encoding="utf-8")


async def simulate(*arguments: str) -> None:
    """Run `machikoba-agent simulate` to its end; raises DemoError with what it said."""
    process = await spawn(python("-m", "agent", "simulate", *arguments), stderr=asyncio.subprocess.PIPE)
    try:
        _, said = await process.communicate()
    finally:
        await end(process, END_S)
    if process.returncode:
        raise DemoError(f"the simulator: {said.decode(errors='replace').strip() or process.returncode}")


def rfc3339(ms: int) -> str:
    """Return UTC milliseconds as text."""
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
