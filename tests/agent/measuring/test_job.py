"""agent/measuring/job.py: case folders of signal against centre, and what can never become a job."""

from itertools import pairwise
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.config import parse_config
from agent.contract.jobs import LONGEST_JOB, valid_job
from agent.contract.records import MINUTE_MS, Window
from agent.errors import ConfigError
from agent.measuring.job import JobSignal, job_of
from agent.measuring.machine import MachineRules, MachineTracker
from agent.measuring.reading import Reading, Value
from tests.agent.configs import MACHINE, MODBUS, document
from tests.agent.records import NOON_MS
from tests.case_files import cases, table, value_of

WORK_ORDER = JobSignal("order", r"^WO-(?P<job>.+)$")


def heard(at_ms: int, **values: Value | None) -> tuple[Reading, ...]:
    return tuple(Reading(signal, value, NOON_MS + at_ms) for signal, value in values.items())


def tracker(job: JobSignal | None = WORK_ORDER) -> MachineTracker:
    return MachineTracker.begin("mc-01", MachineRules(job=job), NOON_MS)[0]


def again(before: MachineTracker, at_ms: int, job: JobSignal | None = WORK_ORDER) -> MachineTracker:
    return MachineTracker.resume(MachineRules(job=job), before.snapshot(), NOON_MS + at_ms)[0]


def step(machine: MachineTracker, who: str, value: str, at_ms: int) -> None:
    if who == "signal":
        machine.take(heard(at_ms, order=value_of(value)))
    else:
        machine.set_job(value, NOON_MS + at_ms)


@pytest.mark.parametrize("case", cases("job"), ids=lambda case: case.name)
def test_jobs_of_the_case(case: Path) -> None:
    settings = msgspec.toml.decode((case / "config.toml").read_bytes(), type=JobSignal)
    machine, jobs = tracker(settings), [(0, "")]
    rows = table(case / "readings.csv")
    times = [int(row["at_ms"]) for row in rows]
    for row, until_ms in zip(rows, [*times[1:], times[-1] + 60_000], strict=True):
        if row["who"] == "restart":
            machine = again(machine, int(row["at_ms"]), settings)
        else:
            step(machine, row["who"], row["value"], int(row["at_ms"]))
        while (due_ms := machine.next_due_ms) < NOON_MS + until_ms:
            jobs += [(machine.at_ms - NOON_MS, machine.live.job)]
            machine.advance(due_ms)
        jobs += [(machine.at_ms - NOON_MS, machine.live.job)]
    changes = [after for before, after in pairwise(jobs) if after[1] != before[1]]
    assert changes == [(int(row["at_ms"]), row["job"]) for row in table(case / "expected.csv")]


def test_a_job_that_the_signal_names_closes_the_window_and_tags_the_next() -> None:
    machine = tracker()
    machine.take(heard(0, order="PRIVATE-77"))
    records = machine.take(heard(20_000, order="WO-1"))
    records += machine.take(heard(50_000, order="PRIVATE-78"))
    records += machine.advance(NOON_MS + MINUTE_MS)
    windows = [record for record in records if isinstance(record, Window)]
    told = [(one.length_ms, one.job) for one in windows]
    assert told == [(20_000, ""), (30_000, "1"), (10_000, "")]


def test_pieces_that_are_told_with_the_next_job_are_the_last_ones() -> None:
    rules = msgspec.convert({"cycles": {"counter": "parts"}, "job": WORK_ORDER}, MachineRules)
    machine, _ = MachineTracker.begin("mc-01", rules, NOON_MS)
    machine.take(heard(0, order="WO-1", parts=10))
    (window,) = [one for one in machine.take(heard(9_000, order="WO-2", parts=13)) if isinstance(one, Window)]
    assert (window.job, window.cycles, machine.open_cycles) == ("1", 3, 0)


@pytest.mark.parametrize(
    "job", [None, JobSignal("order", "XX-(?P<job>.+)"), JobSignal("other", "(?P<job>.+)")]
)
def test_a_job_that_another_configuration_named_does_not_outlive_it(job: JobSignal | None) -> None:
    wide = JobSignal("order", "(?P<job>.+)")
    machine = tracker(wide)
    machine.take(heard(0, order="PRIVATE-77"))
    machine.advance(NOON_MS + 5_000)
    assert machine.live.job == "PRIVATE-77"
    resumed, records = MachineTracker.resume(MachineRules(job=job), machine.snapshot(), NOON_MS + 90_000)
    assert resumed.live.job == ""
    windows = [record for record in records if isinstance(record, Window)]
    told = [(one.length_ms, one.job) for one in windows]
    assert told == [
        (5_000, "PRIVATE-77"),
        (55_000, ""),
        (30_000, ""),
    ]
    assert "PRIVATE" not in str(again(resumed, 95_000, job).snapshot())


def test_the_centres_job_outlives_a_change_of_configuration() -> None:
    machine = tracker()
    machine.take(heard(0, order="WO-1"))
    machine.set_job("J-2", NOON_MS + 5_000)
    assert again(machine, 9_000, None).live.job == "J-2"


def test_what_a_machine_says_of_itself_is_not_kept_in_the_snapshot() -> None:
    machine = tracker()
    machine.take(heard(0, order="PRIVATE-77"))
    machine.take(heard(1_000, order="WO-1"))
    snapshot = str(machine.snapshot())
    assert "PRIVATE" not in snapshot
    assert "'said': '1'" in snapshot


@given(st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.text().map("WO-{}".format))
def test_only_what_stands_where_the_pattern_says_becomes_a_job(value: Value | None) -> None:
    job = job_of(WORK_ORDER, value)
    assert (job is None) == (value is None)
    if job:
        assert isinstance(value, str)
        assert value.strip() == f"WO-{job}"
        assert valid_job(job)


@pytest.mark.parametrize(
    "said", ["WO-1\n2", "WO-\x07", "WO-1\x00", "WO-" + "x" * LONGEST_JOB, "WO-1\x85x", "\n", "WO-1\nWO-2"]
)
def test_a_job_that_no_record_can_carry_is_none(said: str) -> None:
    assert job_of(JobSignal("order", r"WO-(?P<job>(?s:.+))"), said) == ""


def test_a_group_that_took_no_part_is_no_job() -> None:
    assert job_of(JobSignal("order", "X|WO-(?P<job>.+)"), "X") == ""


@pytest.mark.parametrize(
    ("job", "sentence"),
    [
        (
            {"signal": "order"},
            "job: expected a pattern or jobs: nothing else",
        ),
        ({"signal": "order", "pattern": "WO-(.+)"}, "job.pattern: expected a group (?P<job>...)"),
        ({"signal": "order", "pattern": "WO-("}, "job.pattern: is no regular expression: missing )"),
        ({"signal": "order", "jobs": {"7": ""}}, "job.jobs.7: expected 1 to 200 characters"),
        ({"signal": "order", "jobs": {"7": "J\n7"}}, "job.jobs.7: expected 1 to 200 characters"),
        ({"signal": "order", "jobs": {"7": "J"}, "for_s": -1}, "job.for_s: expected"),
        ({"signal": "ordr", "jobs": {"7": "J"}}, "job.signal: no such signal: 'ordr'"),
        ({"signal": "order", "patern": "x"}, "job.patern: unknown setting; did you mean pattern?"),
    ],
)
def test_a_mistake_in_the_job_is_told_with_its_place(job: dict[str, object], sentence: str) -> None:
    signals = {**MODBUS["signals"], "order": {"holding": 20, "type": "text", "registers": 8}}
    machine = {**MACHINE, "modbus": {**MODBUS, "signals": signals}, "job": job}
    with pytest.raises(ConfigError) as told:
        parse_config(document(machine))
    assert str(told.value).startswith(f"machines[0].{sentence}")
