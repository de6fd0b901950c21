import asyncio
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest

from aggregator.model.machine import Factory, Machine, MachineKey
from tests.aggregator.faces import bearer, browsing
from tests.aggregator.shop import DAY_SHIFT
from tests.aggregator.town import NOW_MS, Town, found_town, served

PATH = "/api/v1/machines/aoki/mc-01/days"
SILENT = MachineKey("aoki", "mc-99")


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Town:
    """The seeded town; Aoki has a calendar, and a machine that sent nothing after its first minute."""
    town = found_town(tmp_path_factory.mktemp("days"))
    services = town.services
    profile = services.profiles.get("aoki")
    services.profiles.save(replace(profile, calendar=DAY_SHIFT), profile.revision, "tests", NOW_MS)
    services.records.remember(
        [Factory("aoki", "青木精機")], [Machine(SILENT, "9号機", "cutting", "measured")]
    )
    (window, *_) = services.timeseries.windows(MachineKey("aoki", "mc-01"), 0, NOW_MS, 1)
    services.timeseries.write([replace(window, key=SILENT)], [])
    asyncio.run(services.days.refresh())
    return town


@pytest.fixture(scope="module")
def url(town: Town) -> Iterator[str]:
    with served(town) as (address, _):
        yield address


@pytest.fixture
def client(url: str) -> Iterator[httpx.Client]:
    with browsing(url) as client:
        yield client


def days(
    client: httpx.Client, town: Town, path: str = PATH, name: str = "coordinator", **query: str
) -> list[dict[str, Any]]:
    answer = client.get(path, params=query, headers=bearer(town, name))
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["days"]
    return found


def test_every_day_adds_up_to_its_planned_busy_time(client: httpx.Client, town: Town) -> None:
    found = days(client, town)
    assert [day["day"] for day in found] == ["2026-11-22", "2026-11-23", "2026-11-24"]
    monday = found[1]
    assert monday["pbt_ms"] == 8 * 3_600_000 - 60_000  # a minute of its eight hours it was stopped as planned
    parts = ("apt_ms", "aust_ms", "adet_ms", "adot_ms", "unknown_ms")
    for day in found:
        assert sum(day[part] for part in parts) == day["pbt_ms"]
    assert monday["kpis"]["availability"] == pytest.approx(
        monday["apt_ms"] / (monday["pbt_ms"] - monday["unknown_ms"])
    )
    assert monday["coverage"] == pytest.approx(1 - monday["unknown_ms"] / monday["pbt_ms"])
    assert 0 < monday["apt_ms"] < monday["pbt_ms"]


def test_a_closed_day_has_no_kpis(client: httpx.Client, town: Town) -> None:
    (sunday,) = days(client, town, since="2026-11-22", until="2026-11-22")
    assert (sunday["pbt_ms"], sunday["apt_ms"], sunday["coverage"]) == (0, 0, None)
    assert set(sunday["kpis"].values()) == {None}


def test_of_a_day_without_any_data_all_is_unknown(client: httpx.Client, town: Town) -> None:
    monday = days(client, town, "/api/v1/machines/aoki/mc-99/days")[1]
    assert monday["unknown_ms"] == monday["pbt_ms"] == 8 * 3_600_000
    assert monday["coverage"] == 0
    assert {monday[name] for name in ("apt_ms", "adet_ms", "adot_ms", "shared_ms", "cycles")} == {None}
    assert set(monday["kpis"].values()) == {None}


def test_without_a_calendar_nothing_is_told_of_planned_time(client: httpx.Client, town: Town) -> None:
    (today,) = days(client, town, "/api/v1/machines/sakura/pl-01/days", since="2026-11-24")
    assert {today[name] for name in ("pbt_ms", "apt_ms", "unknown_ms", "outside_ms", "coverage")} == {None}
    assert today["cycles"] > 0


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"since": "2026-11-23"}, ["2026-11-23", "2026-11-24"]),
        ({"until": "2026-11-23"}, ["2026-11-22", "2026-11-23"]),
        ({"until": "2026-01-01"}, []),
        ({"until": "0001-01-02"}, []),
        ({"since": "2026-11-24", "until": "9999-12-31"}, ["2026-11-24"]),
    ],
)
def test_both_ends_of_the_range_are_included(
    client: httpx.Client, town: Town, query: dict[str, str], expected: list[str]
) -> None:
    assert [day["day"] for day in days(client, town, **query)] == expected


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ({"since": "2026-11-25", "until": "2026-11-24"}, "since"),
        ({"since": "yesterday"}, "since"),
        ({"from": "2026-11-24"}, "from"),
    ],
)
def test_a_range_that_cannot_be_is_refused_by_name(
    client: httpx.Client, town: Town, query: dict[str, str], parameter: str
) -> None:
    answer = client.get(PATH, params=query, headers=bearer(town))
    assert answer.status_code == 422
    assert parameter in answer.text


def test_factories_see_their_own_machines_alone(client: httpx.Client, town: Town) -> None:
    assert days(client, town, name="aoki")
    assert client.get(PATH, headers=bearer(town, "sakura")).status_code == 404
    assert client.get(PATH).status_code == 401
