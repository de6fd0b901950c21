import itertools
import math
from dataclasses import replace
from datetime import timedelta

import pytest

from aggregator.matching.faults import faults
from aggregator.model.order import DraftStep, Needs, OrderDraft
from tests.aggregator.matching.small_markets import TODAY, draft, step

GOOD = draft(100, TODAY + timedelta(days=30), step("a", "cutting"), step("b", "assembly", after=["a"]))
PROCESSES = ("cutting", "assembly")


def first(**change: object) -> OrderDraft:
    return replace(GOOD, steps=(replace(GOOD.steps[0], **change), GOOD.steps[1]))  # type: ignore[arg-type]


def many(count: int) -> tuple[DraftStep, ...]:
    return tuple(step(f"s{number}", "cutting") for number in range(count))


def test_a_good_draft_has_no_faults_nor_has_a_million_pieces() -> None:
    assert faults(GOOD, PROCESSES, TODAY) == []
    assert faults(replace(GOOD, quantity=1_000_000), PROCESSES, TODAY) == []
    assert faults(replace(GOOD, buyer="株式会社　東海", part="髙橋 部品 𠮷"), PROCESSES, TODAY) == []


@pytest.mark.parametrize(
    ("bad", "place", "code"),
    [
        (replace(GOOD, quantity=0), "quantity", "no_pieces"),
        (replace(GOOD, quantity=-5), "quantity", "no_pieces"),
        (replace(GOOD, quantity=10_000_001), "quantity", "too_many_pieces"),
        (replace(GOOD, due=TODAY - timedelta(days=1)), "due", "due_past"),
        (replace(GOOD, due=TODAY + timedelta(days=4000)), "due", "due_far"),
        (replace(GOOD, buyer=" "), "buyer", "empty_text"),
        (replace(GOOD, part="x" * 201), "part", "long_text"),
        (replace(GOOD, part="a\r\nBcc: x"), "part", "unshown_text"),
        (replace(GOOD, buyer="a\0"), "buyer", "unshown_text"),
        (first(needs=Needs(others=frozenset({"a\x01"}))), "steps[0].needs.others", "unshown_text"),
        (replace(GOOD, steps=()), "steps", "no_steps"),
        (replace(GOOD, steps=many(51)), "steps", "too_many_steps"),
        (first(process="casting"), "steps[0].process", "unknown_process"),
        (first(cycle_s=0.0), "steps[0].cycle_s", "out_of_range"),
        (first(cycle_s=-1.0), "steps[0].cycle_s", "out_of_range"),
        (first(cycle_s=math.nan), "steps[0].cycle_s", "out_of_range"),
        (first(cycle_s=math.inf), "steps[0].cycle_s", "out_of_range"),
        (first(setup_h=-0.1), "steps[0].setup_h", "out_of_range"),
        (first(setup_h=math.nan), "steps[0].setup_h", "out_of_range"),
        (first(pieces_per_cycle=0), "steps[0].pieces_per_cycle", "bad_count"),
        (first(transport_days=-1), "steps[0].transport_days", "bad_count"),
        (first(max_lots=0), "steps[0].max_lots", "bad_count"),
        (first(min_lot=0), "steps[0].min_lot", "bad_count"),
        (first(min_lot=101), "steps[0].min_lot", "min_lot_over_quantity"),
        (first(needs=Needs(tolerance_um=math.nan)), "steps[0].needs.tolerance_um", "bad_need"),
        (first(needs=Needs(size_mm=(1.0, 0.0, 2.0))), "steps[0].needs.size_mm", "bad_need"),
        (first(needs=Needs(materials=frozenset({"x" * 300}))), "steps[0].needs.materials", "long_text"),
        (first(after=("zz",)), "steps[0].after", "unknown_after"),
        (first(id="b", after=()), "steps[1].id", "duplicate_id"),
    ],
)
def test_each_fault_is_named_at_its_place(bad: OrderDraft, place: str, code: str) -> None:
    found = faults(bad, PROCESSES, TODAY)
    assert (place, code) in [(each.place, each.code) for each in found]
    assert all(each.reason and "{" not in each.reason for each in found)


def test_a_loop_is_told_by_the_steps_in_it() -> None:
    looped = draft(
        1,
        TODAY,
        step("a", "cutting", after=["c"]),
        step("b", "cutting", after=["a"]),
        step("c", "cutting", after=["b"]),
        step("d", "cutting", after=["c"]),
    )
    (fault,) = faults(looped, PROCESSES, TODAY)
    assert fault.code == "loop"
    loop = fault.values["loop"].split(" → ")
    assert loop[0] == loop[-1] and set(loop) == {"a", "b", "c"}
    after = {each.id: each.after for each in looped.steps}
    assert all(one in after[two] for one, two in itertools.pairwise(loop))


def test_a_step_that_waits_for_itself_is_a_loop() -> None:
    (fault,) = faults(draft(1, TODAY, step("a", "cutting", after=["a"])), PROCESSES, TODAY)
    assert fault.values["loop"] == "a → a"


def test_an_unknown_process_is_answered_with_those_that_exist() -> None:
    (fault,) = faults(first(process="casting"), PROCESSES, TODAY)
    assert "assembly, cutting" in fault.reason
