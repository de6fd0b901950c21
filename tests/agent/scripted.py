"""A driver for tests that does what a script says: batches, pauses, failures."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from typing import Any

import msgspec

from agent.drivers import DriverEntry
from agent.measuring.reading import Batch, Reading, Value

SCRIPTED = DriverEntry(__name__, __name__)
SCRIPTS: dict[str, Sequence[Any]] = {}
"""Name -> what comes: a dict of signal to value, seconds to wait, or an exception to fail with."""


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which script is played."""

    script: str
    signals: dict[str, int]
    silence_s: float = 60.0
    longest_pause_s: float = 10.0


async def readings(settings: Settings, now: Callable[[], int]) -> AsyncGenerator[Batch, None]:
    """Play the script, then be silent for ever."""
    for step in SCRIPTS[settings.script]:
        if isinstance(step, BaseException):
            raise step
        if isinstance(step, dict):
            yield tuple(Reading(signal, value, now()) for signal, value in step.items())
        else:
            await asyncio.sleep(step)
    await asyncio.Event().wait()


def machine(machine: str, *steps: Mapping[str, Value | None] | float | BaseException) -> dict[str, Any]:
    """Return the table of a machine with the signals `running` and `parts` that plays these steps."""
    SCRIPTS[machine] = steps
    return {
        "id": machine,
        "process": "cutting",
        "driver": "scripted",
        "scripted": {"script": machine, "signals": {"running": 0, "parts": 1}},
        "rules": [{"state": "RUNNING", "when": {"running": True}}],
        "otherwise": "IDLE",
        "cycles": {"counter": "parts"},
    }
