"""Links of buyers as stored, only the hash of what is secret; decisions stand in the audit log too."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import Engine, RowMapping, insert, or_, select, update

from aggregator.errors import AggregatorError
from aggregator.model.buyer_link import BuyerLink
from aggregator.store.audit import append
from aggregator.store.database import reading, writing
from aggregator.store.work_schema import buyer_links


class LinkError(AggregatorError):
    """There is no such link, or it was revoked already; the message says which."""


class Links:
    """All methods block; they raise StoreError. `access.links` makes secrets."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(
        self,
        secret_hash: str,
        *,
        order: str | None,
        buyer: str | None,
        who: str,
        now_ms: int,
        expires_ms: int,
    ) -> BuyerLink:
        """Store a new link to an order, or to all orders of a buyer: one of both is set."""
        row = {
            "secret_hash": secret_hash,
            "order_id": order,
            "buyer": buyer,
            "created_ms": now_ms,
            "created_by": who,
            "expires_ms": expires_ms,
        }
        with writing(self._engine) as connection:
            made = connection.execute(insert(buyer_links).values(row).returning(buyer_links)).mappings().one()
            link = _link(made)
            append(connection, now_ms, who, "link made", _subject(link), _detail(link))
            return link

    def find(self, secret_hash: str) -> BuyerLink | None:
        """Return the link of that secret, expired and revoked ones too; None when there never was one."""
        with reading(self._engine) as connection:
            query = select(buyer_links).where(buyer_links.c.secret_hash == secret_hash)
            row = connection.execute(query).mappings().one_or_none()
        return _link(row) if row else None

    def get(self, link: int) -> BuyerLink | None:
        """Return the link of that number, as it stands now."""
        with reading(self._engine) as connection:
            query = select(buyer_links).where(buyer_links.c.id == link)
            row = connection.execute(query).mappings().one_or_none()
        return _link(row) if row else None

    def of(self, *, orders: Collection[str] = (), buyers: Collection[str] = ()) -> list[BuyerLink]:
        """Return the links to these orders and of these buyers, the newest first, revoked ones too."""
        wanted = or_(buyer_links.c.order_id.in_(list(orders)), buyer_links.c.buyer.in_(list(buyers)))
        query = select(buyer_links).where(wanted).order_by(buyer_links.c.id.desc())
        with reading(self._engine) as connection:
            return [_link(row) for row in connection.execute(query).mappings()]

    def revoke(self, link: int, who: str, now_ms: int, reason: str | None = None) -> BuyerLink:
        """End a link for good; raises LinkError when there is none, or it was revoked before."""
        with writing(self._engine) as connection:
            alive = (buyer_links.c.id == link) & buyer_links.c.revoked_ms.is_(None)
            statement = update(buyer_links).where(alive).values(revoked_ms=now_ms).returning(buyer_links)
            row = connection.execute(statement).mappings().one_or_none()
            if row is None:
                raise LinkError(f"link {link}: there is none, or it was revoked before")
            revoked = _link(row)
            detail = _detail(revoked) | ({"reason": reason} if reason else {})
            append(connection, now_ms, who, "link revoked", _subject(revoked), detail)
            return revoked

    def seen(self, link: int, now_ms: int, *, first_today: bool) -> None:
        """Note that the link was opened; the first time on a day that stands in the audit log."""
        with writing(self._engine) as connection:
            statement = update(buyer_links).where(buyer_links.c.id == link).values(seen_ms=now_ms)
            row = connection.execute(statement.returning(buyer_links)).mappings().one_or_none()
            if row is not None and first_today:
                found = _link(row)
                append(connection, now_ms, f"link {link}", "order viewed", _subject(found), _detail(found))


def _link(row: RowMapping) -> BuyerLink:
    cells: dict[str, Any] = dict(row)
    del cells["secret_hash"]
    return BuyerLink(order=cells.pop("order_id"), **cells)


def _subject(link: BuyerLink) -> str:
    return link.order or link.buyer or ""


def _detail(link: BuyerLink) -> dict[str, Any]:
    return {"link": link.id, "expires_ms": link.expires_ms}
