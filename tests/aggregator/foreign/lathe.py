"""A foreign lathe, as the configuration declares it."""

from typing import Any

from aggregator.foreign.settings import ForeignMachine
from aggregator.model.machine import MachineKey

KEY = MachineKey("nishi", "lathe")


def lathe(**more: Any) -> ForeignMachine:
    """RUNNING while the spindle turns, DOWN with an alarm, else IDLE; `Counters/Good` counts."""
    table: dict[str, Any] = {
        "factory": KEY.factory,
        "machine": KEY.machine,
        "name": "旋盤",
        "factory_name": "西製作所",
        "process": "cutting",
        "signals": {"spindle": "Spindle/RPM", "alarm": "Alarm", "parts": "Counters/Good"},
        "rules": [
            {"state": "DOWN", "when": {"alarm": True}},
            {"state": "RUNNING", "when": {"spindle": {"above": 10}}},
        ],
        "otherwise": "IDLE",
        "cycles": {"counter": "parts", "bits": 16, "min_cycle_s": 1},
    }
    return ForeignMachine(**table | more)
