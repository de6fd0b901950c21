"""Who may sign in to the demo: random passwords and tokens, the same at every start of one folder."""

import secrets
from collections.abc import Iterable

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from aggregator.access.passwords import hash_password
from aggregator.access.secret import hashed, new_secret
from aggregator.clock import now_ms
from aggregator.config import Config
from aggregator.demo.folder import DemoError, Folder, broken, write_private
from aggregator.model.user import Role, User
from aggregator.store.database import open_engine
from aggregator.store.migration import migrate
from aggregator.store.people import People

COORDINATOR = "coordinator"
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"


class Account(BaseModel):
    """A sign-in for a person, and a token with the same rights for a program."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    user: str
    password: str = Field(repr=False)
    token: str = Field(repr=False)


class Accounts(BaseModel):
    """One account for the coordinator, and one a factory by its id."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    coordinator: Account
    factories: dict[str, Account]


def make_accounts(folder: Folder, factories: Iterable[str], config: Config) -> Accounts:
    """Return the folder's accounts, made at the first start, and see that the database knows them.

    Raises DemoError when the folder's file is broken, AggregatorError when the database cannot be used.
    """
    try:
        accounts = Accounts.model_validate_json(folder.accounts.read_bytes())
    except FileNotFoundError:
        accounts = _new_accounts(factories)
        write_private(folder.accounts, accounts.model_dump_json(indent=2) + "\n")
    except (OSError, ValidationError):
        raise DemoError(broken(folder, folder.accounts)) from None
    engine = open_engine(config.database_url)
    try:
        migrate(engine)
        people = People(engine)
        _admit(people, accounts.coordinator, User(COORDINATOR, Role.COORDINATOR))
        for factory, account in accounts.factories.items():
            _admit(people, account, User(account.user, Role.FACTORY, factory))
    finally:
        engine.dispose()
    return accounts


def _new_accounts(factories: Iterable[str]) -> Accounts:
    return Accounts(
        coordinator=_new_account(COORDINATOR),
        factories={factory: _new_account(factory) for factory in factories},
    )


def _new_account(name: str) -> Account:
    """Return an account whose password can be typed from a screen: about 59 bits in three groups."""
    groups = ("".join(secrets.choice(_LETTERS) for _ in range(4)) for _ in range(3))
    return Account(user=name, password="-".join(groups), token=new_secret())


def _admit(people: People, account: Account, user: User) -> None:
    now = now_ms()
    if people.user(account.user) is None:
        people.add_user(user, hash_password(account.password), now)
    if people.token(hashed(account.token), now) is None:
        people.add_token(hashed(account.token), user, now, None)
