from collections.abc import Iterator

import httpx
import pytest

from aggregator.store.timeseries import StoreError
from tests.aggregator.faces import browsing, sign_in
from tests.aggregator.town import Town, served
from tests.stack import NO_TLS


@pytest.fixture
def visitor(empty_town: Town) -> Iterator[httpx.Client]:
    with served(empty_town) as (url, _), browsing(url) as client:
        sign_in(client)
        yield client


def test_a_page_that_is_not_there_says_what_to_do(client: httpx.Client) -> None:
    answer = client.get("/nowhere")
    assert answer.status_code == 404
    assert "There is no such page" in answer.text
    assert 'class="button" href="/login"' in answer.text
    sign_in(client)
    assert 'class="button" href="/"' in client.get("/nowhere").text


def test_the_api_answers_as_an_api(client: httpx.Client) -> None:
    for path, status in (("/api/v1/nowhere", 404), ("/api/v2", 404)):
        answer = client.get(path)
        assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
        assert answer.json()["instance"] == path
    wrong_method = client.delete("/api/v1/machines")
    assert (wrong_method.status_code, wrong_method.headers["allow"]) == (405, "GET, HEAD")


def test_a_method_that_a_page_does_not_know_is_refused(client: httpx.Client) -> None:
    answer = client.post("/floor")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")


def test_when_the_store_fails_pages_and_api_say_so(
    visitor: httpx.Client, empty_town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(within: object = None) -> None:
        raise StoreError("database x: disk full")

    monkeypatch.setattr(type(empty_town.services.records), "machines", lambda self, within=None: fails())
    page = visitor.get("/floor")
    assert page.status_code == 503
    assert "The data store does not answer" in page.text
    assert "disk full" not in page.text
    answer = visitor.get("/api/v1/machines")
    assert (answer.status_code, answer.json()["title"]) == (503, "Service Unavailable")


def test_what_breaks_inside_shows_nothing_of_the_inside(
    visitor: httpx.Client, empty_town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails() -> None:
        raise KeyError("secret inside")

    monkeypatch.setattr(type(empty_town.services.records), "machines", lambda self, within=None: fails())
    page = visitor.get("/floor")
    assert page.status_code == 500
    assert "Something went wrong" in page.text
    assert "secret inside" not in page.text
    # The server closes a connection on which something broke.
    answer = httpx.get(
        visitor.base_url.join("/api/v1/machines"), cookies=dict(visitor.cookies), verify=NO_TLS
    )
    assert (answer.status_code, "secret inside" in answer.text) == (500, False)
    assert "content-security-policy" in page.headers
    assert page.headers["cache-control"] == "no-store"


def test_a_buyers_page_that_breaks_keeps_its_secret(
    empty_town: Town, visitor: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise KeyError("secret inside")

    monkeypatch.setattr(type(empty_town.services.links), "find", fails)
    page = visitor.get("/o/a-secret")
    assert page.status_code == 500
    said = [page.headers.get(name) for name in ("referrer-policy", "x-robots-tag", "cache-control")]
    assert said == ["no-referrer", "noindex, nofollow", "no-store"]
