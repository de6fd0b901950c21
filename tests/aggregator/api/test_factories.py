"""Profiles of factories through the API: read, changed as a whole, and never over someone else's change."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import given, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance

from aggregator.access.visitor import SESSION_COOKIE
from tests.aggregator.faces import bearer, browsing
from tests.aggregator.town import Town, found_town, served
from tests.stack import NO_TLS

PATH = "/api/v1/factories/aoki/profile"
FULL: dict[str, Any] = {
    "revision": 0,
    "calendar": {
        "shifts": [
            {
                "days": [0, 4],
                "start_min": 480,
                "end_min": 1020,
                "breaks": [{"start_min": 720, "end_min": 780}],
                "staff": 3,
            }
        ],
        "machine_shifts": [{"machine": "mc-02", "shifts": []}],
        "works_on_holidays": True,
        "closures": [{"first": "2026-08-13", "last": "2026-08-16", "name": "お盆休み"}],
        "planned_stops": [
            {
                "start": "2026-11-27T13:00:00+09:00",
                "end": "2026-11-27T17:00:00+09:00",
                "machine": "mc-01",
                "name": "点検",
            }
        ],
        "overtime": [
            {
                "start": "2026-11-28T08:00:00+09:00",
                "end": "2026-11-28T12:00:00+09:00",
                "machine": None,
                "name": "",
                "staff": 2,
            }
        ],
    },
    "reserve": 0.1,
    "abilities": {
        "mc-01": {
            "materials": ["A5052", "SUS304"],
            "tolerance_um": 10.0,
            "size_mm": [600.0, 400.0, 300.0],
            "tonnage_kn": None,
            "others": [],
        }
    },
    "declared": [{"process": "cutting", "hours": 40.0, "week": "2026-W48"}],
}


@pytest.fixture
def town(tmp_path_factory: pytest.TempPathFactory) -> Town:
    return found_town(tmp_path_factory.mktemp("profiles"), days=0.01)


@pytest.fixture
def aoki(town: Town) -> Iterator[httpx.Client]:
    with served(town) as (url, _), browsing(url) as client:
        client.headers.update(bearer(town, "aoki"))
        yield client


def test_what_is_written_is_read_and_told_in_the_log(aoki: httpx.Client, town: Town) -> None:
    assert aoki.get(PATH).json() == {
        "factory": "aoki",
        "revision": 0,
        "calendar": None,
        "reserve": 0,
        "abilities": {},
        "declared": [],
    }
    answer = aoki.put(PATH, json=FULL)
    assert answer.status_code == 200
    assert answer.json() == FULL | {"factory": "aoki", "revision": 1}
    assert aoki.get(PATH).json() == answer.json()
    assert town.services.audit.entries("aoki")[0].who == "aoki"
    stored = town.services.profiles.get("aoki").calendar
    assert stored is not None
    start = datetime.fromisoformat("2026-11-27T04:00:00+00:00")
    assert stored.planned_stops[0].start_ms == start.timestamp() * 1000


def test_a_change_in_between_is_a_conflict(aoki: httpx.Client) -> None:
    assert aoki.put(PATH, json=FULL).status_code == 200
    answer = aoki.put(PATH, json=FULL | {"reserve": 0.9})
    assert answer.status_code == 409
    assert answer.headers["content-type"] == "application/problem+json"
    assert "changed in between (revision 1, expected 0)" in answer.json()["detail"]
    assert aoki.get(PATH).json()["reserve"] == 0.1


def test_what_cannot_be_right_is_named_with_its_place(aoki: httpx.Client) -> None:
    shift = FULL["calendar"]["shifts"][0] | {"end_min": 400, "breaks": []}
    for body, parameter in (
        (FULL | {"calendar": {"shifts": [shift]}}, "calendar.shifts[0].end_min"),
        (FULL | {"declared": [{"process": "cutting", "hours": 1, "week": "soon"}]}, "declared[0].week"),
        (FULL | {"reserve": 2}, "body.reserve"),
        (FULL | {"resrve": 0.1}, "body.resrve"),
        ({}, "body.revision"),
    ):
        answer = aoki.put(PATH, json=body)
        assert answer.status_code == 422
        named = [each["parameter"] for each in answer.json()["errors"]]
        assert [name.removeprefix("body.") for name in named] == [parameter.removeprefix("body.")]
    assert aoki.get(PATH).json()["revision"] == 0


def test_each_sees_and_changes_only_what_is_theirs(aoki: httpx.Client, town: Town) -> None:
    other = "/api/v1/factories/fujimi/profile"
    assert aoki.get(other).status_code == 404
    assert aoki.put(other, json=FULL).status_code == 404
    assert aoki.get("/api/v1/factories/nowhere/profile").status_code == 404
    everyone = bearer(town, "coordinator")
    assert aoki.put(other, json=FULL, headers=everyone).status_code == 200
    assert aoki.get(other, headers=everyone).json()["revision"] == 1


def test_a_session_may_read_but_only_a_token_may_write(town: Town) -> None:
    with served(town) as (url, _), browsing(url) as client:
        assert client.get(PATH).status_code == 401
        client.cookies.set(SESSION_COOKIE, town.session("aoki"))
        assert client.get(PATH).status_code == 200
        assert client.put(PATH, json=FULL).status_code == 401


def test_whatever_is_written_to_a_factory_the_answer_is_as_described(town: Town) -> None:
    with served(town) as (url, _):
        schema: Any = schemathesis.openapi.from_url(f"{url}/api/v1/openapi.json")
        operation = schema["/api/v1/factories/{factory}/profile"]["PUT"]

        @given(case=operation.as_strategy())
        @settings(max_examples=60, deadline=None, database=None, derandomize=True)
        def fits(case: Any) -> None:
            case.path_parameters = {"factory": "aoki"}
            case.body["revision"] = town.services.profiles.get("aoki").revision
            answer = case.call_and_validate(headers=bearer(town), excluded_checks=[positive_data_acceptance])
            seen.add(answer.status_code)

        seen: set[int] = set()
        fits()
        assert 200 in seen
        assert httpx.get(url + PATH, headers=bearer(town), verify=NO_TLS).status_code == 200
