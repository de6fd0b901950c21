"""Mistakes in a TOML table: plain values and a type in, a typed value or one sentence with the place out."""

import copy
import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any, TypeVar

import msgspec
from msgspec import inspect

from agent.contract.masking import masked, names_secret
from agent.errors import ConfigError

T = TypeVar("T", bound=msgspec.Struct)
Path = tuple[str | int, ...]
"""Keys and places of a list, from the outside in."""

_MESSAGE = re.compile(r"^(?P<what>.*?)(?: - at `\$(?P<path>.*)`)?$", re.DOTALL)
_TOKEN = re.compile(r"\[(?P<index>\d+)\]|(?P<any>\[\.\.\.\])|(?P<key>[^.\[\]]+)")
_FIELD = re.compile(r"^Object (?P<how>contains unknown|missing required) field `(?P<field>.*)`$")
_OWN_PATH = re.compile(r"^(?P<path>[A-Za-z_][\w\-.\[\]]*): (?P<what>.*)$", re.DOTALL)
_LONGEST_SHOWN = 80
_ANY_KEY = ""  # msgspec does not say which key of a dictionary


def converted(table: Mapping[str, Any], kind: type[T], place: str = "") -> T:
    """Return `table` as `kind`; raises ConfigError beginning with `place` and the path of the key."""
    try:
        return msgspec.convert(table, kind)
    except msgspec.ValidationError as error:
        raise _told(table, kind, place, str(error)) from error


def mistake(place: str, what: str) -> ConfigError:
    """Return the error for what is wrong at a place of the file."""
    return ConfigError(f"{place}: {what}" if place else what)


def unknown_key(key: str, known: Sequence[str]) -> str:
    """Say that a key is unknown, and which one may have been meant."""
    close = get_close_matches(key, known, n=1)
    if close:
        return f"unknown setting; did you mean {close[0]}?"
    return f"unknown setting; known: {', '.join(known)}" if known else "unknown setting"


def _told(table: Mapping[str, Any], kind: type[msgspec.Struct], place: str, message: str) -> ConfigError:
    match = _MESSAGE.match(message)
    what, path = (match["what"], _tokens(match["path"] or "")) if match else (message, ())
    if _ANY_KEY in path:
        path = _with_key(table, kind, path, message)
    if own := _OWN_PATH.match(what):  # a check of ours: it says where inside the table
        path, what = (*path, *_tokens(own["path"])), own["what"]
    place = _joined(place, path)
    if field := _FIELD.match(what):
        place = _joined(place, (field["field"],))
        is_missing = field["how"] == "missing required"
        return mistake(
            place, "is missing" if is_missing else unknown_key(field["field"], _fields_at(kind, path))
        )
    if what.startswith("Invalid enum value"):
        return mistake(place, f"expected {_choices_at(kind, path)}, got {_shown(table, path)}")
    if what.startswith("Invalid RFC3339"):
        what = "Expected a time with its offset, as 2026-11-22T19:00:00+09:00"
    if not what.startswith("Expected "):
        return mistake(place, what)
    for theirs, ours in (("`", ""), ("Expected", "expected"), ("object", "table"), (" | null", "")):
        what = what.replace(theirs, ours)
    if ", got " in what or names_secret(place):
        return mistake(place, what)
    return mistake(place, f"{what}, got {_shown(table, path)}")


def _tokens(text: str) -> Path:
    return tuple(
        int(token["index"]) if token["index"] else _ANY_KEY if token["any"] else token["key"]
        for token in _TOKEN.finditer(text)
    )


def _joined(place: str, path: Path) -> str:
    for token in path:
        text = f"[{token}]" if isinstance(token, int) else token
        place += text if isinstance(token, int) or not place else f".{text}"
    return place


def _value_at(table: Any, path: Path) -> Any:
    for token in path:
        table = table[token]
    return table


def _shown(table: Any, path: Path) -> str:
    shown = masked(repr(_value_at(table, path)))
    return shown if len(shown) <= _LONGEST_SHOWN else f"{shown[:_LONGEST_SHOWN]}…"


def _with_key(table: Mapping[str, Any], kind: type[msgspec.Struct], path: Path, message: str) -> Path:
    """Return `path` with the key that msgspec leaves out: the one that is wrong also when it stands alone."""
    before, after = path[: path.index(_ANY_KEY)], path[path.index(_ANY_KEY) + 1 :]
    for key, value in _value_at(table, before).items():
        alone = copy.deepcopy(dict(table))
        free = _value_at(alone, before)
        free.clear()
        free[key] = value
        try:
            msgspec.convert(alone, kind)
        except msgspec.ValidationError as error:
            if str(error) == message:
                return (*before, key, *after)
    return before


def _fields_at(kind: type[msgspec.Struct], path: Path) -> list[str]:
    """Return the settings of the table at `path`, as far as its type tells."""
    for one in _types_at(kind, path):
        if isinstance(one, inspect.StructType):
            return [field.encode_name for field in one.fields]
    return []


def _choices_at(kind: type[msgspec.Struct], path: Path) -> str:
    for one in _types_at(kind, path):
        if isinstance(one, inspect.EnumType):
            return f"one of {', '.join(str(member.value) for member in one.cls)}"
        if isinstance(one, inspect.LiteralType):
            return f"one of {', '.join(str(value) for value in one.values)}"
    return "another value"


def _types_at(kind: type[msgspec.Struct], path: Path) -> Sequence[Any]:
    found: Sequence[Any] = (inspect.type_info(kind),)
    for token in path:
        found = [inner for one in found for inner in _alternatives(_inside(one, token))]
    return found


def _inside(one: Any, token: str | int) -> Any:
    if isinstance(one, inspect.StructType):
        return next((field.type for field in one.fields if field.encode_name == token), None)
    return getattr(one, "item_type", None) if isinstance(token, int) else getattr(one, "value_type", None)


def _alternatives(one: Any) -> Sequence[Any]:
    return one.types if isinstance(one, inspect.UnionType) else (one,)
