"""A match: an order draft, the proposal made for it, what that rests on, and what was decided."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from aggregator.model.order import OrderDraft
from aggregator.model.proposal import Proposal
from aggregator.model.week import Week


class OrderStatus(StrEnum):
    """`cancelled` orders were approved once; their open jobs hold no capacity. `done`: all is shipped."""

    DRAFT = "draft"
    PROPOSED = "proposed"
    APPROVED = "approved"
    REJECTED = "rejected"
    CANCELLED = "cancelled"
    DONE = "done"


class MatchStatus(StrEnum):
    """Only an `open` proposal can be decided; `replaced` ones have a newer one of the same order."""

    OPEN = "open"
    APPROVED = "approved"
    REJECTED = "rejected"
    REPLACED = "replaced"


@dataclass(frozen=True, slots=True)
class BasisCell:
    """Capacity that a proposal rests on, in minutes; `p10` before earlier orders, `taken` by those."""

    factory: str
    process: str
    week: Week
    p10: int
    taken: int


@dataclass(frozen=True, slots=True)
class Basis:
    """What a proposal rests on, computed at `computed_ms` (UTC ms).

    An edited proposal names the one it was made `from_match`.
    """

    computed_ms: int
    cells: tuple[BasisCell, ...] = ()
    from_match: str | None = None


@dataclass(frozen=True, slots=True)
class Match:
    """A proposal as stored; times are UTC ms. `decided_*` and `reason` are None while it is open."""

    id: str
    order: str
    status: MatchStatus
    order_status: OrderStatus
    draft: OrderDraft
    proposal: Proposal
    basis: Basis
    created_ms: int
    created_by: str
    decided_ms: int | None = None
    decided_by: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """Who decides, when (UTC ms) and why; `detail` goes to the audit log beside the reason."""

    who: str
    now_ms: int
    reason: str | None = None
    detail: Mapping[str, Any] | None = None
