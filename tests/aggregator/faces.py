"""Fixtures for tests of pages and API, on a real server; folders that need them import them."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.aggregator.town import PASSWORD, Town, found_town, served
from tests.stack import NO_TLS


@pytest.fixture(scope="session")
def town(tmp_path_factory: pytest.TempPathFactory) -> Town:
    """The seeded town, shared: tests that change it build their own."""
    return found_town(tmp_path_factory.mktemp("town"))


@pytest.fixture(scope="session")
def url(town: Town) -> Iterator[str]:
    """Where the seeded town is served."""
    with served(town) as (address, _):
        yield address


@pytest.fixture
def client(url: str) -> Iterator[httpx.Client]:
    """A program without a token, or a person who has not signed in, who reads English."""
    with browsing(url) as client:
        yield client


@pytest.fixture
def empty_town(tmp_path: Path) -> Town:
    """People, but no factory yet."""
    return found_town(tmp_path, settled=False)


def browsing(url: str, language: str = "en") -> httpx.Client:
    """Return a client that keeps cookies and follows no redirects."""
    return httpx.Client(base_url=url, headers={"Accept-Language": language}, timeout=30, verify=NO_TLS)


def sign_in(
    client: httpx.Client, name: str = "coordinator", password: str = PASSWORD, back: str = "/"
) -> int:
    """Fill in the form; return the status."""
    token = form_token_in(client.get("/login").text)
    fields = {"name": name, "password": password, "back": back, "form_token": token}
    return client.post("/login", data=fields).status_code


def form_token_in(html: str) -> str:
    """Return the token of the page's form."""
    return html.split('name="form_token" value="')[1].split('"', maxsplit=1)[0]


def bearer(town: Town, name: str = "coordinator") -> dict[str, str]:
    """Return the header of a program that speaks for someone."""
    return {"Authorization": f"Bearer {town.tokens[name]}"}
