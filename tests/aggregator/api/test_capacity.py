from datetime import date
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from aggregator.api.capacity import Capacity
from aggregator.api.capacity_rows import CapacityRow
from tests.aggregator.busy_faces import busy_town, busy_url, visitor
from tests.aggregator.busy_town import TOWN
from tests.aggregator.faces import bearer, browsing
from tests.aggregator.town import Town, served

__all__ = ["busy_town", "busy_url", "visitor"]  # fixtures


def asked(client: httpx.Client, town: Town, name: str = "coordinator", **query: str | int) -> Capacity:
    answer = client.get("/api/v1/capacity", params=query, headers=bearer(town, name))
    assert answer.status_code == 200, answer.text
    return Capacity.model_validate(answer.json())


def problem(
    client: httpx.Client, town: Town, name: str = "coordinator", **query: str | int
) -> dict[str, object]:
    answer = client.get("/api/v1/capacity", params=query, headers=bearer(town, name))
    assert answer.headers["content-type"] == "application/problem+json"
    found: dict[str, object] = answer.json()
    return found


def adds_up(row: CapacityRow) -> bool:
    assert row.spare is not None
    sums = [sum(getattr(term, name) for term in row.why) for name in ("p10", "p50", "p90")]
    return sums == pytest.approx([row.spare.p10, row.spare.p50, row.spare.p90], abs=0.01)


def test_rows_tell_the_sum_its_parts_and_how_sure_they_are(visitor: httpx.Client, busy_town: Town) -> None:
    answer = asked(visitor, busy_town, factory="aoki")
    assert len(answer.rows) == 12
    row = answer.rows[1]
    assert (row.factory, row.process, row.week, row.monday) == (
        "aoki",
        "cutting",
        "2026-W49",
        date(2026, 11, 30),
    )
    assert (row.pbt_h, row.committed_h, row.reserve_h, row.declared_h) == (160, 10, 0, 110)
    assert row.spare is not None and row.gross is not None and row.private is not None
    assert 0 < row.spare.p10 < row.spare.p50 < row.spare.p90 < 160
    assert row.gross.p50 == pytest.approx(row.spare.p50 + 10, abs=0.01)
    assert (row.coverage, row.reason, row.level) == (1, None, "plenty")
    assert row.measured is not None and answer.fresh is not None
    assert [(machine.machine, machine.pbt_h) for machine in row.machines] == [
        (f"m-{number}", 40) for number in range(1, 5)
    ]


@pytest.mark.parametrize("by", ["factory", "process"])
def test_every_column_of_the_sum_adds_up(visitor: httpx.Client, busy_town: Town, by: str) -> None:
    rows = [row for row in asked(visitor, busy_town, by=by).rows if row.spare is not None]
    assert len(rows) > 40
    assert all(adds_up(row) for row in rows)


def test_a_process_adds_up_its_factories(visitor: httpx.Client, busy_town: Town) -> None:
    factories = [row for row in asked(visitor, busy_town, process="cutting").rows if row.week == "2026-W49"]
    (process,) = [
        row
        for row in asked(visitor, busy_town, process="cutting", by="process").rows
        if row.week == "2026-W49"
    ]
    assert process.factory is None and process.spare is not None
    assert process.spare.p10 == pytest.approx(sum(row.spare.p10 for row in factories if row.spare), abs=0.01)
    assert process.pbt_h == sum(row.pbt_h for row in factories)
    assert process.declared_h == 110 + 40 + 45


def test_a_factory_without_a_number_is_named_beside_the_sum(visitor: httpx.Client, busy_town: Town) -> None:
    rows = {row.process: row for row in asked(visitor, busy_town, by="process", weeks=1).rows}
    surface, inspection = rows["surface_treatment"], rows["inspection"]
    assert [(each.factory, each.reason) for each in surface.silent] == [("nishino", "low_coverage")]
    assert surface.spare is not None and surface.reason is None
    assert (inspection.spare, inspection.reason, inspection.level) == (None, "no_calendar", "unknown")
    assert inspection.why == []


def test_closed_weeks_are_zero_and_say_so(visitor: httpx.Client, busy_town: Town) -> None:
    (closed,) = [row for row in asked(visitor, busy_town, factory="hinode").rows if row.week == "2026-W50"]
    assert closed.level == "closed" and closed.reason is None
    assert closed.spare is not None and closed.spare.p90 == 0


def test_weeks_limits_how_far_ahead_is_told(visitor: httpx.Client, busy_town: Town) -> None:
    rows = asked(visitor, busy_town, weeks=3).rows
    assert {row.week for row in rows} == {"2026-W48", "2026-W49", "2026-W50"}
    assert len(rows) == 3 * len(TOWN)


def test_a_factory_sees_only_its_own_cells(visitor: httpx.Client, busy_town: Town) -> None:
    assert {row.factory for row in asked(visitor, busy_town, "sakura").rows} == {"sakura"}
    by_process = asked(visitor, busy_town, "sakura", by="process").rows
    assert {(row.process, len(row.silent)) for row in by_process} == {("surface_treatment", 0)}
    assert problem(visitor, busy_town, "sakura", factory="aoki")["status"] == 404
    assert asked(visitor, busy_town, "sakura", process="cutting").rows == []


def test_what_does_not_exist_is_said(visitor: httpx.Client, busy_town: Town) -> None:
    for query in ({"factory": "nobody"}, {"process": "alchemy"}):
        found = problem(visitor, busy_town, **query)
        assert found["status"] == 404
        assert "no such factory or process" in str(found["detail"])


def test_weeks_out_of_range_are_refused_with_what_to_change(visitor: httpx.Client, busy_town: Town) -> None:
    found = problem(visitor, busy_town, weeks=13)
    assert found["status"] == 422
    assert "weeks" in str(found["detail"])


def test_without_a_token_nothing_is_told(visitor: httpx.Client) -> None:
    assert visitor.get("/api/v1/capacity").status_code == 401


def test_a_town_without_machines_has_no_rows(empty_town: Town) -> None:
    with served(empty_town) as (url, _), browsing(url) as client:
        answer = asked(client, empty_town)
    assert (answer.rows, answer.fresh) == ([], None)


@pytest.mark.parametrize("mode", list(GenerationMode))
def test_answers_are_as_described_whatever_is_asked(
    busy_url: str, busy_town: Town, mode: GenerationMode
) -> None:
    schema: Any = schemathesis.openapi.from_url(f"{busy_url}/api/v1/openapi.json")
    (operation,) = [found.ok() for found in schema.include(path="/api/v1/capacity").get_all_operations()]

    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(max_examples=40, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    def fits(case: Any) -> None:
        # A factory that is not there fits the schema, and is refused all the same.
        excluded = [positive_data_acceptance, negative_data_rejection]
        case.call_and_validate(headers=bearer(busy_town), excluded_checks=excluded)

    fits()
