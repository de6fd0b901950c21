"""Two minutes of chaos: killed, cut, slow, flapping; afterwards every record is stored, and once.

`make chaos` is the long form. That it can fail is shown by `test_judge.py`.
"""

from pathlib import Path

import pytest

from tests.chaos import campaign
from tests.chaos.plan import AGENTS, AGGREGATOR, KILL, PROCESSES, Fault, plan

SEED, SECONDS, EVERY_S = 1, 85.0, 4.0
"""A seed that strikes everything and starts the aggregator, which is dear, only three times."""


@pytest.mark.timeout(900)  # nearly all of it is waiting
def test_after_two_minutes_of_chaos_nothing_is_lost_and_nothing_doubled(tmp_path: Path) -> None:
    faults = plan(SEED, SECONDS, EVERY_S)
    assert {target for fault in faults for target in fault.targets} >= set(PROCESSES)
    assert len({fault.kind for fault in faults}) == 6
    said: list[str] = []
    verdict = campaign.run(tmp_path, faults, SECONDS, "postgresql", said.append)
    again = f"python -m tests.chaos --seed {SEED} --seconds {SECONDS:g} --every {EVERY_S:g}"
    assert verdict.wrong == [], "\n".join([f"the same again: {again}", *said])
    assert (verdict.lost, verdict.doubled) == (0, 0)
    assert verdict.expected == verdict.stored
    assert verdict.stored >= 10
    assert verdict.cycles >= 30
    ended = [each for each in said if "ended by itself" in each]
    assert not [each for each in ended if any(name in each for name in (*AGENTS, "broker ended"))], ended


def test_faults_are_told_by_kind() -> None:
    faults = [
        Fault(1.0, KILL, (AGGREGATOR,), 1.0),
        Fault(2.0, KILL, (AGGREGATOR,), 1.0),
        Fault(3.0, KILL, PROCESSES, 1.0),
    ]
    assert campaign.told(faults) == "2 aggregator killed, 1 several killed at once"
