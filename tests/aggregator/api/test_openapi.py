"""The API does what its description says: driven by schemathesis from the description itself."""

import asyncio
import json
import os
from typing import Any

import httpx
import pytest
import schemathesis
from fastapi.routing import APIRoute
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from aggregator.api import ROUTERS
from tests.aggregator.faces import bearer
from tests.aggregator.town import Town
from tests.stack import NO_TLS

EXAMPLES = int(os.environ.get("MACHIKOBA_API_CASES", "10"))
"""Cases an operation; `make fuzz` tries many more."""


@pytest.fixture(scope="module", autouse=True)
def reckoned(town: Town) -> None:
    """Before hours are reckoned proposals and drills are 503, which would hide what they answer."""

    async def reckon() -> None:
        await town.services.days.refresh()
        await town.services.spare.refresh()

    asyncio.run(reckon())


@pytest.fixture(scope="session")
def description(url: str) -> dict[str, object]:
    found: dict[str, object] = httpx.get(f"{url}/api/v1/openapi.json", timeout=60, verify=NO_TLS).json()
    return found


def test_every_operation_and_every_field_is_described(description: dict[str, object]) -> None:
    paths: dict[str, dict[str, dict[str, object]]] = description["paths"]  # type: ignore[assignment]
    assert {"/api/v1/machines", "/api/v1/utilization", "/healthz", "/readyz", "/metrics"} <= set(paths)
    for path, operations in paths.items():
        for method, operation in operations.items():
            assert operation.get("summary"), f"{method} {path}"
            assert operation.get("description"), f"{method} {path}"
    schemas = description["components"]["schemas"]  # type: ignore[index]
    for name in (
        "MachineNow",
        "WindowRow",
        "UtilizationRow",
        "StateMilliseconds",
        "MatchRow",
        "PlanRow",
        "StepBody",
    ):
        for field, schema in schemas[name]["properties"].items():
            assert "description" in schema or "$ref" in schema, f"{name}.{field}"


def test_pages_are_not_part_of_the_api(description: dict[str, object]) -> None:
    assert not [path for path in description["paths"] if path in {"/", "/floor", "/login"}]  # type: ignore[attr-defined]
    assert "http://" not in json.dumps(description)


def operations_of(url: str) -> list[Any]:
    """Return every operation of the description."""
    schema: Any = schemathesis.openapi.from_url(f"{url}/api/v1/openapi.json")
    return [found.ok() for found in schema.get_all_operations()]


def test_no_route_of_the_api_is_left_out(url: str) -> None:
    routes = [route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)]
    offered = {(route.path, method) for route in routes for method in route.methods or ()}
    assert offered == {(found.path, found.method.upper()) for found in operations_of(url)}


def test_answers_are_as_described(url: str, town: Town) -> None:
    for operation in operations_of(url):

        @given(case=operation.as_strategy())
        @settings(max_examples=EXAMPLES, deadline=None, database=None, derandomize=True)
        def fits(case: Any) -> None:
            # A `since` that is not before `until` fits the schema, and is refused all the same.
            case.call_and_validate(headers=bearer(town), excluded_checks=[positive_data_acceptance])

        fits()


def test_whatever_is_asked_the_answer_is_as_described(url: str, town: Town) -> None:
    for operation in operations_of(url):
        if not list(operation.iter_parameters()):
            continue

        @given(case=operation.as_strategy(generation_mode=GenerationMode.NEGATIVE))
        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            derandomize=True,
            suppress_health_check=[HealthCheck.filter_too_much],
        )
        def fits(case: Any) -> None:
            # Which parameter is refused for what, the other tests say; a missing token is mended here.
            case.call_and_validate(headers=bearer(town), excluded_checks=[negative_data_rejection])

        fits()
