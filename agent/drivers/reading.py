"""A reading: one signal's value with quality and time, as every driver yields it."""

from dataclasses import dataclass

Value = bool | int | float | str

GOOD = "good"


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
