"""Scenarios for the tests: small documents, changed as a test needs them."""

import tomllib
from collections import Counter
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

from agent.contract.states import State
from agent.simulator.demo import free_ports
from agent.simulator.plant import Machine, Scenario
from agent.simulator.scenario import parse_scenario
from agent.simulator.timeline import Day

SCENARIOS = Path(__file__).parents[3] / "agent" / "simulator" / "scenarios"
ALL_WEEK = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
NEVER_CLOSED = [{"days": ALL_WEEK, "start": "00:00", "end": "24:00"}]
ANCHOR = datetime.fromisoformat("2026-11-20T00:00:00+09:00")
ANCHOR_MS = round(ANCHOR.timestamp() * 1000)
MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS

Document = dict[str, Any]


def document(name: str = "two") -> Document:
    """Return a scenario that comes with the simulator, with free ports."""
    text = tomllib.loads((SCENARIOS / f"{name}.toml").read_text("utf-8"))
    free = free_ports()
    for factory in text["factories"]:
        for key in ("opcua_port", "modbus_port"):
            if key in factory:
                factory[key] = next(free)
    return text


def short_day() -> Document:
    """Return the two quick machines, open from midnight to three: their events are cheap to make."""
    text = document()
    for factory in text["factories"]:
        factory["shifts"] = [{"days": ALL_WEEK, "start": "00:00", "end": "03:00"}]
    return text


def one_machine(kind: str = "inspection", **changes: Any) -> Document:
    """Return a scenario of one Modbus machine in a factory that never closes; `changes` are the machine's."""
    return {
        "federation": "test",
        "seed": 7,
        "anchor": ANCHOR,
        "factories": [{"id": "north", "modbus_port": 5030, "load": 1.0, "shifts": NEVER_CLOSED}],
        "machines": [{"id": "m-01", "factory": "north", "kind": kind, **changes}],
    }


def machine(kind: str = "inspection", **changes: Any) -> Machine:
    """Return the machine of `one_machine`."""
    return parse_scenario(one_machine(kind, **changes)).machines[0]


def on_modbus_only(text: Document) -> Document:
    """Return the scenario without its OPC UA factories, which take seconds to start."""
    factories = [factory for factory in text["factories"] if "modbus_port" in factory]
    ids = {factory["id"] for factory in factories}
    machines = [entry for entry in text["machines"] if entry["factory"] in ids]
    return text | {"factories": factories, "machines": machines}


def anchored_now(text: Document) -> Scenario:
    """Return the scenario with its anchor at this moment."""
    return parse_scenario(text | {"anchor": datetime.now(UTC)})


def times_by_state(day: Day) -> Counter[State]:
    """Return the milliseconds in each state."""
    times: Counter[State] = Counter()
    for (start, state), (end, _) in pairwise([*day.changes, (day.end_ms, State.OFFLINE)]):
        times[state] += end - start
    return times
