"""Private links: who holds one sees an order, or all orders of a buyer, and nothing else."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BuyerLink:
    """A link as stored, without its secret; either `order` or `buyer` is set. Times are UTC milliseconds."""

    id: int
    order: str | None
    buyer: str | None
    created_ms: int
    created_by: str
    expires_ms: int
    revoked_ms: int | None = None
    seen_ms: int | None = None
