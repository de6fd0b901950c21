"""TOML written from plain values: what the simulator needs to write scenarios and agent configurations."""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any


def rendered(table: Mapping[str, Any], path: str = "") -> str:
    """Return a document: plain values first, then tables, then arrays of tables.

    A mapping becomes a table and a list of mappings an array of tables, unless they are `Inline`.
    """
    return "\n".join(_lines(table, path)) + "\n"


class Inline(dict[str, Any]):
    """A mapping to be written on one line, `{ a = 1 }`."""


def _lines(table: Mapping[str, Any], path: str) -> Iterator[str]:
    for key, value in table.items():
        if not _is_table(value) and not _is_array_of_tables(value):
            yield f"{_key(key)} = {_value(value)}"
    for key, value in table.items():
        place = f"{path}.{_key(key)}" if path else _key(key)
        if _is_table(value):
            yield from ("", f"[{place}]", *_lines(value, place))
        elif _is_array_of_tables(value):
            for entry in value:
                yield from ("", f"[[{place}]]", *_lines(entry, place))


def _is_table(value: object) -> bool:
    return isinstance(value, Mapping) and not isinstance(value, Inline)


def _is_array_of_tables(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(_is_table(entry) for entry in value)


def _key(key: str) -> str:
    return key if key.replace("_", "a").replace("-", "a").isalnum() and key.isascii() else _value(key)


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_key(key)} = {_value(inner)}" for key, inner in value.items()) + " }"
    if isinstance(value, Sequence):
        return "[" + ", ".join(_value(inner) for inner in value) + "]"
    return str(value)
