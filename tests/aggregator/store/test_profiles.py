"""Profiles of factories on both databases: checked, counted, told in the audit log, and never overwritten."""

import threading
from dataclasses import replace
from datetime import date

import pytest
from sqlalchemy import Engine, update

from aggregator.model.calendar import Break, Calendar, Closure, Overtime, PlannedStop, Shift
from aggregator.model.factory_profile import Abilities, Declared, FactoryProfile
from aggregator.store.audit import Audit
from aggregator.store.database import writing
from aggregator.store.planning_schema import factory_profiles
from aggregator.store.profiles import CHANGED, ProfileConflict, ProfileRefused, Profiles
from aggregator.store.timeseries import StoreError

NOW_MS = 1_795_000_000_000
FULL = FactoryProfile(
    "aoki",
    Calendar(
        (Shift(frozenset({0, 4}), 480, 1020, (Break(720, 780),), 3),),
        (("mc-01", (Shift(frozenset({6}), 1320, 1800, staff=0),)),),
        works_on_holidays=True,
        closures=(Closure(date(2026, 8, 12), date(2026, 8, 15), "お盆"),),
        planned_stops=(PlannedStop(NOW_MS, NOW_MS + 1, "mc-01", "点検"),),
        overtime=(Overtime(NOW_MS, NOW_MS + 1, None, 2, "残業"),),
    ),
    0.1,
    {
        "mc-01": Abilities(
            frozenset({"SUS304", "A5052"}), 10.0, (300.0, 200.0, 100.0), 800.0, frozenset({"5軸"})
        )
    },
    (Declared("cutting", 40.0), Declared("cutting", 12.5, "2026-W48")),
)


@pytest.fixture
def profiles(engine: Engine) -> Profiles:
    return Profiles(engine)


def test_a_factory_without_a_profile_has_an_empty_one(profiles: Profiles) -> None:
    assert profiles.get("aoki") == FactoryProfile("aoki")
    assert profiles.all() == {}


def test_everything_in_a_profile_comes_back(profiles: Profiles) -> None:
    saved = profiles.save(FULL, 0, "kenta", NOW_MS)
    assert saved == replace(FULL, revision=1)
    assert profiles.get("aoki") == saved
    assert profiles.all() == {"aoki": saved}


def test_every_change_is_counted_and_told_in_the_audit_log(profiles: Profiles, engine: Engine) -> None:
    profiles.save(FULL, 0, "kenta", NOW_MS)
    profiles.save(replace(FULL, reserve=0.2, declared=FULL.declared[:1]), 1, "aoki", NOW_MS + 5)
    newest, oldest = Audit(engine).entries("aoki")
    assert (oldest.who, oldest.action, oldest.at_ms, newest.who) == ("kenta", CHANGED, NOW_MS, "aoki")
    assert newest.detail["revision"] == 2
    assert newest.detail["reserve"] == [0.1, 0.2]
    assert len(newest.detail["declared"]["removed"]) == 1
    assert "shifts" not in newest.detail
    assert "closures" in oldest.detail
    assert profiles.last_changes() == {"aoki": ("aoki", NOW_MS + 5)}


def test_what_changes_nothing_is_not_stored_again(profiles: Profiles, engine: Engine) -> None:
    saved = profiles.save(FULL, 0, "kenta", NOW_MS)
    assert profiles.save(FULL, 1, "aoki", NOW_MS + 1) == saved
    assert len(Audit(engine).entries()) == 1


def test_a_change_in_between_is_told_and_not_overwritten(profiles: Profiles, engine: Engine) -> None:
    first = profiles.save(FULL, 0, "kenta", NOW_MS)
    for stale in (0, 2):
        with pytest.raises(ProfileConflict, match="changed in between") as told:
            profiles.save(replace(FULL, reserve=0.9), stale, "aoki", NOW_MS)
        assert told.value.current == first
    assert profiles.get("aoki") == first
    assert len(Audit(engine).entries()) == 1


@pytest.mark.parametrize("revision", [0, 1])
def test_of_many_who_save_at_once_one_wins(profiles: Profiles, engine: Engine, revision: int) -> None:
    if revision:
        profiles.save(FULL, 0, "kenta", NOW_MS)
    people = [f"person-{number}" for number in range(8)]
    start, won, lost = threading.Barrier(len(people)), list[str](), list[str]()

    def save(index: int, who: str) -> None:
        start.wait()
        try:
            profiles.save(replace(FULL, reserve=index / 10 + 0.15), revision, who, NOW_MS)
        except ProfileConflict:
            lost.append(who)
        else:
            won.append(who)

    threads = [threading.Thread(target=save, args=item) for item in enumerate(people)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert len(lost) == len(people) - 1
    assert profiles.get("aoki").revision == revision + 1
    assert Audit(engine).entries()[0].who == won[0]
    assert len(Audit(engine).entries()) == revision + 1


def test_what_cannot_be_right_is_refused_with_its_place(profiles: Profiles, engine: Engine) -> None:
    with pytest.raises(ProfileRefused, match=r"^reserve: has to be between 0 and 1$"):
        profiles.save(replace(FULL, reserve=1.5), 0, "kenta", NOW_MS)
    assert profiles.all() == {}
    assert Audit(engine).entries() == []


@pytest.mark.parametrize(
    ("document", "place"),
    [
        ("{", "Invalid JSON"),
        ('{"factory": "aoki", "resrve": 1}', "resrve"),
        ('{"factory": "aoki", "reserve": "0.1"}', "reserve"),
    ],
)
def test_a_broken_document_is_told_with_factory_and_place(
    profiles: Profiles, engine: Engine, document: str, place: str
) -> None:
    profiles.save(FULL, 0, "kenta", NOW_MS)
    with writing(engine) as connection:
        connection.execute(update(factory_profiles).values(document=document))
    with pytest.raises(StoreError, match=f"(?s)profile of factory 'aoki'.*{place}"):
        profiles.get("aoki")
