"""What the audit log says of a changed profile: short, and as people would say it."""

from dataclasses import replace
from datetime import date

from aggregator.model.calendar import Break, Calendar, Closure, Overtime, PlannedStop, Shift
from aggregator.model.factory_profile import Abilities, Declared, FactoryProfile
from aggregator.store.profile_changes import MOST_NAMED, changes

AT = 1_795_000_000_000  # 2026-11-18T11:06:40Z
SHIFT = Shift(frozenset({4, 0}), 480, 1020, (Break(720, 780),), 3)
BEFORE = FactoryProfile("aoki", Calendar((SHIFT,)), revision=4)


def test_every_kind_of_change_is_told_in_words() -> None:
    assert BEFORE.calendar is not None
    calendar = Calendar(
        (SHIFT, Shift(frozenset({6}), 1320, 1800, staff=0)),
        (("mc-01", ()), ("mc-02", (replace(SHIFT, breaks=(), staff=None),))),
        works_on_holidays=True,
        closures=(Closure(date(2026, 8, 13), date(2026, 8, 16), "お盆"),),
        planned_stops=(PlannedStop(AT, AT + 3_600_000, "mc-01", "点検"),),
        overtime=(Overtime(AT, AT + 3_600_000),),
    )
    after = FactoryProfile(
        "aoki", calendar, 0.1, {"mc-01": Abilities(tonnage_kn=1.0)}, (Declared("cutting", 40.0),), 5
    )
    assert changes(BEFORE, after) == {
        "revision": 5,
        "reserve": [0.0, 0.1],
        "shifts": {"removed": [], "added": ["Sun 22:00-30:00, unmanned"]},
        "machine_shifts": {"removed": [], "added": ["mc-01: no working hours", "mc-02: Mon Fri 08:00-17:00"]},
        "works_on_holidays": [False, True],
        "closures": {"removed": [], "added": ["2026-08-13 to 2026-08-16, お盆"]},
        "planned_stops": {"removed": [], "added": ["2026-11-18T11:06Z to 2026-11-18T12:06Z, mc-01, 点検"]},
        "overtime": {"removed": [], "added": ["2026-11-18T11:06Z to 2026-11-18T12:06Z"]},
        "abilities": ["mc-01"],
        "declared": {"removed": [], "added": ["cutting 40 h, every week"]},
    }


def test_what_was_removed_is_told_too() -> None:
    assert changes(BEFORE, FactoryProfile("aoki", revision=5)) == {
        "revision": 5,
        "calendar": "removed",
        "shifts": {"removed": ["Mon Fri 08:00-17:00, breaks 12:00-13:00, staff 3"], "added": []},
    }


def test_a_large_import_does_not_fill_the_log() -> None:
    stops = tuple(PlannedStop(AT + number, AT + number + 1) for number in range(5_000))
    said = changes(BEFORE, replace(BEFORE, calendar=Calendar((SHIFT,), planned_stops=stops)))
    assert len(said["planned_stops"]["added"]) == MOST_NAMED + 1
    assert said["planned_stops"]["added"][-1] == "and 4980 more"
