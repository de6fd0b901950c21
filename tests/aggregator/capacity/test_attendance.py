"""Machine time that nobody can tend: never more machines at work than people say they can tend."""

from collections.abc import Mapping, Sequence

from hypothesis import given
from hypothesis import strategies as st

from aggregator.capacity.attendance import unattended_ms
from aggregator.capacity.calendar import Span


def test_two_people_tend_two_of_five_machines() -> None:
    spans = {f"m-{number}": [Span(0, 10_000, 2)] for number in range(5)}
    assert set(unattended_ms(spans, 0, 10_000).values()) == {6_000}


def test_machines_with_people_for_all_are_always_tended_and_take_nobody_away() -> None:
    spans = {"a": [Span(0, 10_000, None)], "b": [Span(0, 10_000, 1)], "c": [Span(5_000, 10_000, 1)]}
    assert unattended_ms(spans, 0, 10_000) == {"a": 0, "b": 2_500, "c": 2_500}


def test_only_the_asked_range_counts() -> None:
    spans = {"a": [Span(0, 10_000, 1)], "b": [Span(0, 10_000, 1)]}
    assert unattended_ms(spans, 4_000, 6_000) == {"a": 1_000, "b": 1_000}


@st.composite
def machine_spans(draw: st.DrawFn) -> list[Span]:
    edges = sorted(draw(st.sets(st.integers(0, 60), min_size=2, max_size=6)))
    pairs = list(zip(edges[::2], edges[1::2], strict=False))
    return [Span(start * 1_000, end * 1_000, draw(st.sampled_from([None, 1, 2, 3]))) for start, end in pairs]


factories = st.dictionaries(st.sampled_from("abcdef"), machine_spans())


def limited(spans: Mapping[str, Sequence[Span]], at_ms: int) -> list[int]:
    """Return the staffs of machines open at a moment whose shift has people for some only."""
    running = [span.staff for own in spans.values() for span in own if span.start_ms <= at_ms < span.end_ms]
    return [staff for staff in running if staff is not None]


@given(factories)
def test_at_no_moment_are_more_machines_tended_than_there_are_people_for(
    spans: Mapping[str, Sequence[Span]],
) -> None:
    for at_ms in range(0, 60_000, 1_000):
        staffs = limited(spans, at_ms)
        lost = sum(unattended_ms(spans, at_ms, at_ms + 1_000).values())
        tended_ms = len(staffs) * 1_000 - lost
        assert tended_ms <= max(staffs, default=0) * 1_000
        assert tended_ms > min(len(staffs), max(staffs, default=0)) * 1_000 - max(len(staffs), 1)


@given(factories, st.integers(0, 60), st.integers(0, 60))
def test_parts_of_a_range_add_up_but_for_rounding(
    spans: Mapping[str, Sequence[Span]], one: int, other: int
) -> None:
    first, last = sorted((one * 1_000, other * 1_000))
    whole = unattended_ms(spans, 0, 60_000)
    parts = [unattended_ms(spans, *part) for part in ((0, first), (first, last), (last, 60_000))]
    for machine, lost in whole.items():
        assert 0 <= sum(part[machine] for part in parts) - lost <= 2


@given(factories)
def test_no_machine_is_untended_for_longer_than_it_is_open(spans: Mapping[str, Sequence[Span]]) -> None:
    for machine, lost in unattended_ms(spans, 0, 60_000).items():
        assert 0 <= lost <= sum(span.end_ms - span.start_ms for span in spans[machine])
