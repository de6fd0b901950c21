"""Live values: metrics of a machine or an agent in, its present out; each value is checked by itself."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from agent.contract import names
from agent.contract.states import State
from aggregator.ingest.aliases import Named, Value
from aggregator.live import LiveAgent, LiveMachine

TEXT_LIMIT = 256
_MOMENT_LIMIT_MS = 253_402_300_800_000  # year 10000
_COUNT_LIMIT = 2**63


RefusedMetric = tuple[str, str]
"""Its name, and why."""


class ValueRefused(ValueError):
    """The value does not fit its metric; the message says what was expected."""


def present(
    live: LiveMachine, metrics: Iterable[Named], now_ms: int
) -> tuple[LiveMachine, list[tuple[str, str]]]:
    """Return the machine's new present, and the metrics that were refused; the others count all the same.

    `now_ms` stands in for a state's beginning when neither `State Since` nor the metric's own time says it.
    """
    changes: dict[str, Any] = {"heard_ms": now_ms}
    refused = []
    changed_at_ms = now_ms
    for metric in metrics:
        if metric.name not in _FIELDS:
            continue
        field, check = _FIELDS[metric.name]
        try:
            changes[field] = check(metric.value)
        except ValueRefused as error:
            refused.append((metric.name, str(error)))
        else:
            if field == "state":
                changed_at_ms = now_ms if metric.at_ms is None else metric.at_ms
    if changes.get("state", live.state) != live.state:
        changes.setdefault("since_ms", changed_at_ms)
    return replace(live, **changes), refused


def agent_present(
    agent: LiveAgent, metrics: Iterable[Named], now_ms: int
) -> tuple[LiveAgent, list[RefusedMetric]]:
    """Return what the agent says of itself now, and the metrics that were refused; the others count."""
    changes: dict[str, Any] = {"heard_ms": now_ms, "connected": True}
    refused = []
    for metric in metrics:
        if metric.name not in _AGENT_FIELDS:
            continue
        field, check = _AGENT_FIELDS[metric.name]
        try:
            changes[field] = None if metric.value is None else check(metric.value)
        except ValueRefused as error:
            refused.append((metric.name, str(error)))
    return replace(agent, **changes), refused


def text(value: Value) -> str:
    """Return `value` if it is text that every store can hold, else raise ValueRefused."""
    if not isinstance(value, str):
        raise ValueRefused(f"expected text, got {_shown(value)}")
    if len(value) > TEXT_LIMIT or "\x00" in value:
        raise ValueRefused(f"expected at most {TEXT_LIMIT} characters and no NUL, got {_shown(value)}")
    return value


def count(value: Value) -> int:
    """Return `value` if it is a whole number from 0, else raise ValueRefused."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < _COUNT_LIMIT:
        raise ValueRefused(f"expected a whole number from 0, got {_shown(value)}")
    return value


def _moment(value: Value) -> int | None:
    if value is None:
        return None
    if count(value) >= _MOMENT_LIMIT_MS:
        raise ValueRefused(f"expected milliseconds since 1970, got {_shown(value)}")
    return count(value)


def _state(value: Value) -> State:
    if value is None:
        return State.OFFLINE
    try:
        return State(text(value))
    except ValueError:
        raise ValueRefused(f"expected one of {', '.join(State)}, got {_shown(value)}") from None


def _truth(value: Value) -> bool:
    if not isinstance(value, bool):
        raise ValueRefused(f"expected true or false, got {_shown(value)}")
    return value


def _share(value: Value) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise ValueRefused(f"expected a share from 0 to 1, got {_shown(value)}")
    return float(value)


def _shown(value: Value) -> str:
    shown = repr(value)
    return shown if len(shown) <= 60 else f"{shown[:60]}…"


# Names of a foreign edge node's metrics will be mapped to these by configuration.
_FIELDS: dict[str, tuple[str, Callable[[Value], Any]]] = {
    names.STATE: ("state", _state),
    names.STATE_SINCE: ("since_ms", _moment),
    names.CYCLES_TOTAL: ("cycles_total", lambda value: None if value is None else count(value)),
    names.UTILIZATION: ("utilization", _share),
    names.JOB: ("job", lambda value: "" if value is None else text(value)),
}

_AGENT_FIELDS: dict[str, tuple[str, Callable[[Value], Any]]] = {
    names.VERSION: ("version", text),
    names.OUTBOX_RECORDS: ("outbox_records", count),
    names.TIME_SYNCHRONISED: ("time_synchronised", _truth),
    names.RECONNECTS: ("reconnects", count),
    names.MEMORY_BYTES: ("memory_bytes", count),
    names.UPTIME_S: ("uptime_s", count),
}
AGENT_METRICS = frozenset(_AGENT_FIELDS)
