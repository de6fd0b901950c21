from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import httpx
import pytest

from tests.aggregator.faces import bearer
from tests.aggregator.town import NOW_MS, ZONE, Town

MACHINE = "/api/v1/machines/aoki/mc-01"
NOW = datetime.fromtimestamp(NOW_MS / 1000, ZONE)


def get(client: httpx.Client, town: Town, path: str = "/windows", **query: Any) -> dict[str, Any]:
    params = {name: str(value) for name, value in query.items()}
    answer = client.get(MACHINE + path, params=params, headers=bearer(town))
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def walk(client: httpx.Client, town: Town, path: str, rows: str, **query: Any) -> list[dict[str, object]]:
    """Return all rows of all pages."""
    found: list[dict[str, object]] = []
    cursor: dict[str, Any] = {}
    while True:
        page = get(client, town, path, **query, **cursor)
        found += page[rows]
        if page["next_cursor"] is None:
            return found
        cursor = {"cursor": page["next_cursor"]}


def test_a_windows_states_add_up_to_its_length(client: httpx.Client, town: Town) -> None:
    page = get(client, town, since="2026-11-24T12:00:00+09:00", until="2026-11-24T14:00:00+09:00")
    rows: list[dict[str, Any]] = page["windows"]
    assert len(rows) == 120
    assert (page["resolution"], page["next_cursor"]) == ("minute", None)
    for row in rows:
        start, end = datetime.fromisoformat(str(row["start"])), datetime.fromisoformat(str(row["end"]))
        assert start.utcoffset() == timedelta(hours=9)
        assert (end - start) / timedelta(milliseconds=1) == row["measured_ms"] == 60_000
        assert sum(row["state_ms"].values()) == 60_000


@pytest.mark.parametrize(("resolution", "limit"), [("minute", 700), ("hour", 7), ("day", 1)])
def test_pages_hold_every_row_once(client: httpx.Client, town: Town, resolution: str, limit: int) -> None:
    ranged: dict[str, Any] = {"since": (NOW - timedelta(hours=40)).isoformat(), "resolution": resolution}
    whole = get(client, town, **ranged, limit=10_000)["windows"]
    assert walk(client, town, "/windows", "windows", **ranged, limit=limit) == whole
    assert len(whole) > 1


def test_hours_and_days_hold_the_sums_of_the_minutes(client: httpx.Client, town: Town) -> None:
    ranged: dict[str, Any] = {
        "since": "2026-11-23T00:00:00+09:00",
        "until": "2026-11-24T00:00:00+09:00",
        "limit": 10_000,
    }
    sums = []
    for resolution in ("minute", "hour", "day"):
        page = get(client, town, **ranged, resolution=resolution)
        rows: list[dict[str, int]] = page["windows"]
        sums.append((sum(row["cycles"] for row in rows), sum(row["measured_ms"] for row in rows)))
    assert sums[0] == sums[1] == sums[2] == (sums[0][0], 86_400_000)


def test_state_changes_are_paged_in_time_order(client: httpx.Client, town: Town) -> None:
    since = (NOW - timedelta(days=2)).isoformat()
    rows = walk(client, town, "/changes", "changes", since=since, limit=5)
    assert rows == get(client, town, "/changes", since=since, limit=10_000)["changes"]
    assert len(rows) > 10
    moments = [datetime.fromisoformat(str(row["at"])) for row in rows]
    assert moments == sorted(moments)
    states = [row["state"] for row in rows]
    assert all(one != following for one, following in pairwise(states))


def test_a_machines_history_belongs_to_its_factory(client: httpx.Client, town: Town) -> None:
    for path in ("/windows", "/changes"):
        assert client.get(MACHINE + path, headers=bearer(town, "sakura")).status_code == 404
        assert client.get(MACHINE + path, headers=bearer(town, "aoki")).status_code == 200


def test_ten_thousand_years_are_no_trouble(client: httpx.Client, town: Town) -> None:
    ranged: dict[str, Any] = {"since": "0001-01-01T00:00:00Z", "until": "9999-12-31T23:59:59Z"}
    for resolution in ("minute", "hour", "day"):
        assert "next_cursor" in get(client, town, **ranged, resolution=resolution)
    assert get(client, town, "/changes", **ranged)["changes"]


@pytest.mark.parametrize("resolution", ["minute", "hour", "day"])
def test_a_cursor_behind_the_end_finds_nothing(client: httpx.Client, town: Town, resolution: str) -> None:
    page = get(client, town, resolution=resolution, cursor="9" * 15)
    assert (page["windows"], page["next_cursor"]) == ([], None)


@pytest.mark.parametrize(
    ("query", "parameter", "reason"),
    [
        ({"since": "yesterday"}, "since", "expected RFC 3339"),
        ({"since": "2026-11-22T00:00:00"}, "since", "expected RFC 3339"),
        ({"until": "1790000000"}, "until", "expected RFC 3339"),
        ({"since": "2026-13-22T00:00:00Z"}, "since", "month"),
        ({"since": "2026-11-22T00:00:00Z", "until": "2026-11-22T00:00:00Z"}, "since", "before until"),
        ({"resolution": "week"}, "resolution", "'minute', 'hour' or 'day'"),
        ({"limit": "0"}, "limit", "greater than or equal to 1"),
        ({"limit": "1000000"}, "limit", "less than or equal to 10000"),
        ({"sinse": "2026-11-22T00:00:00Z"}, "sinse", "no such parameter"),
        ({"cursor": "-1"}, "cursor", "should match pattern"),
    ],
)
def test_a_wrong_parameter_is_named(
    client: httpx.Client, town: Town, query: dict[str, str], parameter: str, reason: str
) -> None:
    answer = client.get(f"{MACHINE}/windows", params=query, headers=bearer(town))
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    (error,) = answer.json()["errors"]
    assert error["parameter"] == parameter
    assert reason in error["reason"]


def test_a_plus_sign_that_was_not_escaped_is_understood(client: httpx.Client, town: Town) -> None:
    answer = client.get(f"{MACHINE}/windows?since=2026-11-24T12:00:00+09:00", headers=bearer(town))
    assert answer.status_code == 200
    assert answer.json()["windows"][0]["start"] == "2026-11-24T12:00:00.000+09:00"
