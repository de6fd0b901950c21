"""Every class that holds a secret keeps it out of its `repr`, and no command takes one as an argument.

Both are looked for in the code itself: a new class or flag falls under it by being there.
"""

import argparse
import dataclasses
import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from pydantic import BaseModel, Field

import agent
import agent.__main__
import aggregator
import aggregator.__main__
import dashboards

SECRET = re.compile(r"(?i)password|passwd|secret|token|database_url|webhook_url|private_key|api_?key")
NOT_SECRET = re.compile(
    r"_(?:file|hash|count)$|^(?:plain_password|replace_token|viewer_token|reads_only|uses_password)$"
)
"""The names of files, what is stored instead of a secret, and settings that are yes or no."""
BY_ANOTHER_NAME = {
    "aggregator.access.links.NewLink.path",
    "aggregator.web.buyer_order.Place.path",
    "aggregator.web.buyer_order.Place.list_path",
    "aggregator.config.Webhook.url",
}
"""Addresses that are secrets themselves."""
CANARY = "canary-in-a-repr"


def classes() -> Iterator[type]:
    """Yield every class of the product's own modules."""
    for package in (agent, aggregator, dashboards):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if "migrations" in module.name or module.name.endswith("__main__"):
                continue
            for found in vars(importlib.import_module(module.name)).values():
                if isinstance(found, type) and found.__module__ == module.name:
                    yield found


def fields_of(kind: type) -> list[str]:
    """Return the names of what a value of this kind shows in its `repr`, in the order it is given."""
    if issubclass(kind, BaseModel):
        return list(kind.model_fields)
    if issubclass(kind, msgspec.Struct):
        return list(kind.__struct_fields__)
    if dataclasses.is_dataclass(kind):
        return [field.name for field in dataclasses.fields(kind)]
    return list(getattr(kind, "_fields", ())) if issubclass(kind, tuple) else []


def shown(kind: Any, fields: list[str]) -> str:
    """Return the `repr` of a value in which every field is the canary, and its own name beside it."""
    values = {name: f"{CANARY}:{name}" for name in fields}
    if issubclass(kind, BaseModel):
        return repr(kind.model_construct(**values)) + str(kind.model_construct(**values))
    if issubclass(kind, tuple):
        return repr(kind(**values))
    made: Any = msgspec_bare(kind) if issubclass(kind, msgspec.Struct) else object.__new__(kind)
    for name, value in values.items():
        if issubclass(kind, msgspec.Struct):
            msgspec.structs.force_setattr(made, name, value)
        else:
            object.__setattr__(made, name, value)
    return repr(made) + str(made)


def msgspec_bare(kind: Any) -> Any:
    """Return a value whose check of itself did not run."""
    bare = msgspec.defstruct(
        kind.__name__,
        [(name, Any, None) for name in kind.__struct_fields__],
        namespace={"__repr__": kind.__repr__},
    )
    return bare()


def shows_secrets(kind: type) -> list[str]:
    """Return the fields named like secrets that stand in the `repr`."""
    fields = fields_of(kind)
    names = {
        name: place
        for name in fields
        if (place := f"{kind.__module__}.{kind.__qualname__}.{name}") in BY_ANOTHER_NAME
        or (SECRET.search(name) and not NOT_SECRET.search(name))
    }
    if not names:
        return []
    text = shown(kind, fields)
    return [place for name, place in names.items() if f"{CANARY}:{name}" in text]


def test_no_class_shows_a_secret_in_its_repr() -> None:
    found = set(classes())
    known = {f"{kind.__module__}.{kind.__qualname__}.{name}" for kind in found for name in fields_of(kind)}
    assert len(known) > 1_000
    assert known >= BY_ANOTHER_NAME
    assert sorted(place for kind in found for place in shows_secrets(kind)) == []


def test_such_a_class_would_be_seen() -> None:
    class Model(BaseModel):
        password: str
        hidden_token: str = Field(repr=False)

    class Struct(msgspec.Struct, frozen=True):
        token: str
        password_file: str

    @dataclasses.dataclass(frozen=True, slots=True)
    class Data:
        secret: str
        hidden_secret: str = dataclasses.field(repr=False)

    assert [place.rpartition(".")[2] for kind in (Model, Struct, Data) for place in shows_secrets(kind)] == [
        "password",
        "token",
        "secret",
    ]


def parsers(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """Yield a parser and those of its subcommands."""
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for each in action.choices.values():
                yield from parsers(each)


def takes_secret(action: argparse.Action) -> bool:
    """Tell whether a flag is named like a secret and takes it itself: not a file, not standard input."""
    named = any(SECRET.search(flag) for flag in [*action.option_strings, action.dest])
    return named and action.nargs != 0 and not action.dest.endswith("_file")


@pytest.mark.parametrize("main", [agent.__main__, aggregator.__main__])
def test_no_command_takes_a_secret_as_an_argument(main: Any) -> None:
    parser = main.make_parser(list(main.COMMANDS))
    actions = [action for each in parsers(parser) for action in each._actions]
    assert len(actions) > 20
    commands = [action for action in actions if isinstance(action, argparse._SubParsersAction)]
    assert [action.dest for action in actions if action not in commands and takes_secret(action)] == []


def test_such_a_flag_would_be_seen() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--token-file", type=Path)
    parser.add_argument("--password-stdin", action="store_true")
    parser.add_argument("--database-url")
    assert [action.dest for action in parser._actions if takes_secret(action)] == ["database_url"]
