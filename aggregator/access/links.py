"""Private links of buyers: an order or a buyer in, an address with a secret out, and back to who may look.

The secret stands in the address alone and is shown once; the store has its hash.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from aggregator.access.secret import hashed, new_secret
from aggregator.model.buyer_link import BuyerLink
from aggregator.store.links import Links

DAY_MS = 86_400_000
AFTER_DUE_DAYS = 90
"""A link holds so long after the due date, unless the coordinator chooses otherwise."""
LONGEST_SECRET = 200


class Refusal(StrEnum):
    """Why a link opens nothing."""

    UNKNOWN = "unknown"
    EXPIRED = "expired"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class NewLink:
    """A link just made; its `path` carries the secret and cannot be told again."""

    link: BuyerLink
    path: str = field(repr=False)


def usual_expiry(due_ms: int) -> int:
    """Return when a link to an order due at `due_ms` ends, unless someone chooses otherwise (UTC ms)."""
    return due_ms + AFTER_DUE_DAYS * DAY_MS


def link_to_order(links: Links, order: str, who: str, now_ms: int, expires_ms: int) -> NewLink:
    """Make a link that shows this order and nothing else; blocks on the store."""
    secret = new_secret()
    made = links.add(hashed(secret), order=order, buyer=None, who=who, now_ms=now_ms, expires_ms=expires_ms)
    return NewLink(made, f"/o/{secret}")


def link_for_buyer(links: Links, buyer: str, who: str, now_ms: int, expires_ms: int) -> NewLink:
    """Make a link that shows all orders of this buyer, later ones too; blocks on the store."""
    secret = new_secret()
    made = links.add(hashed(secret), order=None, buyer=buyer, who=who, now_ms=now_ms, expires_ms=expires_ms)
    return NewLink(made, f"/o/{secret}")


def open_link(links: Links, secret: str, now_ms: int) -> BuyerLink | Refusal:
    """Return the link of a secret that holds now, or why it does not; blocks on the store."""
    found = links.find(hashed(secret)) if len(secret) <= LONGEST_SECRET else None
    return Refusal.UNKNOWN if found is None else refused(found, now_ms) or found


def refused(link: BuyerLink, now_ms: int) -> Refusal | None:
    """Return why a link opens nothing at `now_ms`; None while it holds."""
    if link.revoked_ms is not None:
        return Refusal.REVOKED
    return Refusal.EXPIRED if link.expires_ms <= now_ms else None
