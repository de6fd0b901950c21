"""Case folders: tests/cases/<kind>/<name>/{config.toml,readings.csv,expected.csv} as values."""

import csv
from pathlib import Path

from agent.measuring.reading import Value

CASES = Path(__file__).parent / "cases"


def cases(kind: str) -> list[Path]:
    """Return the folders of one kind; there is at least one."""
    found = sorted(path for path in (CASES / kind).iterdir() if path.is_dir())
    assert found, f"no cases in {CASES / kind}"
    return found


def table(path: Path) -> list[dict[str, str]]:
    """Return the rows of a CSV file by column; lines that begin with # are remarks."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(
            csv.DictReader((line for line in file if not line.startswith("#")), quoting=csv.QUOTE_NONE)
        )


def value_of(text: str) -> Value | None:
    """Read a value as TOML would spell it; empty is unknown, anything else is text."""
    if text in ("", "true", "false"):
        return {"": None, "true": True, "false": False}[text]
    if text.startswith('"'):
        return text.strip('"')
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
