import httpx
import pytest

from aggregator.model.machine import Factory, Machine, MachineKey
from tests.aggregator.faces import bearer, browsing
from tests.aggregator.town import FACTORIES, SILENT, Town, served


def rows(
    client: httpx.Client, town: Town, name: str = "coordinator", **query: str
) -> list[dict[str, object]]:
    answer = client.get("/api/v1/utilization", params=query, headers=bearer(town, name))
    assert answer.status_code == 200, answer.text
    found: list[dict[str, object]] = answer.json()["rows"]
    return found


def known(row: dict[str, object]) -> dict[str, int]:
    state_ms = dict(row["state_ms"])  # type: ignore[call-overload]
    return {state: state_ms[state] for state in ("RUNNING", "SETUP", "IDLE", "DOWN")}


def test_utilization_is_running_time_in_known_time_outside_planned_stops(
    client: httpx.Client, town: Town
) -> None:
    found = rows(client, town, by="machine")
    assert len(found) == 20
    for row in found:
        share = known(row)["RUNNING"] / sum(known(row).values())
        assert row["utilization"] == pytest.approx(share)
        assert 0 < share < 1


@pytest.mark.parametrize("by", ["factory", "process"])
def test_groups_hold_the_milliseconds_of_their_machines(client: httpx.Client, town: Town, by: str) -> None:
    machines, groups = rows(client, town, by="machine"), rows(client, town, by=by)
    assert {row[by] for row in groups} == {row[by] for row in machines}
    for group in groups:
        members = [row for row in machines if row[by] == group[by]]
        assert group["machines"] == len(members)
        assert known(group)["RUNNING"] == sum(known(row)["RUNNING"] for row in members)
        assert group["cycles"] == sum(int(str(row["cycles"])) for row in members)


def test_unknown_time_lowers_the_coverage_and_nothing_else(client: httpx.Client, town: Town) -> None:
    hour = {"since": "2026-11-24T13:00:00+09:00", "until": "2026-11-24T14:00:00+09:00", "by": "factory"}
    found = {str(row["factory"]): row for row in rows(client, town, **hour)}
    assert found["aoki"]["coverage"] == 1
    assert found[SILENT]["coverage"] == pytest.approx(53 / 60)
    assert sum(known(found[SILENT]).values()) == 3 * 53 * 60_000


def test_where_nothing_is_known_utilization_is_null(client: httpx.Client, town: Town) -> None:
    found = rows(client, town, since="2020-01-01T00:00:00Z", until="2020-01-02T00:00:00Z")
    assert {(row["utilization"], row["cycles"], row["coverage"]) for row in found} == {(None, None, 0)}


def test_a_factory_sees_only_itself(client: httpx.Client, town: Town) -> None:
    for by in ("machine", "factory", "process"):
        assert len(rows(client, town, "sakura", by=by)) == (3 if by == "machine" else 1)
    assert len(rows(client, town, by="factory")) == len(FACTORIES)


def test_a_town_without_machines_has_no_rows(empty_town: Town) -> None:
    with served(empty_town) as (url, _), browsing(url) as client:
        assert rows(client, empty_town) == []


def test_a_machine_of_no_known_process_has_a_row_of_its_own(empty_town: Town) -> None:
    machine = Machine(MachineKey("new", "m-1"), "1号機", None, "best-effort")
    empty_town.services.records.remember([Factory("new", "新")], [machine])
    with served(empty_town) as (url, _), browsing(url) as client:
        (row,) = rows(client, empty_town, by="process")
    assert row["process"] is None
