"""The demo scenario: the template and the present in, a scenario with free ports and open gates out."""

import tomllib
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import chain
from pathlib import Path
from random import SystemRandom
from typing import Any

from agent.contract.states import State
from agent.simulator.gates import is_open, later_load, moved, shift_table
from agent.simulator.plant import Factory, Scenario
from agent.simulator.scenario import parse_scenario
from agent.simulator.servers import is_free
from agent.simulator.shifts import day_of
from agent.simulator.status import status_at
from agent.simulator.timeline import make_day
from agent.simulator.toml import rendered

TEMPLATE = Path(__file__).parent / "scenarios" / "demo.toml"
# Below the ports that the system hands out for outgoing connections, which would sooner or later take ours.
PORTS = range(20_000, 30_000)
SEEDS = 6
SOON_MS = 15 * 60_000

Document = dict[str, Any]


def demo_text(now: datetime, stop_after_s: float | None = None) -> str:
    """Return the text of the demo scenario, ready to be run at `now` (aware)."""
    document, moved_factories = demo_document(now, stop_after_s)
    when = f"{now.astimezone(document['anchor'].tzinfo):%Y-%m-%d %H:%M %Z}"
    comments = [f"# The demo scenario, written at {when} by `machikoba-agent simulate --demo-scenario`."]
    if moved_factories:
        comments.append(
            "# These factories would be closed now; so that the floor is open, their hours and working"
        )
        comments.append(f"# weekdays were moved: {', '.join(moved_factories)}.")
    return "\n".join(comments) + "\n\n" + rendered(document)


def demo_document(now: datetime, stop_after_s: float | None = None) -> tuple[Document, list[str]]:
    """Return the scenario as a document, and the ids of the factories whose hours were moved."""
    document = tomllib.loads(TEMPLATE.read_text(encoding="utf-8"))
    template = parse_scenario(document)
    zone = template.factories[0].zone
    document["anchor"] = now.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    if stop_after_s is not None:
        document["ends_at"] = now.astimezone(zone) + timedelta(seconds=stop_after_s)
    ports = free_ports()
    moved_factories = []
    for entry, factory in zip(document["factories"], template.factories, strict=True):
        for key in ("opcua_port", "modbus_port"):
            if key in entry:
                entry[key] = next(ports)
        if not is_open(factory, now):
            _move(entry, factory, now)
            moved_factories.append(factory.id)
    now_ms = round(now.timestamp() * 1000)
    document["seed"] = liveliest_seed(document, now_ms)
    _set_counters(document, parse_scenario(document), now_ms)
    return document, moved_factories


def _move(entry: Document, factory: Factory, now: datetime) -> None:
    shifts, days = moved(factory, now)
    entry["shifts"] = [shift_table(shift) for shift in shifts]
    entry["load"] = later_load(entry["load"], days)


def liveliest_seed(document: Document, now_ms: int) -> int:
    """Return the seed, of the template's and some more, with which most happens everywhere soon.

    Chance may leave three machines of a factory without orders just while people look at it.
    """
    seeds = range(document["seed"], document["seed"] + SEEDS)
    return max(seeds, key=lambda seed: _liveliness(parse_scenario(document | {"seed": seed}), now_ms))


def _liveliness(scenario: Scenario, now_ms: int) -> tuple[int, int, int]:
    """Return the number of states seen now, and of changes soon to come: at the quietest factory, in all."""
    states = set()
    changes: Counter[str] = Counter({factory.id: 0 for factory in scenario.factories})
    for machine in scenario.machines:
        day = make_day(machine, day_of(now_ms, machine.factory.zone))
        states.add([state for at_ms, state in day.changes if at_ms <= now_ms][-1])
        changes[machine.factory.id] += sum(now_ms < at_ms < now_ms + SOON_MS for at_ms, _state in day.changes)
    return len(states - {State.PLANNED_STOP}), min(changes.values()), changes.total()


def _set_counters(document: Document, scenario: Scenario, now_ms: int) -> None:
    """Let 16-bit counters show now what the template says: one of them is to wrap soon."""
    for entry, machine in zip(document["machines"], scenario.machines, strict=True):
        if machine.wiring.counter_bits == 16:
            since_anchor = status_at(machine, scenario.anchor_ms, now_ms).total - machine.initial_count
            entry["initial_count"] = max(0, machine.initial_count - since_anchor)


def free_ports() -> Iterator[int]:
    """Yield different ports of loopback that are free at the moment."""
    start = SystemRandom().choice(PORTS)
    candidates = chain(range(start, PORTS.stop), range(PORTS.start, start))
    return (port for port in candidates if is_free(port))
