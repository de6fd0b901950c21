"""What goes wrong, and when: a seed and a length in, faults out. Pure: a seed always gives the same."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

FACTORIES = ("north", "south")
AGENTS = tuple(f"agent-{factory}" for factory in FACTORIES)
BROKER, AGGREGATOR, DATABASE = "broker", "aggregator", "database"
INFLUXD = "influxd"
"""Struck as well where the time series lie in it."""
OTHERS = (*AGENTS, BROKER, AGGREGATOR)
PROCESSES = (*OTHERS, DATABASE)
LINES = tuple(f"line of {name}" for name in (*AGENTS, AGGREGATOR))
"""Each has a line of its own to the broker."""

KILL, KILL_BARE = "killed", "killed, its session file gone"
CUT, SILENT, SLOW, FLAPPING = "cut", "silent", "slow", "flapping"

_KINDS = {KILL: 58, KILL_BARE: 8, CUT: 10, SILENT: 7, SLOW: 9, FLAPPING: 8}
_PROCESS_WEIGHTS = dict(zip((*PROCESSES, INFLUXD), (5, 5, 4, 4, 4, 4), strict=True))
_TOGETHER = 0.2
"""So many of the kills meet several processes in the same moment."""
_REST_S = {AGGREGATOR: (0.5, 15.0), DATABASE: (0.5, 6.0), INFLUXD: (0.5, 6.0)}
"""So long a process is left alone after it was started again: it is killed while it starts, and later."""
_OTHER_REST_S = (0.2, 5.0)
_GONE_S = (0.0, 3.0)
_BAD_LINE_S = (0.5, 8.0)


@dataclass(frozen=True)
class Fault:
    """At `at_s` after the beginning this happens to `targets`, for `for_s`."""

    at_s: float
    kind: str
    targets: tuple[str, ...]
    for_s: float

    def __str__(self) -> str:
        return f"{self.at_s:7.2f} s  {' + '.join(self.targets)}: {self.kind}, {self.for_s:.1f} s"


def plan(seed: int, seconds: float, every_s: float, processes: Sequence[str] = PROCESSES) -> list[Fault]:
    """Return the faults of so many seconds, one every `every_s` on average; all are over by then."""
    dice = random.Random(seed)
    free_at = dict.fromkeys((*processes, *LINES), 0.0)
    faults: list[Fault] = []
    at_s = 0.0
    while True:
        at_s += dice.uniform(0.2, 1.8) * every_s
        fault = _fault(dice, round(at_s, 2), {name for name, free_s in free_at.items() if free_s <= at_s})
        if fault is None:
            continue
        over_s = fault.at_s + fault.for_s
        if over_s > seconds:
            return faults
        faults.append(fault)
        for target in fault.targets:
            free_at[target] = over_s + dice.uniform(*_REST_S.get(target, _OTHER_REST_S))


def _fault(dice: random.Random, at_s: float, free: set[str]) -> Fault | None:
    """Return what happens now; None if everything that chance chose is still recovering."""
    (kind,) = dice.choices(list(_KINDS), list(_KINDS.values()))
    lines = [line for line in LINES if line in free]
    if kind == KILL:
        targets = _killed(dice, free)
    elif kind == KILL_BARE:
        targets = (BROKER,) if BROKER in free else ()
    else:
        targets = (dice.choice(lines),) if lines else ()
    for_s = round(dice.uniform(*(_GONE_S if kind in (KILL, KILL_BARE) else _BAD_LINE_S)), 2)
    return Fault(at_s, kind, targets, for_s) if targets else None


def _killed(dice: random.Random, free: set[str]) -> tuple[str, ...]:
    able = [name for name in (*PROCESSES, INFLUXD) if name in free]
    if not able:
        return ()
    if len(able) > 1 and dice.random() < _TOGETHER:
        return tuple(sorted(dice.sample(able, dice.randint(2, len(able)))))
    return tuple(dice.choices(able, [_PROCESS_WEIGHTS[name] for name in able]))
