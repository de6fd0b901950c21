"""Plans of faults: the same again from the same seed, everything is struck, nothing twice at once."""

from itertools import combinations

import pytest

from tests.chaos.plan import CUT, FLAPPING, KILL, KILL_BARE, LINES, PROCESSES, SILENT, SLOW, Fault, plan

SEEDS = range(20)
SECONDS = 900.0


@pytest.mark.parametrize("seed", SEEDS)
def test_a_seed_gives_the_same_faults_again_and_another_seed_others(seed: int) -> None:
    assert plan(seed, SECONDS, 2.5) == plan(seed, SECONDS, 2.5)
    assert plan(seed, SECONDS, 2.5) != plan(seed + 1, SECONDS, 2.5)


@pytest.mark.parametrize("seed", SEEDS)
def test_fifteen_minutes_have_three_hundred_faults_and_all_are_over_in_time(seed: int) -> None:
    faults = plan(seed, SECONDS, 2.5)
    assert len(faults) >= 300
    assert max(fault.at_s + fault.for_s for fault in faults) <= SECONDS


@pytest.mark.parametrize("seed", SEEDS)
def test_every_process_is_killed_alone_and_together_and_every_line_is_bad_in_every_way(seed: int) -> None:
    faults = plan(seed, SECONDS, 2.5)
    killed = [fault.targets for fault in faults if fault.kind == KILL]
    assert {targets[0] for targets in killed if len(targets) == 1} == set(PROCESSES)
    assert {name for targets in killed if len(targets) > 1 for name in targets} == set(PROCESSES)
    assert ("broker",) in [fault.targets for fault in faults if fault.kind == KILL_BARE]
    for kind in (CUT, SILENT, SLOW, FLAPPING):
        assert {fault.targets[0] for fault in faults if fault.kind == kind} <= set(LINES)
        assert [fault for fault in faults if fault.kind == kind]


def test_nothing_is_struck_again_before_its_fault_is_over() -> None:
    for one, other in combinations(plan(3, 300, 1.0), 2):
        assert over(one) <= other.at_s or not set(one.targets) & set(other.targets), (one, other)


def over(fault: Fault) -> float:
    return fault.at_s + fault.for_s
