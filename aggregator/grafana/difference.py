"""What differs between what is in Grafana and what is to be there: two values in, lines out. Pure."""

import difflib
import json
from typing import Any


def seen_as(present: Any, wanted: Any) -> Any:
    """Return of `present` what `wanted` speaks of: Grafana adds keys to objects, but nothing to lists."""
    if isinstance(present, dict) and isinstance(wanted, dict):
        return {key: seen_as(present[key], each) for key, each in wanted.items() if key in present}
    if isinstance(present, list) and isinstance(wanted, list):
        pairs = zip(present, wanted, strict=False)
        return [seen_as(one, other) for one, other in pairs] + present[len(wanted) :]
    return present


def lines(present: Any, wanted: Any) -> list[str]:
    """Return the difference as a unified diff of JSON, without its head; nothing where both are the same."""
    before = [] if present is None else _text(present)
    return list(difflib.unified_diff(before, _text(wanted), lineterm="", n=2))[2:]


def _text(value: Any) -> list[str]:
    return json.dumps(value, ensure_ascii=False, indent=2, sort_keys=True).splitlines()
