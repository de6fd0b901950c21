"""Configurations for tests, as documents and as files."""

import copy
from pathlib import Path
from typing import Any

from agent.config import Config, parse_config
from agent.simulator.toml import rendered

MODBUS: dict[str, Any] = {
    "host": "127.0.0.1",
    "port": 502,
    "signals": {"parts": {"input": 0}, "green": {"discrete": 0}},
}
MACHINE: dict[str, Any] = {
    "id": "pr-01",
    "name": "プレス 1号機",
    "process": "pressing",
    "driver": "modbus",
    "modbus": MODBUS,
    "rules": [{"state": "RUNNING", "when": {"green": True}}],
    "cycles": {"counter": "parts", "bits": 16},
}
FACTORY: dict[str, Any] = {
    "federation": "higashimachi",
    "factory": "fujimi",
    "name": "富士見プレス",
    "data": "/tmp/nowhere",
    "mqtt": {"host": "127.0.0.1", "port": 1883},
}


def document(*machines: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Return a whole document; without machines it has one press on Modbus."""
    tables = [copy.deepcopy(machine) for machine in machines or (MACHINE,)]
    return {**copy.deepcopy(FACTORY), **changes, "machines": tables}


def config(*machines: dict[str, Any], **changes: Any) -> Config:
    """Return the document parsed."""
    return parse_config(document(*machines, **changes))


def replay(machine: str, file: Path, **changes: Any) -> dict[str, Any]:
    """Return the table of a machine whose log has the signals `execution` and `parts`."""
    return {
        "id": machine,
        "process": "cutting",
        "driver": "replay",
        "replay": {"file": str(file), "signals": {"execution": "execution", "parts": "parts"}, **changes},
        "rules": [{"state": "RUNNING", "when": {"execution": "ACTIVE"}}],
        "otherwise": "IDLE",
        "cycles": {"counter": "parts"},
    }


def written(path: Path, values: dict[str, Any]) -> Path:
    """Write a document as TOML; return the path."""
    path.write_text(rendered(values), encoding="utf-8")
    return path


def settings(folder: Path, port: int, delivery: dict[str, float] | None = None, **mqtt: str) -> Config:
    """Return the configuration of two presses whose outbox is in `folder` and whose broker is on `port`."""
    machines = [{**MACHINE, "id": "pr-01"}, {**MACHINE, "id": "pr-02"}]
    line = {"host": "127.0.0.1", "port": port, **mqtt}
    return config(*machines, data=str(folder), mqtt=line, delivery=delivery or {})
