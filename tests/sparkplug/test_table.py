"""The table is whole: each assertion of the specification is shown, or named as none of ours, and why."""

import ast
from collections.abc import Collection
from functools import cache
from pathlib import Path

import pytest

from tests.sparkplug.edge_rows import EDGE
from tests.sparkplug.elsewhere import NOT_OURS, NOT_OURS_BY_BEGINNING, SHOWN_BY
from tests.sparkplug.host_rows import HOST

ROOT = Path(__file__).parents[2]
SPECIFICATION = [
    line
    for line in (Path(__file__).parent / "specification.txt").read_text("utf-8").splitlines()
    if line and not line.startswith("#")
]
TABLES: dict[str, Collection[str]] = {
    "edge": EDGE,
    "host": HOST,
    "another test": SHOWN_BY,
    "none of ours": NOT_OURS,
}


def test_the_list_is_that_of_the_specification() -> None:
    """Its own list of requirements counts them at its end."""
    assert len(SPECIFICATION) == len(set(SPECIFICATION)) == 299


@pytest.mark.parametrize("table", TABLES)
def test_no_id_is_made_up(table: str) -> None:
    assert set(TABLES[table]) - set(SPECIFICATION) == set()


@pytest.mark.parametrize("id", SPECIFICATION)
def test_each_assertion_has_one_place(id: str) -> None:
    found = [name for name, table in TABLES.items() if id in table]
    found += [why for beginning, why in NOT_OURS_BY_BEGINNING.items() if id.startswith(beginning)]
    assert len(found) == 1, found


def test_every_beginning_is_one() -> None:
    for beginning in NOT_OURS_BY_BEGINNING:
        assert any(id.startswith(beginning) for id in SPECIFICATION), beginning


@cache
def names_in(path: str) -> set[str]:
    tree = ast.parse((ROOT / path).read_text("utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


@pytest.mark.parametrize("id", SHOWN_BY)
def test_what_shows_it_is_there(id: str) -> None:
    path, _, name = SHOWN_BY[id].partition("::")
    assert name in names_in(path)
