"""Lets a plan of faults happen to a world, waits until it has recovered, and has the store judged."""

import heapq
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from pathlib import Path

from agent.contract.records import Record, StateChange, Window
from aggregator.model.machine import MachineKey
from aggregator.store.database import open_engine
from aggregator.store.timeseries import TimeSeries
from tests.chaos.judge import Stored, Verdict, judge
from tests.chaos.plan import Fault
from tests.chaos.states import Span, judge_states
from tests.chaos.world import World, world
from tests.system.truth import Life, read_truth

QUIET_S = 3.0
"""So long before the last fault is over the machines stop, so that their counters stand still for good."""
LOOK_S = 0.1
FOR_GOOD_MS = 10**13

Tell = Callable[[str], None]


def run(folder: Path, faults: Sequence[Fault], seconds: float, store: str, tell: Tell) -> Verdict:
    """Run the plan in `folder` and return the verdict; `tell` hears what happens."""
    with world(folder, store) as struck:
        struck.start(stops_after_s=seconds + QUIET_S)
        tell(f"{len(faults)} faults in {seconds:g} s begin; logs lie in {folder}")
        _strike(struck, faults, seconds, tell)
        struck.settle()
        for each in struck.ended:
            tell(f"started again, for it had ended by itself: {each}")
        return _judged(struck)


def told(faults: Iterable[Fault]) -> str:
    """Return how many faults of each kind there were, in words."""
    kinds: Counter[str] = Counter()
    for fault in faults:
        kinds["several killed at once" if len(fault.targets) > 1 else f"{fault.targets[0]} {fault.kind}"] += 1
    return ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))


def _strike(struck: World, faults: Sequence[Fault], seconds: float, tell: Tell) -> None:
    moments = [(fault.at_s, number, True, fault) for number, fault in enumerate(faults)]
    moments += [(fault.at_s + fault.for_s, number, False, fault) for number, fault in enumerate(faults)]
    heapq.heapify(moments)
    began = time.monotonic()
    while moments or time.monotonic() - began < seconds + 2 * QUIET_S:
        while moments and moments[0][0] <= time.monotonic() - began:
            _, _, begins, fault = heapq.heappop(moments)
            if begins:
                tell(str(fault))
                struck.begin(fault)
            else:
                struck.end(fault)
        struck.look_after()
        time.sleep(LOOK_S)


def _judged(struck: World) -> Verdict:
    engine = open_engine(struck.home.url)
    verdict = Verdict()
    lives = read_truth(struck.truth)
    for factory in sorted({factory for factory, _ in lives}):
        records = sorted(struck.appended(factory), key=lambda record: record.machine)
        for machine, own in groupby(records, key=lambda record: record.machine):
            key = MachineKey(factory, machine)
            stored = stored_of(struck.home.series(engine), key)
            verdict.add(judge("/".join(key), list(own), stored, lives[key].totals[-1]))
            verdict.add(_known("/".join(key), stored, lives[key], struck.dead(factory)))
    engine.dispose()
    return verdict


def _known(machine: str, stored: Stored, life: Life, dead: Sequence[Span]) -> Verdict:
    windows = [each for each in stored.records if isinstance(each, Window)]
    changes = [each for each in stored.records if isinstance(each, StateChange)]
    changes.sort(key=lambda change: change.at_ms)
    known = judge_states(windows, changes, life, dead)
    wrong = [f"{machine}: {each}" for each in known.wrong]
    return Verdict(known_ms=known.known_ms, dead_ms=known.dead_ms, wrong=wrong)


def stored_of(store: TimeSeries, key: MachineKey) -> Stored:
    """Return what the store has of a machine, as records."""
    records: list[Record] = [
        Window(
            *(key.machine, each.start_ms, each.length_ms, each.state_ms, each.cycles),
            *(each.good, each.scrap, each.cycles_total, each.job),
        )
        for each in store.windows(key, 0, FOR_GOOD_MS)
    ]
    records += [
        StateChange(key.machine, each.at_ms, each.state, each.job)
        for each in store.changes(key, 0, FOR_GOOD_MS)
    ]
    hours = store.hours([key], 0, FOR_GOOD_MS)
    return Stored(records, sum(sum(hour.state_ms) for hour in hours), sum(hour.cycles for hour in hours))
