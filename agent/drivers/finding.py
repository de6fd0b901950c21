"""A finding: something that a machine offers, as `discover` shows it to the installer."""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from agent.measuring.reading import GOOD, Value

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_WORD_START = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


@dataclass(frozen=True, slots=True)
class Finding:
    """One value on offer: `toml` is what stands behind `name =` in the driver's table of signals.

    `place` says for people where it is; `value` is None when it cannot be read, and `quality` then says why.
    """

    name: str
    toml: str
    place: str
    type: str
    value: Value | None
    quality: str = GOOD


def snippet(findings: Iterable[Finding]) -> str:
    """Return lines of TOML for the driver's table of signals; a name that comes again gets a number."""
    met: dict[str, int] = {}
    lines: list[str] = []
    for finding in findings:
        met[finding.name] = met.get(finding.name, 0) + 1
        times = met[finding.name]
        key = finding.name if times == 1 else f"{finding.name}_{times}"
        lines.append(f"{key if _BARE_KEY.fullmatch(key) else toml_text(key)} = {finding.toml}")
    return "".join(f"{line}\n" for line in lines)


def signal_name(path: Sequence[str]) -> str:
    """Return a name for the signal at the end of a path: `("Axes", "SpindleLoad")` -> `spindle_load`."""
    return _WORD_START.sub("_", path[-1] if path else "").lower().replace(" ", "_") or "signal"


def toml_text(text: str) -> str:
    """Return `text` as a basic string of TOML, whose escapes are those of JSON."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
