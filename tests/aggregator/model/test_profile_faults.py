"""Every mistake in a profile is found, and named with its place."""

from dataclasses import replace
from datetime import date

import pytest

from aggregator.model.calendar import Break, Calendar, Closure, Overtime, PlannedStop, Shift
from aggregator.model.factory_profile import Abilities, Declared, FactoryProfile
from aggregator.model.profile_faults import MAX_ENTRIES, faults_of

SHIFT = Shift(frozenset({0}), 480, 1020, (Break(720, 780),))
AT = 1_795_000_000_000


def of_shift(**wrong: object) -> FactoryProfile:
    return FactoryProfile("aoki", Calendar((SHIFT, replace(SHIFT, **wrong))))  # type: ignore[arg-type]


def of_calendar(calendar: Calendar) -> FactoryProfile:
    return FactoryProfile("aoki", calendar)


def of_machine(abilities: Abilities) -> FactoryProfile:
    return FactoryProfile("aoki", abilities={"mc-01": abilities})


def test_a_sound_profile_has_none() -> None:
    sound = FactoryProfile(
        "aoki",
        Calendar(
            (SHIFT, Shift(frozenset(range(7)), 1320, 2760)),
            (("mc-01", ()),),
            closures=(Closure(date(2026, 8, 12), date(2026, 8, 12), "お盆"),),
            planned_stops=(PlannedStop(AT, AT + 1),),
            overtime=(Overtime(AT, AT + 1, staff=0),),
        ),
        1.0,
        {"mc-01": Abilities(frozenset({"SUS304"}), 0.5, (1.0, 1.0, 1.0))},
        (Declared("cutting", 0.0), Declared("cutting", 1.0, "2026-W53")),
    )
    assert faults_of(sound) == []


@pytest.mark.parametrize(
    ("profile", "said"),
    [
        (FactoryProfile("a", reserve=-0.1), "reserve: has to be between 0 and 1"),
        (FactoryProfile("a", reserve=float("nan")), "reserve: has to be between 0 and 1"),
        (of_shift(days=frozenset()), "calendar.shifts[1].days: choose at least one weekday"),
        (of_shift(days=frozenset({7})), "calendar.shifts[1].days: weekdays are 0 (Monday) to 6 (Sunday)"),
        (of_shift(end_min=480, breaks=()), "calendar.shifts[1].end_min: ends before it starts"),
        (of_shift(end_min=1921), "calendar.shifts[1].end_min: lasts longer than 24 hours"),
        (
            of_shift(start_min=1440, end_min=1500, breaks=()),
            "calendar.shifts[1].start_min: has to be between 0:00 and 23:59",
        ),
        (
            of_shift(breaks=(Break(400, 490),)),
            "calendar.shifts[1].breaks[0].start_min: lies outside the shift",
        ),
        (of_shift(breaks=(Break(720, 720),)), "calendar.shifts[1].breaks[0].end_min: ends before it starts"),
        (
            of_shift(breaks=(Break(1000, 1021),)),
            "calendar.shifts[1].breaks[0].end_min: lies outside the shift",
        ),
        (of_shift(staff=-1), "calendar.shifts[1].staff: has to be between 0 and 1,000"),
        (
            of_calendar(Calendar(machine_shifts=(("m", ()), ("m", ())))),
            "calendar.machine_shifts[1]: stands here twice",
        ),
        (
            of_calendar(Calendar(machine_shifts=(("m", (replace(SHIFT, days=frozenset()),)),))),
            "calendar.machine_shifts[0].shifts[0].days: choose at least one weekday",
        ),
        (
            of_calendar(Calendar(closures=(Closure(date(2026, 8, 2), date(2026, 8, 1)),))),
            "calendar.closures[0].last: ends before it starts",
        ),
        (
            of_calendar(Calendar(closures=(Closure(date(2026, 1, 1), date(2027, 1, 2)),))),
            "calendar.closures[0].last: may last at most 366 days",
        ),
        (
            of_calendar(Calendar(closures=(Closure(date(1026, 1, 1), date(1026, 1, 2)),))),
            "calendar.closures[0].first: has to lie between the years 2000 and 2099",
        ),
        (
            of_calendar(Calendar(planned_stops=(PlannedStop(AT, AT),))),
            "calendar.planned_stops[0].end: ends before it starts",
        ),
        (
            of_calendar(Calendar(overtime=(Overtime(AT, AT + 1, staff=5_000),))),
            "calendar.overtime[0].staff: has to be between 0 and 1,000",
        ),
        (
            of_calendar(Calendar(overtime=(Overtime(0, 1),))),
            "calendar.overtime[0].start: has to lie between the years 2000 and 2099",
        ),
        (
            of_calendar(Calendar(overtime=(Overtime(AT, AT + 1, name="a\nb"),))),
            "calendar.overtime[0].name: may have at most 120 characters, all of them visible",
        ),
        (
            of_calendar(Calendar(overtime=(Overtime(AT, AT + 1),) * (MAX_ENTRIES + 1))),
            "calendar.overtime: may have at most 5000 entries",
        ),
        (
            of_machine(Abilities(tolerance_um=0.0)),
            "abilities.mc-01.tolerance_um: has to be more than 0 and at most 100,000",
        ),
        (
            of_machine(Abilities(size_mm=(1.0, -1.0, 1.0))),
            "abilities.mc-01.size_mm: has to be more than 0 and at most 100,000",
        ),
        (
            of_machine(Abilities(materials=frozenset({"x" * 121}))),
            "abilities.mc-01.materials: may have at most 120 characters, all of them visible",
        ),
        (
            of_machine(Abilities(others=frozenset(str(number) for number in range(51)))),
            "abilities.mc-01.others: may have at most 50 entries",
        ),
        (
            FactoryProfile("a", declared=(Declared("cutting", -1.0),)),
            "declared[0].hours: has to be between 0 and 100,000",
        ),
        (
            FactoryProfile("a", declared=(Declared("cutting", 1.0, "2026-48"),)),
            "declared[0].week: is no ISO week such as 2026-W48",
        ),
        (
            FactoryProfile("a", declared=(Declared("cutting", 1.0), Declared("cutting", 2.0))),
            "declared[1]: stands here twice",
        ),
        (FactoryProfile("a", declared=(Declared("", 1.0),)), "declared[0].process: is empty"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_mistake_is_named_with_its_place(profile: FactoryProfile, said: str) -> None:
    assert [str(fault) for fault in faults_of(profile)] == [said]


def test_all_mistakes_are_told_at_once() -> None:
    profile = FactoryProfile("a", Calendar((replace(SHIFT, days=frozenset(), staff=-1),)), reserve=2)
    assert [fault.place for fault in faults_of(profile)] == [
        "reserve",
        "calendar.shifts[0].days",
        "calendar.shifts[0].staff",
    ]
