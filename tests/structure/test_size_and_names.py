"""Files and functions stay small enough to be read, and are called after what they are."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.structure.sources import ROOT, named, python_files

MOST_LINES = 500
MOST_LINES_OF_A_FUNCTION = 50
REASON = "# long:"
"""On the function's `def` line or the line above it, with why it is one piece: `# long: a table of cases`."""

MIGRATIONS = ROOT / "aggregator/store/migrations/versions"
"""Tables as they were on a day: lists, written once, never changed."""

VAGUE = {"util", "utils", "helper", "helpers", "manager", "managers", "common", "misc"}

Function = ast.FunctionDef | ast.AsyncFunctionDef


@pytest.fixture(scope="module")
def files() -> list[Path]:
    found = python_files("agent", "aggregator", "dashboards", "tests")
    assert len(found) > 50
    return found


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


def functions(path: Path) -> Iterator[Function]:
    for node in ast.walk(parsed(path)):
        if isinstance(node, Function):
            yield node


def length(function: Function) -> int:
    """Return the lines of its body: the docstring, the signature and decorators do not count."""
    body = function.body
    if ast.get_docstring(function, clean=False) is not None:
        body = body[1:]
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def explained(function: Function, lines: list[str]) -> bool:
    first = min([function.lineno, *(decorator.lineno for decorator in function.decorator_list)])
    return any(REASON in line for line in lines[max(0, first - 2) : function.body[0].lineno])


def test_no_file_is_longer_than_500_lines(files: list[Path]) -> None:
    lines = {named(path): path.read_text("utf-8").count("\n") for path in files}
    assert {name: count for name, count in lines.items() if count > MOST_LINES} == {}


def test_no_function_is_longer_than_50_lines_without_a_reason(files: list[Path]) -> None:
    long = [
        f"{named(path)}:{function.lineno} {function.name}: {length(function)} lines"
        for path in files
        if MIGRATIONS not in path.parents
        for function in functions(path)
        if length(function) > MOST_LINES_OF_A_FUNCTION
        and not explained(function, path.read_text("utf-8").splitlines())
    ]
    assert long == []


def test_a_long_function_is_seen_and_a_reason_counts(tmp_path: Path) -> None:
    body = "\n".join(f"    x = {number}" for number in range(51))
    path = tmp_path / "long.py"
    path.write_text(f'def f():\n    """Says what."""\n{body}\n# long: a table\nasync def g():\n{body}\n')
    first, second = functions(path)
    lines = path.read_text().splitlines()
    assert [length(first), length(second)] == [51, 51]
    assert [explained(first, lines), explained(second, lines)] == [False, True]


def test_no_module_has_a_name_that_says_nothing(files: list[Path]) -> None:
    vague = [named(path) for path in files if {path.stem, *path.parent.parts} & VAGUE]
    assert vague == []


def test_every_module_of_the_product_says_what_it_is() -> None:
    silent = [
        named(path)
        for path in python_files("agent", "aggregator", "dashboards")
        if (tree := parsed(path)).body and not ast.get_docstring(tree)
    ]
    assert silent == []
