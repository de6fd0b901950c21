"""The ground truth file: appended to, resumed, repaired after a crash, refused when it is another's."""

import json
from pathlib import Path

import pytest

from agent.contract.states import State
from agent.errors import ConfigError
from agent.simulator.status import Status
from agent.simulator.timeline import CycleDone, StateChanged
from agent.simulator.truth import GroundTruth, Told
from tests.agent.simulator.floors import machine

ONE = machine()
AT_MS = 1_795_000_000_123


def write_three(path: Path) -> None:
    with GroundTruth(path) as truth:
        truth.start(ONE, Status(State.IDLE, 0, 41), AT_MS)
        truth.tell(ONE, StateChanged(AT_MS + 877, State.RUNNING), 41)
        truth.tell(ONE, CycleDone(AT_MS + 2000, False), 42)


def test_lines_have_the_agreed_form(tmp_path: Path) -> None:
    write_three(tmp_path / "truth.jsonl")
    lines = [json.loads(line) for line in (tmp_path / "truth.jsonl").read_text("utf-8").splitlines()]
    place = {"factory": "north", "machine": "m-01"}
    assert lines == [
        {"at": "2026-11-18T11:06:40.123Z", **place, "event": "start", "state": "IDLE", "total": 41},
        {"at": "2026-11-18T11:06:41.000Z", **place, "event": "state", "state": "RUNNING"},
        {"at": "2026-11-18T11:06:42.123Z", **place, "event": "cycle", "total": 42, "good": False},
    ]


def test_a_line_is_on_disk_as_soon_as_it_is_told(tmp_path: Path) -> None:
    path = tmp_path / "truth.jsonl"
    with GroundTruth(path) as truth:
        truth.start(ONE, Status(State.IDLE, 0, 41), AT_MS)
        assert path.read_bytes().count(b"\n") == 1


def test_the_next_run_knows_how_far_the_file_tells(tmp_path: Path) -> None:
    path = tmp_path / "truth.jsonl"
    write_three(path)
    before = path.read_bytes()
    with GroundTruth(path) as truth:
        assert truth.told == {"north/m-01": Told(AT_MS, 41, events=2)}
        assert truth.last_ms == AT_MS + 2000
    assert path.read_bytes() == before


@pytest.mark.parametrize("cut", [1, 20, 95, 100])
def test_a_line_torn_by_a_crash_is_removed_and_told_again(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "truth.jsonl"
    write_three(path)
    whole = path.read_bytes()
    path.write_bytes(whole[:-cut])
    with GroundTruth(path) as truth:
        assert truth.told["north/m-01"].events == 1
        truth.tell(ONE, CycleDone(AT_MS + 2000, False), 42)
    assert path.read_bytes() == whole


def test_a_file_with_nothing_but_a_torn_line_begins_anew(tmp_path: Path) -> None:
    path = tmp_path / "truth.jsonl"
    path.write_bytes(b'{"at":"2026-11-18T1' * 500)
    with GroundTruth(path) as truth:
        assert truth.told == {}
    assert path.read_bytes() == b""


def test_time_in_the_file_never_runs_backward(tmp_path: Path) -> None:
    path = tmp_path / "truth.jsonl"
    write_three(path)
    with GroundTruth(path) as truth:
        truth.tell(ONE, CycleDone(AT_MS + 1990, True), 43)
    assert json.loads(path.read_text("utf-8").splitlines()[-1])["at"] == "2026-11-18T11:06:42.123Z"


def test_a_file_that_is_no_ground_truth_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    write_three(path)
    path.write_bytes(path.read_bytes() + b"buy milk\n")
    with pytest.raises(ConfigError, match=r"notes\.txt, line 4: is no ground truth"), GroundTruth(path):
        pass
    assert path.read_bytes().endswith(b"buy milk\n")


def test_a_file_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be used"), GroundTruth(tmp_path / "absent" / "truth.jsonl"):
        pass


def test_a_file_of_another_scenario_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "truth.jsonl"
    write_three(path)
    with GroundTruth(path) as truth:
        truth.check_machines([ONE.key])
        truth.check_start(ONE, 41)
        with pytest.raises(ConfigError, match="tells of north/m-01"):
            truth.check_machines(["north/m-02"])
        with pytest.raises(ConfigError, match="begins north/m-01 at another count"):
            truth.check_start(ONE, 40)


def test_without_a_path_nothing_is_kept(tmp_path: Path) -> None:
    with GroundTruth(None) as truth:
        truth.start(ONE, Status(State.IDLE, 0, 41), AT_MS)
    assert list(tmp_path.iterdir()) == []
