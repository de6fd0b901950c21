"""Agent configurations for simulated factories: a scenario in, one `agent.toml` a factory out."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from agent.simulator.plant import MODBUS, Factory, Machine, Scenario
from agent.simulator.servers import HOST, ports
from agent.simulator.styles import signal_table, style_of
from agent.simulator.toml import rendered

POLL_MS = 250


def write_agents(
    scenario: Scenario,
    folder: Path,
    mqtt: tuple[str, int],
    *,
    measured_since_ms: int | None = None,
    bundles: Path | None = None,
) -> list[Path]:
    """Write `<folder>/<factory>.toml` for every factory; return the paths. Raises OSError.

    `<bundles>/<factory>` holds the certificates that the factory was enrolled with; None: an open line.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for factory in scenario.factories:
        path = folder / f"{factory.id}.toml"
        data = (folder / factory.id).resolve()
        certificates = _certificates(bundles, factory)
        text = agent_toml(
            scenario, factory, data, mqtt, measured_since_ms=measured_since_ms, certificates=certificates
        )
        path.write_text(text, encoding="utf-8")
        paths.append(path)
    return paths


def agent_toml(
    scenario: Scenario,
    factory: Factory,
    data: Path,
    mqtt: tuple[str, int],
    *,
    measured_since_ms: int | None = None,
    certificates: Mapping[str, str] | None = None,
) -> str:
    """Return the text of a factory's `agent.toml`; `certificates` are more keys of its table `mqtt`."""
    head = f"# {factory.name}: simulated machines, written by `machikoba-agent simulate --write-agents`.\n\n"
    since = {} if measured_since_ms is None else {"measured_since": _moment(measured_since_ms)}
    return head + rendered(
        {
            **since,
            "federation": scenario.federation,
            "factory": factory.id,
            "name": factory.name,
            "data": str(data),
            "mqtt": {"host": mqtt[0], "port": mqtt[1], **(certificates or {})},
            "machines": [_machine_table(machine) for machine in scenario.machines_of(factory)],
        }
    )


def _certificates(bundles: Path | None, factory: Factory) -> dict[str, str]:
    if bundles is None:
        return {}
    names = {"ca_file": "ca.crt", "certificate_file": "agent.crt", "key_file": "agent.key"}
    return {key: str((bundles / factory.id / name).resolve()) for key, name in names.items()}


def _moment(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)


def _machine_table(machine: Machine) -> dict[str, Any]:
    style = style_of(machine)
    table: dict[str, Any] = {
        "id": machine.id,
        "name": machine.name,
        "process": machine.process,
        "pieces_per_cycle": machine.pieces_per_cycle,
        "driver": machine.wiring.protocol,
    }
    if style.otherwise is not None:
        table["otherwise"] = style.otherwise.value
    table[machine.wiring.protocol] = _driver_table(machine) | {"signals": signal_table(machine)}
    table["rules"] = [rule.table() for rule in style.rules]
    shortest_s = machine.rhythm.cycle_s * 0.3
    table["cycles"] = {
        "counter": "parts",
        "bits": machine.wiring.counter_bits,
        "min_cycle_s": round(shortest_s, 3),
    }
    if machine.counts_scrap:
        # The scrap counter counts pieces: a spoiled cycle adds all of its pieces at once.
        shortest_s = min(shortest_s, 1.0) / machine.pieces_per_cycle
        table["scrap"] = {"counter": "rejects", "bits": 32, "min_cycle_s": max(0.001, round(shortest_s, 3))}
    return table | dict(machine.agent)


def _driver_table(machine: Machine) -> dict[str, Any]:
    port = ports(machine.factory)[machine.wiring.protocol]
    if machine.wiring.protocol == MODBUS:
        return {"host": HOST, "port": port, "unit": machine.wiring.unit, "poll_ms": POLL_MS}
    return {"url": f"opc.tcp://{HOST}:{port}", "publishing_interval_ms": POLL_MS}
