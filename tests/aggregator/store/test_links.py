"""Links of buyers on both databases: found by the hash alone, ended once, every step in the audit log."""

import pytest
from sqlalchemy import Engine

from aggregator.model.buyer_link import BuyerLink
from aggregator.store.audit import Audit
from aggregator.store.links import LinkError, Links
from aggregator.store.orders import Orders
from tests.aggregator.store.test_orders import propose

NOW_MS = 1_795_500_000_000
BUYER = "大手精機 株式会社"


@pytest.fixture
def links(engine: Engine) -> Links:
    return Links(engine)


def to_buyer(links: Links, secret_hash: str = "hash-1") -> BuyerLink:
    return links.add(secret_hash, order=None, buyer=BUYER, who="kenta", now_ms=NOW_MS, expires_ms=NOW_MS + 9)


def test_a_link_is_found_by_the_hash_of_its_secret_and_by_its_number(links: Links, engine: Engine) -> None:
    order = propose(Orders(engine)).order
    of_order = links.add("hash-0", order=order, buyer=None, who="kenta", now_ms=NOW_MS, expires_ms=NOW_MS + 9)
    of_buyer = to_buyer(links)
    assert (of_order.order, of_order.buyer, of_buyer.order, of_buyer.buyer) == (order, None, None, BUYER)
    assert (links.find("hash-0"), links.find("hash-1"), links.find("guessed")) == (of_order, of_buyer, None)
    assert (links.get(of_buyer.id), links.get(99)) == (of_buyer, None)
    assert links.of(orders=[order], buyers=[BUYER]) == [of_buyer, of_order]
    assert links.of() == []


def test_a_link_ends_once_and_stays_to_be_seen(links: Links) -> None:
    link = to_buyer(links)
    assert links.revoke(link.id, "kenta", NOW_MS + 1, "納品済み").revoked_ms == NOW_MS + 1
    assert [each.revoked_ms for each in links.of(buyers=[BUYER])] == [NOW_MS + 1]
    for number in (link.id, 99):
        with pytest.raises(LinkError, match=f"link {number}: there is none, or it was revoked before"):
            links.revoke(number, "kenta", NOW_MS + 2)


def test_every_step_is_in_the_audit_log_and_of_openings_the_first_of_a_day(
    links: Links, engine: Engine
) -> None:
    link = to_buyer(links)
    links.seen(link.id, NOW_MS + 1, first_today=True)
    links.seen(link.id, NOW_MS + 2, first_today=False)
    links.revoke(link.id, "kenta", NOW_MS + 3)
    found = links.get(link.id)
    assert found is not None
    assert found.seen_ms == NOW_MS + 2
    told = [(entry.action, entry.who) for entry in reversed(Audit(engine).entries())]
    assert told == [("link made", "kenta"), ("order viewed", f"link {link.id}"), ("link revoked", "kenta")]
