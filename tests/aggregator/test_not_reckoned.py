"""The seconds after a start, before spare hours are reckoned: pages and API say so, nothing is planned."""

import httpx
import pytest

from tests.aggregator.api.test_matches import BODY
from tests.aggregator.faces import bearer, client, form_token_in, sign_in, town, url
from tests.aggregator.town import Town

__all__ = ["client", "town", "url"]


@pytest.fixture
def coordinator(client: httpx.Client) -> httpx.Client:
    sign_in(client)
    return client


def test_capacity_says_that_it_is_being_calculated(coordinator: httpx.Client) -> None:
    html = coordinator.get("/capacity").text
    assert "The numbers are being calculated" in html
    assert "Measured too short" not in html


@pytest.mark.parametrize(
    "path", ["/capacity/cutting", "/capacity/cutting/aoki", "/matches/drill?factory=aoki"]
)
def test_what_needs_hours_says_so_and_not_that_there_is_no_such_page(
    coordinator: httpx.Client, path: str
) -> None:
    answer = coordinator.get(path)
    assert answer.status_code == 503
    assert "Spare hours are being calculated" in answer.text
    assert "data store" not in answer.text


def test_the_api_tells_no_rows_and_that_nothing_is_reckoned(client: httpx.Client, town: Town) -> None:
    answer = client.get("/api/v1/capacity?process=cutting", headers=bearer(town))
    assert (answer.status_code, answer.json()["fresh"], answer.json()["rows"]) == (200, None, [])


def test_nobody_is_proposed_or_found_lacking(client: httpx.Client, town: Town) -> None:
    answer = client.post("/api/v1/matches", json=BODY, headers=bearer(town))
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "3")
    assert "being calculated" in answer.json()["detail"]


def test_the_form_keeps_what_was_entered(coordinator: httpx.Client) -> None:
    html = coordinator.get("/matches/new").text
    assert "Spare hours are being calculated" in html
    fields = {
        "buyer": "東海",
        "part": "P-77",
        "quantity": "5",
        "due": "2027-01-08",
        "steps.0.process": "cutting",
    }
    fields |= {"steps.0.cycle": "60", "form_token": form_token_in(html)}
    answer = coordinator.post("/matches/new", data=fields)
    assert answer.status_code == 503
    assert "Please press the button again" in answer.text
    assert "P-77" in answer.text
