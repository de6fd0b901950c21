"""What really happened on the simulated floor: the ground truth's lines in, times in state and cycles out."""

import json
from collections import defaultdict
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

Key = tuple[str, str]


def ms(text: str) -> int:
    """Return RFC 3339 as UTC milliseconds."""
    return round(datetime.fromisoformat(text).timestamp() * 1000)


@dataclass
class Life:
    """A machine's state changes `(at_ms, state)` and the times of its cycles and scrapped cycles, in order.

    `totals` is its counter, at first and after every cycle.
    """

    changes: list[tuple[int, str]] = field(default_factory=list)
    cycles: list[int] = field(default_factory=list)
    scrapped: list[int] = field(default_factory=list)
    totals: list[int] = field(default_factory=list)

    def state_ms(self, since_ms: int, until_ms: int) -> dict[str, int]:
        """Return the milliseconds in each state over `[since_ms, until_ms)`."""
        spent: dict[str, int] = defaultdict(int)
        ends = [at_ms for at_ms, _ in self.changes[1:]] + [until_ms]
        for (begin_ms, state), end_ms in zip(self.changes, ends, strict=True):
            spent[state] += max(0, min(end_ms, until_ms) - max(begin_ms, since_ms))
        return dict(spent)


def busy_or_not(life: Life) -> Life:
    """Return the life as an agent tells it outside with `share = "utilization"` (agent/README.md)."""
    busy = {"SETUP": "RUNNING", "DOWN": "RUNNING"}
    return replace(life, changes=[(at_ms, busy.get(state, state)) for at_ms, state in life.changes])


def read_truth(path: Path) -> dict[Key, Life]:
    """Return every machine's life; a line that is just being written is left out."""
    lives: dict[Key, Life] = defaultdict(Life)
    for line in path.read_text("utf-8").splitlines(keepends=True):
        if not line.endswith("\n"):
            break
        event = json.loads(line)
        life = lives[event["factory"], event["machine"]]
        if event["event"] == "cycle":
            life.cycles.append(ms(event["at"]))
            life.scrapped += [] if event["good"] else [ms(event["at"])]
        elif "state" in event:  # the others are commands: work orders, breakdowns
            life.changes.append((ms(event["at"]), event["state"]))
        if "total" in event:
            life.totals.append(event["total"])
    return dict(lives)
