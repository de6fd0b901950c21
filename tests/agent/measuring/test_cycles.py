"""agent/measuring/cycles.py: case folders, and what holds for every counter."""

from pathlib import Path
from typing import Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.measuring.cycles import SLACK_MS, Counting, Memory, count, first_memory
from tests.case_files import cases, table, value_of


@pytest.mark.parametrize("case", cases("cycles"), ids=lambda case: case.name)
def test_cycles_of_the_case(case: Path) -> None:
    counting = msgspec.toml.decode((case / "config.toml").read_bytes(), type=Counting)
    memory = first_memory(counting)
    counted = []
    for row in table(case / "readings.csv"):
        memory, cycles = count(counting, memory, value_of(row["value"]), int(row["at_ms"]))
        if cycles:
            counted.append((row["at_ms"], str(cycles)))
    assert counted == [(row["at_ms"], row["cycles"]) for row in table(case / "expected.csv")]


def test_the_total_starts_at_the_machines_own_number_and_survives_a_reset() -> None:
    counting = Counting(counter="parts", min_cycle_s=0.5)
    memory = first_memory(counting)
    totals = []
    for at_ms, value in [(0, None), (1_000, 500), (2_000, 501), (3_000, 0), (4_000, 1)]:
        memory, _ = count(counting, memory, value, at_ms)
        totals.append(memory.total)
    assert totals == [None, 500, 501, 501, 502]


@given(
    first=st.integers(0, 2**32 - 1),
    steps=st.lists(st.tuples(st.integers(0, 30), st.booleans()), max_size=60),
    bits=st.sampled_from([16, 32, None]),
)
def test_every_cycle_of_a_wrapping_counter_is_counted_once(
    first: int, steps: list[tuple[int, bool]], bits: Literal[16, 32] | None
) -> None:
    """A machine at its fastest (0.5 s a cycle), read at any time, with any reading lost."""
    counting = Counting(counter="parts", bits=bits, min_cycle_s=0.5)
    size = 1 << (bits or 40)
    made = at_ms = known = counted = 0
    memory, _ = count(counting, first_memory(counting), first % size, 0)
    for cycles, lost in steps:
        made, at_ms = made + cycles, at_ms + cycles * 500
        memory, more = count(counting, memory, None if lost else (first + made) % size, at_ms)
        counted, known = counted + more, known if lost else made
    assert counted == known
    assert memory.total == first % size + known


@given(
    values=st.lists(
        st.tuples(st.none() | st.integers(-70_000, 140_000) | st.integers(-3, 3), st.integers(0, 10_000)),
        max_size=50,
    ),
    bits=st.sampled_from([16, 32, None]),
)
def test_no_counter_however_mad_makes_more_cycles_than_the_machine_can(
    values: list[tuple[int | None, int]], bits: Literal[16, 32] | None
) -> None:
    counting = Counting(counter="parts", bits=bits, min_cycle_s=0.5)
    memory, at_ms = first_memory(counting), 0
    for value, pause_ms in values:
        at_ms += pause_ms
        before = memory
        memory, cycles = count(counting, memory, value, at_ms)
        assert cycles >= 0
        if cycles:
            since_ms = min(before.at_ms or 0, before.before_ms if before.before is not None else at_ms)
            assert (cycles - 1) * 500 <= at_ms - since_ms + SLACK_MS
            assert memory.total == (before.total or 0) + cycles


@given(
    values=st.lists(st.tuples(st.none() | st.integers(0, 40), st.integers(0, 5_000)), max_size=30),
    edge=st.booleans(),
)
def test_a_memory_saved_and_restored_at_any_point_counts_the_same(
    values: list[tuple[int | None, int]], edge: bool
) -> None:
    counting = Counting(edge="door") if edge else Counting(counter="parts", bits=16, min_cycle_s=0.5)
    memory = restored = first_memory(counting)
    at_ms = 0
    for value, pause_ms in values:
        at_ms += pause_ms
        heard = None if value is None else value % 2 if edge else value
        memory, cycles = count(counting, memory, heard, at_ms)
        restored, again = count(counting, restored, heard, at_ms)
        assert again == cycles
        restored = msgspec.convert(msgspec.json.decode(msgspec.json.encode(restored)), Memory)
    assert restored == memory


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ("", "exactly one of: counter, edge"),
        ('counter = "a"\nedge = "b"', "exactly one of: counter, edge"),
        ('counter = "a"\ndirection = "rising"', "`direction` goes with `edge`"),
        ('edge = "a"\nbits = 16', "`bits` goes with `counter`"),
        ('counter = "a"\nbits = 8', "bits"),
        ('counter = "a"\nmin_cycle_s = 0', "min_cycle_s"),
        ('counter = "a"\ncounterr = "a"', "counterr"),
    ],
)
def test_a_counting_that_cannot_be_meant_is_refused(config: str, says: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=says):
        msgspec.toml.decode(config, type=Counting)
