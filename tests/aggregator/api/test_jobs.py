"""`jobs`, `handovers`, `reports`: what programs of factories and of the coordinator enter and read."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.aggregator.faces import bearer, browsing
from tests.aggregator.town import served
from tests.aggregator.work.floors import Floor, found_floor


class Program:
    """A program that speaks for someone."""

    def __init__(self, client: httpx.Client, headers: dict[str, str]) -> None:
        self._client = client
        self._headers = headers

    def get(self, path: str, **query: str) -> Any:
        answer = self._client.get(f"/api/v1/{path}", params=query, headers=self._headers)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path: str, status: int = 200, **body: object) -> Any:
        answer = self._client.post(f"/api/v1/{path}", json=body, headers=self._headers)
        assert answer.status_code == status, answer.text
        return answer.json()


@pytest.fixture(scope="module")
def floor(tmp_path_factory: pytest.TempPathFactory) -> Floor:
    return found_floor(tmp_path_factory.mktemp("floor"))


@pytest.fixture(scope="module")
def client(floor: Floor) -> Iterator[httpx.Client]:
    with served(floor.town) as (url, _), browsing(url) as client:
        yield client


def program(client: httpx.Client, floor: Floor, name: str) -> Program:
    return Program(client, bearer(floor.town, name))


def test_a_job_goes_through_the_shop_by_programs(client: httpx.Client, floor: Floor) -> None:
    aoki, higashi, all_ = (program(client, floor, name) for name in ("aoki", "higashi", "coordinator"))
    started = aoki.post(f"jobs/{floor.cut}/start", machine="cu-01", request="tablet-0001")
    assert (started["status"], started["working"]) == ("running", ["cu-01"])
    assert aoki.post("reports", 201, job=floor.cut, good=50, scrap=2)["good"] == 50
    sent = aoki.post(f"jobs/{floor.cut}/handovers", 201, sent=50)
    assert sent["to_job"] == floor.check
    assert higashi.post(f"handovers/{sent['id']}/received", accepted=49, rejected=1)["accepted"] == 49
    assert aoki.post(f"jobs/{floor.cut}/pause")["status"] == "paused"
    (job,) = aoki.get("jobs")["jobs"]
    assert (job["good"], job["reported"], job["measured"], job["scrap"]) == (50, 50, 0, 2)
    assert [event["kind"] for event in job["events"]] == ["started", "paused"]
    assert {each["job"] for each in all_.get("jobs", order=floor.order)["jobs"]} == {floor.cut, floor.check}
    assert all_.get("jobs", factory="higashi", status="running")["jobs"] == []
    assert higashi.get("jobs", factory="aoki")["jobs"] == []
    assert higashi.get("reports")["reports"] == []
    assert aoki.get("reports", job=floor.cut)["reports"][0]["good"] == 50


def test_what_is_refused_is_said_in_a_sentence(client: httpx.Client, floor: Floor) -> None:
    aoki, higashi = program(client, floor, "aoki"), program(client, floor, "higashi")
    assert "reopen" not in higashi.post(f"jobs/{floor.cut}/finish", 404)["detail"]
    assert higashi.post(f"jobs/{floor.check}/finish", 409)["detail"].endswith("so it cannot be finished.")
    assert aoki.post(f"jobs/{floor.cut}/move", 403, reason="x")["title"] == "Forbidden"
    assert aoki.post("jobs/J%00/start", 404)
    assert (
        aoki.post(f"jobs/{floor.cut}/start", 422, at="2020-01-01T00:00:00Z")["errors"][0]["parameter"] == "at"
    )
    assert aoki.post(f"jobs/{floor.cut}/start", 422, machin="cu-01")
    assert aoki.post("handovers/99/received", 404, accepted=1)
    assert client.get("/api/v1/jobs").status_code == 401


def test_time_is_put_right_and_the_rest_moved(client: httpx.Client, floor: Floor) -> None:
    aoki, all_ = program(client, floor, "aoki"), program(client, floor, "coordinator")
    hour: dict[str, Any] = {"since": "2026-11-24T07:00:00+09:00", "until": "2026-11-24T08:00:00+09:00"}
    right = aoki.post(
        f"jobs/{floor.cut}/correct", machine="cu-02", right=floor.cut, reason="押し忘れ", **hour
    )
    assert right["events"][-1]["kind"] == "corrected"
    new = all_.post(f"jobs/{floor.cut}/move", 201, reason="機械の故障")
    assert (new["factory"], new["status"]) == ("sato", "planned")
