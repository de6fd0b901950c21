"""A town under way in which everything of 青木精機 and of the buyers is marked, and where it is served."""

import asyncio
from collections.abc import Iterator

import pytest

from aggregator.access.passwords import hash_password
from aggregator.access.session import issue_token
from aggregator.model.consent import Field
from aggregator.model.factory_profile import Declared, FactoryProfile
from aggregator.model.machine import Factory, Machine, MachineKey
from aggregator.model.user import Role, User
from aggregator.store.people import People
from tests.aggregator.town import NOW_MS, PASSWORD, Town, served
from tests.aggregator.work_town import found_work_town

BUYER = "東海ポンプ"
OTHER_BUYER = "北陸ミシン"
CANARIES = ("CANARY-MACHINE", "CANARY-FACTORY", "9753.25")
"""A machine's name, a factory's name and its declared hours: for 青木精機 and the coordinator alone."""


@pytest.fixture(scope="session")
def walled(tmp_path_factory: pytest.TempPathFactory) -> Town:
    """The town; 青木精機 agrees to nothing."""
    town = found_work_town(tmp_path_factory.mktemp("walls"))
    services = town.services
    services.records.remember(
        [Factory("aoki", "CANARY-FACTORY")],
        [Machine(MachineKey("aoki", "mc-01"), "CANARY-MACHINE", "cutting", "measured")],
    )
    services.profiles.save(
        FactoryProfile("aoki", declared=(Declared("cutting", 9753.25),)), 0, "aoki", NOW_MS
    )
    for field in Field:
        services.consents.change("aoki", field, False, "aoki", NOW_MS)
    people = People(services.records.engine)
    buyer = User("buyer", Role.BUYER, buyer=OTHER_BUYER)
    people.add_user(buyer, hash_password(PASSWORD), NOW_MS)
    town.tokens["buyer"] = issue_token(people, buyer, NOW_MS, NOW_MS + 10**10)

    async def reckon() -> None:
        await services.days.refresh()
        await services.spare.refresh()
        await services.order_book.refresh()

    asyncio.run(reckon())
    return town


@pytest.fixture(scope="module")
def address(walled: Town) -> Iterator[str]:
    """Where it is served, anew for each file: what one has guessed of links must not slow down the next."""
    with served(walled) as (url, _):
        yield url
