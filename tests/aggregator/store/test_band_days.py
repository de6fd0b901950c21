"""A day's bands are made once, whoever comes first, and are the same for everybody after that."""

import threading
from datetime import date

import pytest
from sqlalchemy import Engine

from aggregator.model.week import Week
from aggregator.store.band_days import BandDays, Groups, Places

DAY = date(2026, 11, 24)
THIS, NEXT, LAST = Week(2026, 48), Week(2026, 49), Week(2026, 47)
HOURS: Places = {("cutting", THIS): {"aoki": 12.5, "fujimi": 0.0}, ("切断", NEXT): {"青木": 3.0}}
GROUPS: Groups = {("cutting", THIS): frozenset({"aoki", "fujimi"}), ("cutting", LAST): frozenset({"old"})}


@pytest.fixture
def bands(engine: Engine) -> BandDays:
    return BandDays(engine)


def test_a_day_comes_back_as_it_was_made_without_groups_of_past_weeks(bands: BandDays) -> None:
    assert bands.read(DAY) is None
    kept = {("cutting", THIS): GROUPS["cutting", THIS]}
    assert bands.fix(DAY, HOURS, lambda _known: GROUPS) == (HOURS, kept)
    assert bands.read(DAY) == (HOURS, kept)
    assert bands.fix(DAY, {}, lambda _known: {}) == (HOURS, kept)


def test_groups_go_on_to_the_next_day_and_hours_do_not(bands: BandDays) -> None:
    bands.fix(DAY, HOURS, lambda _known: GROUPS)
    known: list[Groups] = []
    later = date(2026, 11, 25)
    bands.fix(later, {}, lambda groups: known.append(groups) or groups)  # type: ignore[func-returns-value]
    assert known == [{("cutting", THIS): frozenset({"aoki", "fujimi"})}]
    assert bands.read(later) == ({}, known[0])
    assert bands.read(DAY) is None


def test_of_many_who_come_at_once_the_first_makes_the_day(bands: BandDays) -> None:
    start, found = threading.Barrier(6), list[tuple[Places, Groups]]()

    def fix(number: int) -> None:
        start.wait()
        found.append(bands.fix(DAY, {("cutting", THIS): {"aoki": float(number)}}, lambda _known: {}))

    threads = [threading.Thread(target=fix, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [bands.read(DAY)] * 6
