"""Which job time counts for: the laid-out assignments say what the sentence of the rule says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.model.machine import MachineKey
from aggregator.model.work import Assignment
from aggregator.work.tags import MachineTags

MILL = MachineKey("aoki", "mc-01")


def assigned(
    number: int, job: str, since_ms: int, until_ms: int | None = None, released_ms: int | None = None
) -> Assignment:
    return Assignment(number, MILL, job, since_ms, until_ms, released_ms)


def test_without_assignments_the_agents_own_tag_stands() -> None:
    tags = MachineTags([])
    assert (tags.job_at(5, "J"), tags.job_at(5, "")) == ("J", "")
    assert tags.stands(5, "J")


def test_an_assignment_counts_from_its_first_moment_to_before_its_last() -> None:
    tags = MachineTags([assigned(1, "J", 100, 200, 200)])
    assert [tags.job_at(at, "") for at in (99, 100, 199, 200)] == ["", "J", "J", ""]
    assert [tags.job_at(at, "K") for at in (99, 100, 199, 200)] == ["K", "J", "J", "K"]


def test_started_while_the_link_was_down_it_counts_all_the_same() -> None:
    assert MachineTags([assigned(1, "J", 100)]).job_at(10**15, "") == "J"


def test_an_agent_that_has_not_heard_of_the_end_counts_for_nothing_until_it_lets_go() -> None:
    ended = [assigned(1, "J", 100, 200, None)]
    assert [MachineTags(ended).job_at(at, "J") for at in (199, 200, 10**15)] == ["J", "", ""]
    heard = [assigned(1, "J", 100, 200, 300)]
    assert [MachineTags(heard).job_at(at, "J") for at in (199, 200, 299, 300)] == ["J", "", "", "J"]
    assert MachineTags(ended).job_at(250, "K") == "K"


def test_the_later_entry_counts() -> None:
    wrong, right = assigned(1, "J", 100), assigned(2, "K", 150, 170, 170)
    tags = MachineTags([right, wrong])
    assert [tags.job_at(at, "J") for at in (149, 150, 169, 170)] == ["J", "K", "K", "J"]
    assert not tags.stands(160, "K")


def test_time_can_be_put_right_to_no_job() -> None:
    tags = MachineTags([assigned(1, "J", 100), assigned(2, "", 150, 170, 170)])
    assert [tags.job_at(at, "J") for at in (149, 150, 170)] == ["J", "", "J"]


def test_an_assignment_that_ended_where_it_began_covers_nothing() -> None:
    tags = MachineTags([assigned(1, "J", 100, 100, None)])
    assert [tags.job_at(at, "") for at in (99, 100, 101)] == ["", "", ""]
    assert [tags.job_at(at, "J") for at in (99, 100, 101)] == ["J", "", ""]


def as_the_rule_says(assignments: list[Assignment], at_ms: int, tag: str) -> str:
    """The rule, sentence by sentence."""
    covering = [
        each
        for each in assignments
        if each.since_ms <= at_ms and (each.until_ms is None or at_ms < each.until_ms)
    ]
    if covering:
        return max(covering, key=lambda each: each.id).job
    for each in assignments:
        ended = each.until_ms is not None and each.until_ms <= at_ms
        if ended and tag and each.job == tag and (each.released_ms is None or at_ms < each.released_ms):
            return ""
    return tag


@st.composite
def histories(draw: st.DrawFn) -> list[Assignment]:
    found = []
    for number in range(1, draw(st.integers(0, 8)) + 1):
        since = draw(st.integers(0, 20))
        until = draw(st.none() | st.integers(since, 22))
        released = None if until is None else draw(st.none() | st.integers(0, 24))
        found.append(assigned(number, draw(st.sampled_from(["", "J", "K"])), since, until, released))
    return draw(st.permutations(found))


@given(assignments=histories())
def test_whatever_was_entered_every_moment_and_tag_counts_as_the_rule_says(
    assignments: list[Assignment],
) -> None:
    tags = MachineTags(assignments)
    for at_ms in range(-1, 26):
        for tag in ("", "J", "K", "L"):
            assert tags.job_at(at_ms, tag) == as_the_rule_says(assignments, at_ms, tag), (at_ms, tag)


@given(assignments=histories(), at_ms=st.integers(0, 25), tag=st.sampled_from(["", "J", "K"]))
def test_tagging_again_what_was_tagged_changes_nothing(
    assignments: list[Assignment], at_ms: int, tag: str
) -> None:
    tags = MachineTags(assignments)
    once = tags.job_at(at_ms, tag)
    assert tags.job_at(at_ms, once) == once


@pytest.mark.parametrize("count", [2_000])
def test_many_assignments_are_laid_out_in_no_time(count: int) -> None:
    tags = MachineTags([assigned(n, f"J-{n}", n * 10, n * 10 + 5, n * 10 + 5) for n in range(1, count + 1)])
    assert tags.job_at(count * 10, "") == f"J-{count}"
    assert tags.job_at(count * 10 + 5, "") == ""
