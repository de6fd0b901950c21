"""Nobody may find out one factory's figure from the bands, whatever happens over the days."""

from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.capacity.bands import EDGES_H, LARGEST_SHARE, Band, Fixed, Group, band_of, grouped
from aggregator.model.week import Week

PLACE = ("cutting", Week(2026, 49))
NAMES = ("a", "b", "c", "d", "e", "f")
FIGURES = st.one_of(st.just(0.0), st.floats(0, 120).map(lambda hours: round(hours, 1)))
TOWNS = st.dictionaries(st.sampled_from(NAMES), FIGURES, min_size=0, max_size=6)


def told(hours: Mapping[str, float], viewer: str, agreed: Sequence[str] | None = None) -> Band | None:
    """Return what the viewer is told on a first day."""
    agrees = set(hours if agreed is None else agreed)
    groups = grouped({}, {PLACE: hours}, agrees)
    return band_of(Fixed({PLACE: hours}, groups), PLACE, viewer, agrees)


@pytest.mark.parametrize(
    ("hours", "band"),
    [
        ({"a": 0, "b": 0, "c": 0}, Band.LITTLE),
        ({"a": 6, "b": 6, "c": 7.9}, Band.LITTLE),
        ({"a": 6, "b": 6, "c": 8}, Band.SOME),
        ({"a": 20, "b": 20, "c": 19}, Band.SOME),
        ({"a": 20, "b": 20, "c": 20}, Band.PLENTY),
        ({"a": 30, "b": 30}, None),
        ({}, None),
    ],
)
def test_a_band_is_the_sum_of_three_or_more(hours: dict[str, float], band: Band | None) -> None:
    assert told(hours, "someone else") is band


def test_the_one_who_looks_is_left_out() -> None:
    hours = {"a": 500.0, "b": 9.0, "c": 8.0, "d": 9.0}
    assert told(hours, "a") is Band.SOME
    assert told({**hours, "a": 0.0}, "a") is Band.SOME


def test_who_has_most_of_it_hides_it() -> None:
    assert told({"a": 71, "b": 14, "c": 15}, "v") is None
    assert told({"a": 70, "b": 15, "c": 15}, "v") is Band.PLENTY


def test_who_does_not_agree_does_not_count() -> None:
    assert told({"a": 30, "b": 30, "c": 30}, "v", ["a", "b"]) is None
    assert told({"a": 30, "b": 30, "c": 30, "d": 500}, "v", ["a", "b", "c"]) is Band.PLENTY


def test_who_leaves_silences_the_weeks_told_with_them_at_once() -> None:
    hours = dict.fromkeys(NAMES, 30.0)
    fixed = Fixed({PLACE: hours}, grouped({}, {PLACE: hours}, NAMES))
    assert band_of(fixed, PLACE, "v", NAMES) is Band.PLENTY
    assert band_of(fixed, PLACE, "v", NAMES[1:]) is None
    assert band_of(fixed, PLACE, "a", NAMES[1:]) is Band.PLENTY  # their own figure was never in it


def test_who_joins_counts_from_weeks_that_were_never_told() -> None:
    later = ("cutting", PLACE[1].later(1))
    few, all_ = NAMES[:3], NAMES[:4]
    groups = grouped({}, {PLACE: dict.fromkeys(few, 10.0)}, NAMES)
    groups = grouped(groups, {place: dict.fromkeys(all_, 10.0) for place in (PLACE, later)}, NAMES)
    assert groups == {PLACE: frozenset(few), later: frozenset(all_)}


@given(hours=TOWNS, viewer=st.sampled_from((*NAMES, "v")), own=FIGURES)
def test_the_viewers_own_figure_changes_nothing(hours: dict[str, float], viewer: str, own: float) -> None:
    if viewer in hours:
        assert told({**hours, viewer: own}, viewer) is told(hours, viewer)


@given(hours=TOWNS, viewer=st.sampled_from((*NAMES, "v")))
def test_nothing_is_told_of_fewer_than_three_others_or_of_one_that_is_nearly_all(
    hours: dict[str, float], viewer: str
) -> None:
    others = [figure for name, figure in hours.items() if name != viewer]
    if told(hours, viewer) is not None:
        assert len(others) >= 3
        assert max(others) <= LARGEST_SHARE * sum(others)


@given(
    hours=TOWNS, viewer=st.sampled_from((*NAMES, "v")), guess=st.floats(0, 1), victim=st.sampled_from(NAMES)
)
def test_every_figure_in_a_wide_range_fits_what_is_told(
    hours: dict[str, float], viewer: str, guess: float, victim: str
) -> None:
    """Whatever is told, each other factory may have anything from 0 to 13 hours at least."""
    band = told(hours, viewer)
    others = [name for name in hours if name != viewer]
    if band is None or victim not in others:
        return
    low, high = EDGES_H[band]
    total = (low + (high or low + 40)) / 2 if band is not Band.LITTLE else 19.0
    figure = guess * 13.0
    rest = (total - figure) / (len(others) - 1)
    world = {name: figure if name == victim else rest for name in others}
    own = {viewer: hours[viewer]} if viewer in hours else {}
    assert told({**world, **own}, viewer) is band


DAYS = st.lists(
    st.tuples(
        st.fixed_dictionaries(dict.fromkeys(NAMES, FIGURES)),
        st.frozensets(st.sampled_from(NAMES)),  # who has a number
        st.frozensets(st.sampled_from(NAMES)),  # who agrees when the day is fixed
        st.frozensets(st.sampled_from(NAMES)),  # who agrees later that day
    ),
    max_size=8,
)


@given(days=DAYS, viewer=st.sampled_from((*NAMES, "v")))
def test_of_one_week_only_one_group_is_ever_told_whoever_joins_and_leaves(
    days: list[tuple[dict[str, float], Group, Group, Group]], viewer: str
) -> None:
    groups: dict[tuple[str, Week], Group] = {}
    summed = set()
    for figures, present, agreed, later in days:
        hours = {PLACE: {name: figures[name] for name in present}}
        groups = grouped(groups, hours, agreed)
        for agrees in (agreed, later):
            band = band_of(Fixed(hours, groups), PLACE, viewer, agrees)
            if band is not None:
                summed.add(groups[PLACE] - {viewer})
                assert groups[PLACE] - {viewer} <= agrees & present
    assert len(summed) <= 1
