"""The arrival as it was told: an entry whenever the shown date changed, with what changed it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Told:
    """What buyers were told of an order `at_ms` (UTC ms), when `done` (0 to 1) of it was done.

    `step` and `cause` (of `model.progress.Cause`) are what made most of the change against the entry before,
    `hours` how much; None where it cannot be traced. `raw_ms` are the three as `Arrival.raw_ms` has them.
    """

    order: str
    at_ms: int
    p10_ms: int | None
    p50_ms: int | None
    p90_ms: int | None
    on_time: float | None
    done: float
    step: str | None = None
    cause: str | None = None
    hours: float | None = None
    raw_ms: tuple[int, int, int] | None = None
