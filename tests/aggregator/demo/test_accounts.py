"""The demo's accounts: made once, the same at every start, and known to the database."""

import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from aggregator.access.passwords import is_password
from aggregator.access.session import token_user
from aggregator.config import Config
from aggregator.demo.accounts import Accounts, make_accounts
from aggregator.demo.folder import DemoError, Folder
from aggregator.model.user import Role, User
from aggregator.store.database import open_engine
from aggregator.store.people import People

FACTORIES = ["aoki", "sakura"]


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


@contextmanager
def people(folder: Folder) -> Iterator[People]:
    engine = open_engine(config(folder).database_url)
    try:
        yield People(engine)
    finally:
        engine.dispose()


def config(folder: Folder) -> Config:
    return Config(federation="f", data=folder.aggregator)


def make(folder: Folder) -> Accounts:
    return make_accounts(folder, FACTORIES, config(folder))


def test_everyone_can_sign_in_with_what_is_printed(folder: Folder) -> None:
    accounts = make(folder)
    with people(folder) as known:
        assert known.users() == [
            User("aoki", Role.FACTORY, "aoki"),
            User("coordinator", Role.COORDINATOR),
            User("sakura", Role.FACTORY, "sakura"),
        ]
        for account in (accounts.coordinator, *accounts.factories.values()):
            found = known.credentials(account.user)
            assert found is not None
            assert is_password(account.password, found[1])
            assert token_user(known, account.token, 0) == found[0]


def test_they_are_the_same_at_the_next_start(folder: Folder) -> None:
    assert make(folder) == make(folder)
    assert stat.S_IMODE(folder.accounts.stat().st_mode) == 0o600


def test_no_two_secrets_are_alike(folder: Folder) -> None:
    accounts = make(folder)
    everyone = [accounts.coordinator, *accounts.factories.values()]
    assert len({secret for one in everyone for secret in (one.password, one.token)}) == 2 * len(everyone)


def test_a_database_that_was_deleted_learns_them_again(folder: Folder) -> None:
    accounts = make(folder)
    for file in folder.aggregator.iterdir():
        file.unlink()
    assert make(folder) == accounts
    with people(folder) as known:
        assert token_user(known, accounts.coordinator.token, 0) == User("coordinator", Role.COORDINATOR)


@pytest.mark.parametrize("text", ["", "{}", '{"coordinator": 1, "factories": {}}'])
def test_a_broken_file_is_told_with_the_cure(folder: Folder, text: str) -> None:
    folder.accounts.write_text(text)
    with pytest.raises(DemoError, match=r"accounts\.json: is broken.*delete"):
        make(folder)
