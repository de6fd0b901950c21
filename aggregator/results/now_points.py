"""What is now in, points of `agents`, `orders` and `machines` out. Pure."""

from collections.abc import Iterable, Iterator, Mapping

from aggregator.alerting.rule import culprit, lateness
from aggregator.live import LiveAgent
from aggregator.model.machine import Factory, Machine, MachineKey
from aggregator.model.point import Point
from aggregator.model.progress import OrderProgress

AGENTS, ORDERS, MACHINES = "agents", "orders", "machines"
_ALWAYS_MS = 0
"""Names have no time: one point a machine, in the place of the one before."""


def agent_points(
    factories: Iterable[Factory],
    agents: Mapping[str, LiveAgent],
    newest_ms: Mapping[MachineKey, int],
    now_ms: int,
) -> Iterator[Point]:
    """Yield a point a factory; `newest_ms` is the end of each machine's newest stored window."""
    newest: dict[str, int] = {}
    for key, at_ms in newest_ms.items():
        newest[key.factory] = max(at_ms, newest.get(key.factory, at_ms))
    for factory in factories:
        agent = agents.get(factory.id) or LiveAgent(factory.id)
        end_ms = newest.get(factory.id)
        fields: dict[str, int | float | str] = {
            "connected": int(agent.connected),
            "lag_ms": -1 if end_ms is None else max(now_ms - end_ms, 0),
        }
        yield Point(AGENTS, {"factory": factory.id}, now_ms, fields | _said(agent))


def order_points(orders: Iterable[OrderProgress], now_ms: int) -> Iterator[Point]:
    """Yield a point an open order: how likely it is late, and where that comes from."""
    for order in orders:
        late, arrival = lateness(order), order.arrival
        step, cause = culprit(order) or ("", None)
        processes = {each.step.id: each.step.process for each in order.steps}
        fields: dict[str, int | float | str] = {
            "late": late or 0.0,
            "late_known": int(late is not None),
            "share": float(order.share),
            "due_ms": order.due_ms,
            "p50_ms": (arrival.p50_ms if arrival else None) or 0,
            "p90_ms": (arrival.p90_ms if arrival else None) or 0,
            "process": processes.get(step, ""),
            "cause": cause.value if cause else "",
        }
        yield Point(ORDERS, {"order": order.order}, now_ms, fields)


def machine_points(machines: Iterable[Machine], factories: Iterable[Factory]) -> Iterator[Point]:
    """Yield a point a machine: what people call it."""
    names = {factory.id: factory.name for factory in factories}
    for machine in machines:
        factory_name = names.get(machine.key.factory, machine.key.factory)
        fields: dict[str, int | float | str] = {
            "factory_name": factory_name,
            "machine_name": machine.name,
            "label": f"{factory_name} {machine.name}",
            "process": machine.process or "",
            "trust": machine.trust,
        }
        tags = {"factory": machine.key.factory, "machine": machine.key.machine}
        yield Point(MACHINES, tags, _ALWAYS_MS, fields, lasting=True)


def _said(agent: LiveAgent) -> dict[str, int | float | str]:
    """Return what a connected agent said of itself; what it never said has no field."""
    if not agent.connected:
        return {}
    said = {
        "outbox_records": agent.outbox_records,
        "time_synchronised": None if agent.time_synchronised is None else int(agent.time_synchronised),
        "reconnects": agent.reconnects,
        "memory_bytes": agent.memory_bytes,
        "uptime_s": agent.uptime_s,
        "version": agent.version,
    }
    return {name: value for name, value in said.items() if value is not None}
