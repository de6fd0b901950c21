"""What a failing run prints lets the same faults happen again."""

import re
import shlex
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.chaos import __main__ as chaos
from tests.chaos.home import NAMES
from tests.chaos.judge import Verdict
from tests.chaos.plan import DATABASE, INFLUXD, KILL, OTHERS, Fault, plan


@pytest.mark.parametrize("words", [[], ["--seconds", "120.5", "--every", "1.6"], ["--store", "postgresql"]])
def test_a_failing_run_says_how_it_is_run_again(
    words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    runs: list[tuple[Sequence[Fault], float, str]] = []

    def fail(folder: Path, faults: Sequence[Fault], seconds: float, store: str, _tell: object) -> Verdict:
        shutil.rmtree(folder)
        runs.append((faults, seconds, store))
        return Verdict(lost=1, wrong=["south/pr-01: lost: a record"])

    monkeypatch.setattr(chaos, "run", fail)
    assert chaos.main(words) == 1
    said = capsys.readouterr()
    again = re.search(r"the same again: python -m tests\.chaos (.*)", said.err)
    assert again is not None
    assert again[1] in said.out, "it is said at first, too: a run may be ended from outside"
    assert chaos.main(shlex.split(again[1])) == 1
    assert runs[0] == runs[1]
    assert len(runs[0][0]) > 10


def test_where_the_time_series_lie_in_influxdb_both_databases_are_killed_alone_and_together() -> None:
    for seed in range(20):
        faults = plan(seed, 900.0, 2.5, (*OTHERS, *NAMES["influxdb"]))
        killed = [fault.targets for fault in faults if fault.kind == KILL]
        assert (DATABASE,) in killed
        assert (INFLUXD,) in killed
        assert any({DATABASE, INFLUXD} <= set(targets) for targets in killed)
        assert all(INFLUXD not in fault.targets for fault in plan(seed, 900.0, 2.5))
