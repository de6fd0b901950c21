"""`machikoba user`: who may sign in, and the tokens of programs."""

import argparse
import sys
from collections.abc import Callable
from dataclasses import replace

from agent.contract.topics import valid_id
from aggregator.access.passwords import MIN_LENGTH, hash_password
from aggregator.access.session import issue_token
from aggregator.clock import now_ms
from aggregator.config import add_arguments as add_config_arguments
from aggregator.config import from_arguments
from aggregator.errors import AggregatorError
from aggregator.model.text import shows
from aggregator.model.user import Role, User
from aggregator.store.database import open_engine
from aggregator.store.migration import migrate
from aggregator.store.people import People, PersonError

DAY_MS = 24 * 3_600_000
MAX_NAME = 64

_EXAMPLES = """\
examples:
  machikoba user add kenta --role coordinator --password-stdin < password.txt
  machikoba user add aoki --role factory --factory aoki --password-stdin < password.txt
  machikoba user add tokai --role buyer --buyer "株式会社東海ポンプ" --password-stdin < password.txt
  machikoba user token kenta --days 90
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags and the commands below `machikoba user`."""
    parser.epilog = _EXAMPLES
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    commands = parser.add_subparsers(dest="user_command", required=True, metavar="COMMAND")

    add = _command(commands, "add", "let a person sign in")
    add.add_argument("name", metavar="NAME", help="the name to sign in with")
    add.add_argument(
        "--role",
        choices=[role.value for role in Role],
        required=True,
        help="coordinator sees the whole federation, factory its own machines, buyer its own orders",
    )
    add.add_argument("--factory", metavar="ID", help="id of the factory, with --role factory")
    add.add_argument("--buyer", metavar="NAME", help="the buyer as it stands on orders, with --role buyer")
    _add_password(add)

    password = _command(commands, "password", "set a new password and end the person's sessions")
    password.add_argument("name", metavar="NAME", help="the person")
    _add_password(password)

    _command(commands, "list", "print everyone: name, role, factory or buyer")

    remove = _command(commands, "remove", "forget a person, their sessions and tokens")
    remove.add_argument("name", metavar="NAME", help="the person")

    revoke = _command(commands, "revoke", "end all tokens of a person")
    revoke.add_argument("name", metavar="NAME", help="the person")

    token = _command(commands, "token", "print a new token for a program; it sees what the person sees")
    token.add_argument("name", metavar="NAME", help="the person for whom the program speaks")
    token.add_argument("--read-only", action="store_true", help="it may only see, not change anything")
    token.add_argument(
        "--days", type=int, default=365, metavar="N", help="how long it is valid, 1 to 3650 (default: 365)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Do what was asked and return 0; raises AggregatorError in one sentence."""
    engine = open_engine(from_arguments(arguments).database_url)
    try:
        migrate(engine)
        _COMMANDS[arguments.user_command](People(engine), arguments)
    finally:
        engine.dispose()
    return 0


def user_of(name: str, role: Role, factory: str | None, buyer: str | None = None) -> User:
    """Return the person; raises PersonError when name, role, factory and buyer do not fit together."""
    if not name.strip() or len(name) > MAX_NAME or not shows(name):
        raise PersonError(f"user {name!r}: a name has 1 to {MAX_NAME} visible characters")
    if role is Role.FACTORY and not factory:
        raise PersonError(f"user {name!r}: the role factory needs --factory ID")
    if role is Role.COORDINATOR and factory:
        raise PersonError(f"user {name!r}: a coordinator sees every factory; leave --factory out")
    if role is Role.BUYER and factory:
        raise PersonError(f"user {name!r}: a buyer sees no factory; leave --factory out")
    if factory and not valid_id(factory):
        raise PersonError(f"user {name!r}: {factory!r} is no factory's id")
    if role is Role.BUYER and not _printable(buyer):
        raise PersonError(f"user {name!r}: the role buyer needs --buyer NAME, as it stands on the orders")
    if role is not Role.BUYER and buyer:
        raise PersonError(f"user {name!r}: only the role buyer has a --buyer")
    return User(name, role, factory, buyer)


def _printable(text: str | None) -> bool:
    return bool(text and text.strip() and shows(text))


def _add(people: People, arguments: argparse.Namespace) -> None:
    user = user_of(arguments.name, Role(arguments.role), arguments.factory, arguments.buyer)
    people.add_user(user, hash_password(_read_password()), now_ms())
    print(f"{user.name} can sign in as {_described(user)}")


def _password(people: People, arguments: argparse.Namespace) -> None:
    people.set_password(arguments.name, hash_password(_read_password()))
    print(f"{arguments.name} has a new password and has to sign in again")


def _list(people: People, _arguments: argparse.Namespace) -> None:
    for user in people.users():
        print(f"{user.name}\t{user.role}\t{user.factory or user.buyer or '-'}")


def _remove(people: People, arguments: argparse.Namespace) -> None:
    people.remove_user(arguments.name)
    print(f"{arguments.name} can no longer sign in")


def _token(people: People, arguments: argparse.Namespace) -> None:
    if not 1 <= arguments.days <= 3650:
        raise PersonError(f"--days: expected 1 to 3650, got {arguments.days}")
    user = people.user(arguments.name)
    if user is None:
        raise PersonError(f"user {arguments.name!r}: there is none of that name")
    now = now_ms()
    user = replace(user, reads_only=arguments.read_only)
    print(issue_token(people, user, now, now + arguments.days * DAY_MS))


def _revoke(people: People, arguments: argparse.Namespace) -> None:
    if people.user(arguments.name) is None:
        raise PersonError(f"user {arguments.name!r}: there is none of that name")
    print(f"{people.revoke_tokens(arguments.name)} tokens of {arguments.name} are no longer valid")


_COMMANDS: dict[str, Callable[[People, argparse.Namespace], None]] = {
    "add": _add,
    "password": _password,
    "list": _list,
    "remove": _remove,
    "token": _token,
    "revoke": _revoke,
}


def _command(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, does: str
) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=does, description=f"{does[0].upper()}{does[1:]}.")
    add_config_arguments(parser)
    return parser


def _add_password(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--password-stdin",
        action="store_true",
        required=True,
        help=f"read the password from standard input (one line, at least {MIN_LENGTH} characters)",
    )


def _read_password() -> str:
    password = sys.stdin.readline().rstrip("\r\n")
    if len(password) < MIN_LENGTH:
        raise AggregatorError(f"password: expected at least {MIN_LENGTH} characters on standard input")
    return password


def _described(user: User) -> str:
    whose = user.factory or user.buyer
    return user.role.value if whose is None else f"{user.role.value} {whose}"
