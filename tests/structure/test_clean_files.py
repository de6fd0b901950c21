"""Tracked files name no computer of ours, no registry, and no secret; every sample parses."""

import re
import tomllib
from pathlib import Path

import pytest

from tests.structure.sources import ROOT, named, tracked

# Written so that this file does not match itself.
MACHINE = re.compile(r"(?<![\w.])/(?:work|root|home/\w+|Users/\w+|opt/wheels)/[\w.-]+")
REGISTRY = re.compile(r"(?:pypi\.org|pythonhosted\.org|registry\.npmjs\.org|npmmirror|deb\.debian\.org)")
BINARY = {".png", ".gz", ".ico", ".webp", ".jpg", ".mo", ".woff2", ".db"}


def texts() -> list[tuple[str, str]]:
    own = Path(__file__)
    return [
        (named(path), path.read_text("utf-8"))
        for path in tracked()
        if path.suffix not in BINARY and path != own
    ]


def found(pattern: re.Pattern[str]) -> list[str]:
    return [f"{name}: {match[0]}" for name, text in texts() for match in pattern.finditer(text)]


def test_no_file_names_a_path_of_somebodys_computer() -> None:
    assert found(MACHINE) == []


def test_no_file_names_a_registry() -> None:
    assert found(REGISTRY) == []


@pytest.mark.parametrize("text", ["cd /work/main", 'path = "/home/kenta/x"', "(/root/.cache)"])
def test_such_a_path_is_seen(text: str) -> None:
    assert MACHINE.search(text)


@pytest.mark.parametrize("text", ["docs/work/list", "https://example.org/home/kenta/", "/var/lib/machikoba"])
def test_other_paths_are_fine(text: str) -> None:
    assert not MACHINE.search(text)


def test_every_locked_package_has_a_hash_and_no_address() -> None:
    lines = (ROOT / "requirements.lock").read_text("utf-8").splitlines()
    packages = [line for line in lines if line and not line.startswith((" ", "#"))]
    assert len(packages) > 50
    assert all(re.match(r"[a-z0-9-]+==\S+ (; .*)?\\$", line) for line in packages)
    assert not any("://" in line or line.startswith("-") for line in lines)


def test_the_lock_knows_every_dependency() -> None:
    locked = re.findall(r"^([a-z0-9-]+)==", (ROOT / "requirements.lock").read_text("utf-8"), re.MULTILINE)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    wanted = [
        *project["dependencies"],
        *(name for extra in project["optional-dependencies"].values() for name in extra),
    ]
    names = {re.split(r"[^A-Za-z0-9_-]", requirement)[0].lower().replace("_", "-") for requirement in wanted}
    assert names - {"machikoba"} - set(locked) == set(), "run: make lock"


def test_every_toml_file_parses() -> None:
    samples = [path for path in tracked() if path.suffix == ".toml"]
    assert [named(path) for path in samples if not tomllib.loads(path.read_text("utf-8"))] == []
