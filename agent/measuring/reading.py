"""A reading: one signal's value with quality and time, as every driver yields it."""

from dataclasses import dataclass
from math import isfinite

Value = bool | int | float | str

GOOD = "good"

_SWITCH_WORDS = {"true": True, "on": True, "false": False, "off": False}


@dataclass(frozen=True, slots=True)
class Reading:
    """One signal's value at `at_ms` (UTC, milliseconds since the epoch).

    `value` is None whenever the quality is not good: unknown is not zero. `quality` is `good` or the
    reason in the protocol's own words (`BadNodeIdUnknown`, `exception 2: illegal data address`).
    """

    signal: str
    value: Value | None
    at_ms: int
    quality: str = GOOD


Batch = tuple[Reading, ...]


def as_number(value: Value | None) -> int | float | None:
    """Return `value` as a finite number, text that spells one included; None when it is none."""
    if isinstance(value, str):
        try:
            value = float(value) if not value.strip().lstrip("+-").isdecimal() else int(value)
        except ValueError:
            return None
    if value is None or (isinstance(value, float) and not isfinite(value)):
        return None
    return int(value) if isinstance(value, bool) else value


def as_switch(value: Value | None) -> bool | None:
    """Return `value` as on or off (numbers: on unless zero; text: true, on, false, off); None if neither."""
    if isinstance(value, str) and value.strip().lower() in _SWITCH_WORDS:
        return _SWITCH_WORDS[value.strip().lower()]
    number = as_number(value)
    return None if number is None else number != 0
