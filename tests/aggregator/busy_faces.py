"""Fixtures for tests of capacity's pages and API: the busy town, measured once and served; import them."""

import asyncio
from collections.abc import Iterator

import httpx
import pytest

from tests.aggregator.busy_town import found_busy_town
from tests.aggregator.faces import browsing
from tests.aggregator.town import Town, served


@pytest.fixture(scope="session")
def busy_town(tmp_path_factory: pytest.TempPathFactory) -> Town:
    """The busy town, shared: nobody changes it."""
    town = found_busy_town(tmp_path_factory.mktemp("busy"))

    async def measure() -> None:
        await town.services.days.refresh()
        await town.services.spare.refresh()

    asyncio.run(measure())
    return town


@pytest.fixture(scope="session")
def busy_url(busy_town: Town) -> Iterator[str]:
    """Where it is served."""
    with served(busy_town) as (address, _):
        yield address


@pytest.fixture
def visitor(busy_url: str) -> Iterator[httpx.Client]:
    """Someone who has not signed in, and reads English."""
    with browsing(busy_url) as client:
        yield client
