"""`orders/{order}/revisions` on a real server: every form is kept, and what cannot be says why."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from aggregator.access.links import link_to_order
from aggregator.model.job import Job, JobStatus
from aggregator.planning.revising import RevisionRefused, smaller
from aggregator.store.work import Ledgers
from tests.aggregator.api.test_matches import MATCHES, Place
from tests.aggregator.faces import bearer
from tests.aggregator.planning.markets import DRAFT, FIRST, HandMadeSpare, market
from tests.aggregator.planning.towns import matching
from tests.stack import NO_TLS


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with (
        matching(tmp_path_factory.mktemp("revising")) as (url, town, spare),
        httpx.Client(base_url=url, headers=bearer(town), timeout=60, verify=NO_TLS) as client,
    ):
        yield Place(client, town, spare)


def revise(place: Place, order: str, **body: Any) -> httpx.Response:
    return place.client.post(f"/api/v1/orders/{order}/revisions", json={"reason": "設計変更", **body})


def history(place: Place, order: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = place.client.get(f"/api/v1/orders/{order}/revisions").json()["revisions"]
    return found


def approved(place: Place) -> str:
    """Return the id of an approved order of 600 pieces, on capacity that no other test took."""
    offered: HandMadeSpare = place.spare
    offered.offered = market(aoki=9_000, sato=9_000, higashi=9_000, kita=9_000)
    made = place.propose(quantity=600)
    answer = place.decide(made["id"], "approve")
    assert answer.status_code == 200, answer.text
    return str(made["order"])


def test_before_approval_a_revision_makes_a_new_proposal_and_keeps_the_old_form(place: Place) -> None:
    made = place.propose()
    answer = revise(place, made["order"], quantity=900, part="ブラケット Ｂ")
    assert answer.status_code == 201, answer.text
    told = answer.json()
    assert (told["revision"]["revision"], told["revision"]["quantity"]) == (2, 900)
    assert place.client.get(f"{MATCHES}/{told['match']}").json()["draft"]["quantity"] == 900
    forms = history(place, made["order"])
    assert [(each["revision"], each["quantity"], each["reason"]) for each in forms] == [
        (1, 600, None),
        (2, 900, "設計変更"),
    ]
    assert forms[0]["steps"] == ["cutting", "inspection"]


def test_links_end_when_another_buyer_has_the_order(place: Place) -> None:
    order = approved(place)
    links = place.town.services.links
    now = place.town.services.now()
    path = link_to_order(links, order, "coordinator", now, now + 86_400_000).path
    assert revise(place, order, part="ブラケット Ｃ").status_code == 201
    assert links.of(orders=[order])[0].revoked_ms is None
    assert place.client.get(path, headers={"Authorization": ""}).status_code == 200
    assert revise(place, order, buyer="別の会社").status_code == 201
    assert place.client.get(path, headers={"Authorization": ""}).status_code == 410


def test_after_approval_fewer_pieces_make_jobs_smaller_that_have_not_begun(place: Place) -> None:
    order = approved(place)
    before = {job.id: job for job in place.town.services.planning.jobs(order)}
    answer = revise(place, order, quantity=300)
    assert answer.status_code == 201, answer.text
    assert answer.json()["match"] is None
    jobs = {job.id: job for job in place.town.services.planning.jobs(order)}
    assert {job.pieces for job in jobs.values()} == {300}
    cut = jobs[f"{order}-1a"]
    assert (before[cut.id].minutes, cut.minutes) == (660, 360)  # an hour of setup stays
    entry = place.town.services.audit.entries(order, 1)[0]
    assert entry.detail["quantity"] == ["600", "300"]
    assert entry.detail["jobs"][cut.id] == [600, 300]


def test_work_that_has_begun_keeps_its_pieces(place: Place) -> None:
    order = approved(place)
    with Ledgers(place.town.services.records.engine).deciding() as entries:
        entries.set_job(f"{order}-2a", JobStatus.RUNNING, "m-1")
    answer = revise(place, order, quantity=300)
    assert answer.status_code == 409
    assert "has begun" in answer.json()["detail"]
    assert {job.pieces for job in place.town.services.planning.jobs(order)} == {600}
    assert len(history(place, order)) == 1
    assert revise(place, order, due="2027-01-15").status_code == 201


def test_what_cannot_be_is_refused_with_its_reason(place: Place) -> None:
    order = approved(place)
    for body, status, words in (
        ({"quantity": 700}, 409, "enter an order for the difference"),
        ({"quantity": 600}, 409, "nothing would change"),
        ({"quantity": 0}, 422, "order at least 1"),
        ({"due": "2020-01-01"}, 422, "is over"),
        ({"reason": " ", "quantity": 500}, 422, "say why"),
        ({}, 422, "at least one of"),
        ({"steps": []}, 422, "no such parameter"),
    ):
        answer = revise(place, order, **body)
        assert answer.status_code == status, answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        assert words in answer.text
    assert revise(place, "2026-9999", quantity=1).status_code == 404
    assert place.client.get("/api/v1/orders/2026-9999/revisions").status_code == 404
    cancelled = place.client.post(f"{MATCHES}/{order}-p1/cancel", json={"reason": "取消"})
    assert cancelled.status_code == 200, cancelled.text
    assert "is over" in revise(place, order, quantity=500).json()["detail"]


def test_lots_give_up_their_share_and_none_falls_below_the_smallest() -> None:
    lots = [
        Job(f"o-1{name}", "o", "cut", "aoki", "cutting", pieces, minutes, 1, frozenset(), ((FIRST, minutes),))
        for name, pieces, minutes in (("a", 334, 394), ("b", 266, 326))
    ]
    assert [job.pieces for job in smaller(lots, DRAFT.steps, 600, 301)] == [168, 133]
    with pytest.raises(RevisionRefused):
        smaller(lots, DRAFT.steps, 600, 1)
