"""`matches` on a real server: drafts, decisions, drills, and everything that cannot be right."""

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.aggregator.faces import bearer
from tests.aggregator.planning.markets import HandMadeSpare, market
from tests.aggregator.planning.towns import matching
from tests.aggregator.town import Town
from tests.stack import NO_TLS

MATCHES = "/api/v1/matches"
BODY: dict[str, Any] = {
    "buyer": "大手精機 株式会社",
    "part": "ブラケット Ａ",
    "quantity": 600,
    "due": "2027-01-08",
    "steps": [
        {"id": "切削", "process": "cutting", "cycle_s": 60, "setup_h": 1},
        {"id": "検査", "process": "inspection", "cycle_s": 20, "after": ["切削"]},
    ],
}


@dataclass
class Place:
    """A client that speaks for the coordinator, and the capacity behind it."""

    client: httpx.Client
    town: Town
    spare: HandMadeSpare

    def propose(self, **changed: Any) -> dict[str, Any]:
        answer = self.client.post(MATCHES, json={**BODY, **changed})
        assert answer.status_code == 201, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def decide(self, match: str, what: str, **body: Any) -> httpx.Response:
        return self.client.post(f"{MATCHES}/{match}/{what}", json=body)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with (
        matching(tmp_path_factory.mktemp("matching")) as (url, town, spare),
        httpx.Client(base_url=url, headers=bearer(town), timeout=60, verify=NO_TLS) as client,
    ):
        yield Place(client, town, spare)


@pytest.fixture(autouse=True)
def same_capacity(place: Place) -> None:
    place.spare.offered = market()


def test_a_draft_becomes_a_proposal_with_all_that_explains_it(place: Place) -> None:
    made = place.propose()
    assert made["status"] == "open"
    best = made["plans"][0]
    assert [lot["step"] for lot in best["lots"]] == ["切削", "検査"]
    assert best["lots"][0]["minutes"] == 660
    assert best["lots"][0]["work"][0]["week"].startswith("2026-W")
    assert {backup["step"] for backup in best["backups"]} == {"切削", "検査"}
    assert set(best["tiers"]) == {
        "unplaced_minutes", "late_orders", "late_days", "without_backup",
        "largest_share_permille", "transport_days",
    }  # fmt: skip
    assert {(each["step"], each["factory"]) for each in made["without"]} == {
        (lot["step"], lot["factory"]) for lot in best["lots"]
    }
    assert made["draw"]
    assert made["standing"] == {"stale": False, "fits": True, "shortages": [], "lost": [], "changed": []}
    assert place.client.get(f"{MATCHES}/{made['id']}").json() == made
    listed = place.client.get(MATCHES).json()["matches"][0]
    assert (listed["id"], listed["part"], listed["stale"]) == (made["id"], "ブラケット Ａ", False)


WRONG: dict[str, tuple[dict[str, Any], str, str]] = {
    "a process nobody has": ({"steps.0.process": "forging"}, "steps[0].process", "no factory has"),
    "a due date in the past": ({"due": "2026-11-01"}, "due", "give a date from 2026-11-24 on"),
    "zero pieces": ({"quantity": 0}, "quantity", "order at least 1"),
    "a loop in the routing": ({"steps.0.after": ["検査"]}, "steps[1].after", "wait for each other"),
    "a step that waits for itself": ({"steps.0.after": ["切削"]}, "steps[0].after", "wait for each other"),
    "too many pieces": ({"quantity": 10**60}, "quantity", "order at most"),
    "a step after none": ({"steps.1.after": ["めっき"]}, "steps[1].after", "there is no step"),
    "two steps of a name": ({"steps.1.id": "切削", "steps.1.after": []}, "steps[1].id", "give each its own"),
    "no steps": ({"steps": []}, "steps", "at least one step"),
    "a long name": ({"part": "長" * 300}, "part", "use at most 200"),
    "no name": ({"buyer": "  "}, "buyer", "must not be empty"),
    "no time": ({"steps.0.cycle_s": 0}, "steps[0].cycle_s", "give 0.001 to"),
    "a negative setup": ({"steps.0.setup_h": -1}, "steps[0].setup_h", "give 0 to"),
    "a text for a number": ({"quantity": "600"}, "quantity", "valid integer"),
    "a yes for a number": ({"quantity": True}, "quantity", "valid integer"),
    "half a piece": ({"quantity": 1.5}, "quantity", "valid integer"),
    "a number for a date": ({"due": 1}, "due", "expected a date such as"),
    "a date that is none": ({"due": "2026-02-31"}, "due", "day value is outside"),
    "a line break": ({"part": "a\nb"}, "part", "cannot be shown"),
    "a character that turns the line around": ({"part": "a\u202eb"}, "part", "cannot be shown"),
    "a NUL": ({"steps.0.id": "a\0"}, "steps.0.id", "cannot be shown"),
    "a word too much": ({"colour": "red"}, "colour", "there is no such parameter"),
    "a wrong need": ({"steps.0.needs": {"size_mm": [1, 2]}}, "steps.0.needs.size_mm.2", "required"),
    "a need below zero": ({"steps.0.needs": {"tonnage_kn": -1}}, "steps[0].needs.tonnage_kn", "above 0"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_says_where_it_is_and_what_to_change(place: Place, case: str) -> None:
    changes, parameter, reason = WRONG[case]
    answer = place.client.post(MATCHES, json=changed(changes))
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    errors = {error["parameter"]: error["reason"] for error in answer.json()["errors"]}
    assert parameter in errors
    assert reason in errors[parameter]


def changed(changes: dict[str, Any]) -> dict[str, Any]:
    """Return the body with some places changed: `steps.0.after` names one."""
    body = copy.deepcopy(BODY)
    for path, value in changes.items():
        *way, last = path.split(".")
        at: Any = body
        for part in way:
            at = at[int(part)] if part.isdecimal() else at[part]
        at[last] = value
    return body


@pytest.mark.parametrize(
    "text", ['{"quantity": NaN}', '{"quantity": 1e999}', "[1, 2", "null", '"text"', '{"part": "\\ud800"}', ""]
)
def test_what_is_no_draft_at_all_is_refused(place: Place, text: str) -> None:
    answer = place.client.post(MATCHES, content=text, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    assert answer.json()["errors"]


def test_a_million_pieces_are_answered_with_what_is_missing(place: Place) -> None:
    best = place.propose(quantity=1_000_000)["plans"][0]
    assert best["tiers"]["unplaced_minutes"] > 0
    refused = place.decide(place.client.get(MATCHES).json()["matches"][0]["id"], "approve")
    assert refused.status_code == 409
    assert "some work has no place yet" in refused.json()["detail"]


def test_approval_commits_once_and_says_so_the_second_time(place: Place) -> None:
    made = place.propose()
    approved = place.decide(made["id"], "approve").json()
    assert (approved["status"], approved["order_status"], approved["standing"]) == (
        "approved",
        "approved",
        None,
    )
    assert [job["id"] for job in approved["jobs"]] == [f"{made['order']}-1a", f"{made['order']}-2a"]
    assert approved["decided_by"] == "coordinator"
    second = place.decide(made["id"], "approve")
    assert second.status_code == 409
    assert "decided already" in second.json()["detail"]
    cancelled = place.decide(made["id"], "cancel", reason="注文取消").json()
    assert cancelled["order_status"] == "cancelled"
    assert {job["status"] for job in cancelled["jobs"]} == {"cancelled"}


def test_a_stale_proposal_says_what_changed_and_what_is_lacking(place: Place) -> None:
    made = place.propose()
    lot = made["plans"][0]["lots"][0]
    place.spare.offered = market(**{lot["factory"]: 300})
    standing = place.client.get(f"{MATCHES}/{made['id']}").json()["standing"]
    assert (standing["stale"], standing["fits"]) == (True, False)
    assert standing["changed"][0] | {"week": ""} == {
        "factory": lot["factory"], "process": "cutting", "week": "", "before": 1_200, "now": 300,
    }  # fmt: skip
    refused = place.decide(made["id"], "approve", confirm=True)
    assert refused.status_code == 409
    assert refused.json()["lacking"] == [
        {"factory": lot["factory"], "process": "cutting", "week": lot["work"][0]["week"],
         "hours": (lot["minutes"] - 300) / 60, "machines": []}
    ]  # fmt: skip
    newer = place.client.post(f"{MATCHES}/{made['id']}/again").json()
    assert newer["plans"][0]["lots"][0]["factory"] != lot["factory"]
    assert place.decide(newer["id"], "reject", reason="納期").json()["reason"] == "納期"


def test_a_change_is_checked_and_compared_with_what_was_proposed(place: Place) -> None:
    made = place.propose()
    lot = made["plans"][0]["lots"][0]
    other = {"aoki": "sato", "sato": "aoki"}[lot["factory"]]
    change = {"step": "切削", "factory": lot["factory"], "to_factory": other, "weeks": ["2026-W50"]}
    edited = place.decide(made["id"], "edit", reason="材料がもうある", lots=[change])
    assert edited.status_code == 201, edited.text
    newer = edited.json()
    moved = newer["plans"][0]["lots"][0]
    assert (moved["factory"], [each["week"] for each in moved["work"]]) == (other, ["2026-W50"])
    assert newer["from_match"] == made["id"]
    log = place.client.get("/api/v1/audit", params={"subject": made["id"]}).json()["entries"]
    assert log[0]["action"] == "proposal replaced"
    assert log[0]["detail"]["reason"] == "材料がもうある"
    assert log[0]["detail"]["proposed"] == made["plans"][0]["tiers"]
    assert log[0]["detail"]["edited"] == newer["plans"][0]["tiers"]


def test_a_change_that_does_not_fit_says_which_hours_are_lacking(place: Place) -> None:
    lot = (made := place.propose())["plans"][0]["lots"][0]
    other = {"aoki": "sato", "sato": "aoki"}[lot["factory"]]
    place.spare.offered = market(**{other: 60})
    change = {"step": "切削", "factory": lot["factory"], "to_factory": other, "weeks": ["2026-W50"]}
    answer = place.decide(made["id"], "edit", reason="x", lots=[change])
    assert answer.status_code == 409
    lacking = answer.json()["lacking"][0]
    assert (lacking["factory"], lacking["week"]) == (other, "2026-W50")
    assert lacking["hours"] > 0
    assert place.client.get(f"{MATCHES}/{made['id']}").json()["status"] == "open"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"reason": "x"}, 422),
        ({"reason": "x", "plan": 0}, 422),
        ({"reason": "x", "plan": 99}, 422),
        ({"reason": " ", "plan": 1}, 422),
        ({"reason": "x", "lots": [{"step": "塗装", "factory": "aoki"}]}, 422),
        ({"reason": "x", "lots": [{"step": "切削", "factory": "?", "to_factory": "kita"}]}, 422),
        ({"reason": "x", "lots": [{"step": "切削", "factory": "aoki", "weeks": ["2026-W99"]}]}, 422),
        ({"reason": "x", "lots": [{"step": "切削", "factory": "aoki", "weeks": ["2036-W09"]}]}, 422),
    ],
)
def test_a_change_that_cannot_be_is_told(place: Place, body: dict[str, Any], status: int) -> None:
    made = place.propose()
    place.decide(made["id"], "edit")
    assert place.decide(made["id"], "edit", **body).status_code == status


def test_a_drill_shows_the_orders_hit_and_changes_nothing(place: Place) -> None:
    made = place.propose(part="訓練")
    jobs = place.decide(made["id"], "approve").json()["jobs"]
    before = place.client.get(f"{MATCHES}/{made['id']}").json()
    query = {"factory": jobs[0]["factory"], "from": "2026-11-25", "days": "60"}
    drilled = place.client.get(f"{MATCHES}/drill", params=query).json()
    hit = {order["order"]: order for order in drilled["orders"]}[made["order"]]
    assert hit["jobs"][0]["job"] == jobs[0]["id"]
    assert (drilled["first"], drilled["last"]) == ("2026-11-25", "2027-01-23")
    assert place.client.get(f"{MATCHES}/{made['id']}").json() == before
    for wrong, status in (
        ({"factory": "nobody"}, 404),
        ({"factory": "aoki", "days": "0"}, 422),
        ({"factory": "aoki", "from": "2020-01-01"}, 422),
        ({"factory": "aoki", "from": "tomorrow"}, 422),
    ):
        assert place.client.get(f"{MATCHES}/drill", params=wrong).status_code == status


READS = [MATCHES, f"{MATCHES}/2026-0001-p1", f"{MATCHES}/drill?factory=aoki", "/api/v1/audit"]


@pytest.mark.parametrize("path", READS)
def test_only_the_coordinator_reads(place: Place, path: str) -> None:
    factory = place.client.get(path, headers=bearer(place.town, "aoki"))
    assert factory.status_code == 403
    assert "coordinator" in factory.json()["detail"]
    assert httpx.get(place.client.base_url.join(path), verify=NO_TLS).status_code == 401


def test_only_the_coordinator_decides_and_by_token(place: Place) -> None:
    made = place.propose()
    for what in ("approve", "reject", "edit", "again", "cancel"):
        path, body = f"{MATCHES}/{made['id']}/{what}", {"reason": "x"}
        assert place.client.post(path, json=body, headers=bearer(place.town, "aoki")).status_code == 403
        session = {"machikoba_session": place.town.session()}
        with httpx.Client(base_url=place.client.base_url, cookies=session, verify=NO_TLS) as person:
            assert person.get(MATCHES).status_code == 200
            assert person.post(path, json=body).status_code == 401  # no form of another site can decide
    assert place.client.get(f"{MATCHES}/{made['id']}").json()["status"] == "open"


@pytest.mark.parametrize("match", ["2026-4040-p1", "a%00b", "あ", "x" * 500])
def test_what_is_not_there_is_not_found(place: Place, match: str) -> None:
    for answer in (
        place.client.get(f"{MATCHES}/{match}"),
        place.decide(match, "approve"),
        place.decide(match, "cancel", reason="x"),
    ):
        assert answer.status_code == 404
        assert answer.headers["content-type"] == "application/problem+json"


def test_more_than_a_few_at_once_are_told_to_come_again(place: Place, tmp_path: Path) -> None:
    turnstile = place.town.services.planning._turnstile
    held = [turnstile.pass_through() for _ in range(2)]
    for each in held:
        each.__enter__()
    try:
        for _ in range(4):
            assert turnstile._all.acquire(blocking=False)
        answer = place.client.post(MATCHES, json=BODY)
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "3"
    finally:
        for _ in range(4):
            turnstile._all.release()
        for each in held:
            each.__exit__(None, None, None)
    assert place.propose()["status"] == "open"
