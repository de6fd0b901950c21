"""Alerts: an order's chance of being late passed the threshold, and what was told to whom of it."""

from dataclasses import dataclass
from enum import StrEnum


class Channel(StrEnum):
    """How an alert is told; on the pages it always is."""

    EMAIL = "email"
    WEBHOOK = "webhook"


@dataclass(frozen=True, slots=True)
class Alert:
    """`order` is likely late since `raised_ms` (UTC ms); `cleared_ms` is when that was over.

    `late` is the chance (0 to 1) of being late when it was raised; `step` the one that causes it, if known.
    """

    id: int
    order: str
    raised_ms: int
    late: float
    step: str | None
    cause: str | None
    cleared_ms: int | None = None
    seen_ms: int | None = None
    seen_by: str | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """An alert on its way to `target`: told exactly once, at `sent_ms`; `failed` says why it is not yet."""

    id: int
    alert: int
    channel: Channel
    target: str
    tries: int = 0
    next_try_ms: int = 0
    sent_ms: int | None = None
    failed: str | None = None
