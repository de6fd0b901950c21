from datetime import datetime

import httpx
import pytest

from agent.contract.states import State
from aggregator.live import LiveMachine
from aggregator.model.machine import Factory, Machine, MachineKey
from aggregator.model.window import Window
from tests.aggregator.faces import bearer, browsing, sign_in
from tests.aggregator.town import MINUTE_MS, NOW_MS, SILENT, Town, served


def machines(client: httpx.Client, town: Town, name: str = "coordinator") -> list[dict[str, object]]:
    answer = client.get("/api/v1/machines", headers=bearer(town, name))
    assert answer.status_code == 200, answer.text
    found: list[dict[str, object]] = answer.json()["machines"]
    return found


def test_a_coordinator_sees_every_machine(client: httpx.Client, town: Town) -> None:
    found = machines(client, town)
    assert len(found) == 20
    first = found[0]
    assert (first["factory"], first["factory_name"], first["machine"]) == ("aoki", "青木精機", "mc-01")
    assert (first["state"], first["connected"], first["job"]) == ("RUNNING", True, "J-1024")
    assert (
        first["since"]
        == datetime.fromtimestamp((NOW_MS - 200_000) / 1000).astimezone(town.services.config.zone).isoformat()
    )
    assert first["age_ms"] == 300
    assert first["cycles_total"] == 180_000
    assert isinstance(first["cycles_today"], int)
    assert first["cycles_today"] > 0
    assert first["coverage_last_hour"] == 1


def test_a_silent_machine_is_offline_and_keeps_what_it_counted(client: httpx.Client, town: Town) -> None:
    silent = [machine for machine in machines(client, town) if machine["factory"] == SILENT]
    assert len(silent) == 3
    for machine in silent:
        assert (machine["state"], machine["connected"]) == ("OFFLINE", False)
        assert machine["cycles_total"] is not None
        assert machine["coverage_last_hour"] == pytest.approx(0.8)


def test_a_factory_sees_its_own_machines_only(client: httpx.Client, town: Town) -> None:
    assert {machine["factory"] for machine in machines(client, town, "sakura")} == {"sakura"}


def test_a_machine_of_another_factory_does_not_exist(client: httpx.Client, town: Town) -> None:
    own = client.get("/api/v1/machines/sakura/pl-01", headers=bearer(town, "sakura"))
    other = client.get("/api/v1/machines/aoki/mc-01", headers=bearer(town, "sakura"))
    none = client.get("/api/v1/machines/aoki/mc-99", headers=bearer(town, "sakura"))
    assert own.json()["name"] == "めっきライン 1"
    assert (other.status_code, none.status_code) == (404, 404)
    for answer in (other, none):
        body = answer.json()
        body.pop("instance")
        assert body == {
            "type": "about:blank",
            "title": "Not Found",
            "status": 404,
            "detail": "There is no such machine, or none that this token may see.",
        }


@pytest.mark.parametrize("header", [None, "Bearer", "Bearer wrong", "Basic YTpi"])
def test_without_a_valid_token_there_is_nothing(client: httpx.Client, header: str | None) -> None:
    answer = client.get("/api/v1/machines", headers={"Authorization": header} if header else {})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.headers["content-type"] == "application/problem+json"
    assert "machikoba user token" in answer.json()["detail"]


def test_who_is_signed_in_may_read_the_api(client: httpx.Client) -> None:
    assert sign_in(client, "aoki") == 303
    assert {machine["factory"] for machine in client.get("/api/v1/machines").json()["machines"]} == {"aoki"}


def test_a_wrong_token_is_not_saved_by_a_session(client: httpx.Client) -> None:
    sign_in(client, "aoki")
    assert client.get("/api/v1/machines", headers={"Authorization": "Bearer wrong"}).status_code == 401


def test_what_nobody_knows_is_null(empty_town: Town) -> None:
    records = empty_town.services.records
    records.remember(
        [Factory("new", "新工場")], [Machine(MachineKey("new", "m-1"), "1号機", None, "measured")]
    )
    with served(empty_town) as (url, _), browsing(url) as client:
        (machine,) = machines(client, empty_town)
    for name in (
        *("process", "since", "heard", "age_ms", "job", "cycles_total"),
        *("cycles_today", "cycles_yesterday", "utilization_last_hour"),
    ):
        assert machine[name] is None, name
    assert machine["coverage_last_hour"] == 0


def test_cycles_of_today_run_ahead_of_what_is_stored(empty_town: Town) -> None:
    key = MachineKey("aoki", "mc-01")
    services = empty_town.services
    services.records.remember([Factory("aoki", "青木精機")], [Machine(key, "1号機", "cutting", "measured")])
    start_ms = NOW_MS // MINUTE_MS * MINUTE_MS - MINUTE_MS
    window = Window(key, start_ms, MINUTE_MS, (MINUTE_MS, 0, 0, 0, 0, 0), 4, cycles_total=104)
    services.timeseries.write([window], [])
    services.board.update(LiveMachine(key, State.RUNNING, start_ms, 106, heard_ms=NOW_MS, connected=True))
    with served(empty_town) as (url, _), browsing(url) as client:
        (machine,) = machines(client, empty_town)
    assert machine["cycles_today"] == 6
