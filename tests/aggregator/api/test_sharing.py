"""What API and pages say of a machine whose owner tells only whether it is busy: unknown, never zero."""

import asyncio
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest

from aggregator.model.machine import MachineKey
from tests.aggregator.faces import bearer, browsing, sign_in
from tests.aggregator.shop import DAY_SHIFT
from tests.aggregator.town import MINUTE_MS, NOW_MS, Town, found_town, served

QUIET, OPEN = MachineKey("aoki", "mc-01"), MachineKey("aoki", "mc-02")
JOB = "2026-0001-1a"
API = "/api/v1/machines/aoki/mc-01"


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Town:
    """The seeded town; a machine of Aoki tells only whether it is busy, and worked five minutes on a job."""
    town = found_town(tmp_path_factory.mktemp("sharing"))
    services = town.services
    profile = services.profiles.get("aoki")
    services.profiles.save(replace(profile, calendar=DAY_SHIFT), profile.revision, "tests", NOW_MS)
    (machine,) = [each for each in services.records.machines() if each.key == QUIET]
    services.records.remember_machine(replace(machine, share="utilization", counts="shared-jobs-only"))
    windows = services.timeseries.windows(QUIET, 0, NOW_MS)
    private = [replace(each, cycles=0, good=None, scrap=None, cycles_total=None, job="") for each in windows]
    shared = [
        replace(each, cycles=3, cycles_total=3 * (index + 1), job=JOB)
        for index, each in enumerate(private[-5:])
    ]
    services.timeseries.write([*private[:-5], *shared], [])
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


def get(client: httpx.Client, town: Town, path: str, **query: str) -> Any:
    answer = client.get(path, params=query, headers=bearer(town))
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_machine_says_what_is_shared_of_it(client: httpx.Client, town: Town) -> None:
    machine = get(client, town, API)
    assert (machine["share"], machine["counts"]) == ("utilization", "shared-jobs-only")
    assert (machine["cycles_today"], machine["cycles_yesterday"]) == (None, None)
    assert machine["utilization_last_hour"] is not None
    other = get(client, town, "/api/v1/machines/aoki/mc-02")
    assert (other["share"], other["counts"]) == ("full", "always")
    assert other["cycles_today"] is not None


def test_windows_tell_cycles_of_shared_jobs_and_no_others(client: httpx.Client, town: Town) -> None:
    since = "2026-11-24T13:00:00+09:00"
    rows = get(client, town, f"{API}/windows", since=since)["windows"]
    assert {row["cycles"] for row in rows if row["job"]} == {3}
    assert {row["cycles"] for row in rows if not row["job"]} == {None}
    hours = get(client, town, f"{API}/windows", since=since, resolution="hour")["windows"]
    assert {row["cycles"] for row in hours} == {None}


def test_days_tell_busy_time_only(client: httpx.Client, town: Town) -> None:
    today = get(client, town, f"{API}/days")["days"][-1]
    assert {today[name] for name in ("apt_ms", "aust_ms", "adet_ms", "cycles")} == {None}
    assert today["adot_ms"] is not None
    assert [name for name, value in today["kpis"].items() if value is not None] == ["allocation_efficiency"]


def test_a_sum_with_an_unknown_part_is_unknown(client: httpx.Client, town: Town) -> None:
    rows = get(client, town, "/api/v1/utilization", by="factory")["rows"]
    cycles = {row["factory"]: row["cycles"] for row in rows}
    assert cycles.pop("aoki") is None
    assert None not in cycles.values()
    assert {row["utilization"] is not None for row in rows} == {True}


def test_no_cycle_time_is_made_of_it_but_that_of_its_job(town: Town) -> None:
    days = town.services.days
    assert days.cycle_s(QUIET) is None
    assert days.cycle_s(OPEN) is not None
    totals = days.jobs()[JOB]
    assert totals.cycles == 15
    assert 0 < totals.busy_ms <= 5 * MINUTE_MS


def test_its_tile_says_why_there_is_no_number(client: httpx.Client) -> None:
    assert sign_in(client) == 303
    client.cookies.set("machikoba_language", "ja")
    html = client.get("/floor").text
    (tile,) = [
        tile
        for tile in re.findall(r'<li class="tile .*?</li>', html, re.DOTALL)
        if 'data-machine="mc-01"' in tile
    ]
    assert 'title="稼働中か否かのみ公開"' in tile
    assert re.search(r'<span class="unknown" title="サイクル数は共同受注の作業中のみ公開">不明</span>', tile)
    assert html.count("稼働中か否かのみ公開") == 1
