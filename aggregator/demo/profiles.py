"""What the demo's factories say of themselves: the scenario in, a profile for each without one out."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from pathlib import Path
from typing import Any

from aggregator.config import Config
from aggregator.demo.folder import DemoError
from aggregator.model.calendar import Calendar, Closure, Shift, over_midnight
from aggregator.model.factory_profile import Abilities, Declared, FactoryProfile
from aggregator.store.database import open_engine
from aggregator.store.migration import migrate
from aggregator.store.profiles import Profiles

WHO = "demo"
RESERVE = 0.1
TOO_MUCH, TOO_LITTLE, HONEST = 0.6, 0.05, 0.9
"""What factories declare: of their planned hours, or (`HONEST`) of what really is free."""

_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_STEELS = frozenset({"SUS304", "A5052", "S45C"})


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of machine of the simulator: its process, and what the first, second, … of them can take."""

    process: str
    abilities: tuple[Abilities, ...]


KINDS: dict[str, Kind] = {
    "machining_centre": Kind(
        "cutting",
        (
            Abilities(_STEELS, 20.0, (800.0, 500.0, 400.0)),
            Abilities(frozenset({"A5052", "S45C"}), 10.0, (600.0, 400.0, 350.0)),
            Abilities(_STEELS | {"Ti-6Al-4V"}, 5.0, (500.0, 500.0, 400.0), others=frozenset({"5軸"})),
            Abilities(_STEELS, 10.0, (300.0, 300.0, 600.0), others=frozenset({"旋削"})),
        ),
    ),
    "press": Kind(
        "pressing",
        (
            Abilities(_STEELS, 30.0, (400.0, 300.0, 150.0), 800.0),
            Abilities(_STEELS, 50.0, (300.0, 250.0, 120.0), 450.0),
            Abilities(_STEELS, 50.0, (600.0, 400.0, 200.0), 1_600.0),
            Abilities(
                frozenset({"A5052", "SUS304"}), 30.0, (300.0, 250.0, 120.0), 600.0, frozenset({"順送"})
            ),
        ),
    ),
    "plating_line": Kind(
        "surface_treatment",
        (
            Abilities(frozenset({"S45C"}), 15.0, (1_200.0, 500.0, 800.0), others=frozenset({"亜鉛めっき"})),
            Abilities(_STEELS, 10.0, (1_000.0, 400.0, 600.0), others=frozenset({"ニッケルめっき"})),
            Abilities(frozenset({"A5052"}), 15.0, (800.0, 400.0, 500.0), others=frozenset({"アルマイト"})),
        ),
    ),
    "inspection": Kind(
        "inspection",
        (
            Abilities(_STEELS, 3.0, (900.0, 1_200.0, 800.0), others=frozenset({"三次元測定"})),
            Abilities(_STEELS, 5.0, (300.0, 200.0, 150.0), others=frozenset({"画像測定"})),
        ),
    ),
    "assembly": Kind(
        "assembly",
        (
            Abilities(_STEELS, 50.0, (500.0, 400.0, 300.0), others=frozenset({"ねじ締め"})),
            Abilities(_STEELS, 50.0, (500.0, 400.0, 300.0), others=frozenset({"ねじ締め", "接着"})),
            Abilities(_STEELS, 20.0, (300.0, 300.0, 300.0), others=frozenset({"圧入", "ねじ締め"})),
        ),
    ),
    "packing": Kind("shipping", (Abilities(_STEELS, None, (1_100.0, 1_100.0, 1_000.0)),)),
}


def make_profiles(scenario: Path, config: Config, now_ms: int) -> list[str]:
    """See that every factory of the scenario has a profile, and return the ids of those that got one.

    What somebody entered stays. Raises DemoError when the scenario is broken, AggregatorError when the
    database cannot be used.
    """
    try:
        table = tomllib.loads(scenario.read_text(encoding="utf-8"))
        made = scenario_profiles(table)
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError, KeyError, TypeError, ValueError) as error:
        raise DemoError(f"{scenario}: no calendars can be made of it ({error})") from error
    engine = open_engine(config.database_url)
    try:
        migrate(engine)
        profiles = Profiles(engine)
        known = profiles.all()
        fresh = [profile for profile in made if profile.factory not in known]
        for profile in fresh:
            profiles.save(profile, 0, WHO, now_ms)
    finally:
        engine.dispose()
    return [profile.factory for profile in fresh]


def scenario_profiles(table: Mapping[str, Any]) -> list[FactoryProfile]:
    """Return a profile for each factory: the first declares far too much, the fourth far too little."""
    profiles = []
    for number, factory in enumerate(table["factories"]):
        machines = [entry for entry in table["machines"] if entry["factory"] == factory["id"]]
        calendar = scenario_calendar(factory)
        profiles.append(
            FactoryProfile(
                factory["id"],
                calendar,
                RESERVE,
                abilities_of(machines),
                _declared(calendar, factory, machines, {0: TOO_MUCH, 3: TOO_LITTLE}.get(number)),
            )
        )
    return profiles


def scenario_calendar(factory: Mapping[str, Any]) -> Calendar:
    """Return the calendar of a factory of the scenario, which knows no public holidays."""
    closed = sorted(factory.get("closed", ()))
    return Calendar(
        tuple(_shift(shift) for shift in factory["shifts"]),
        works_on_holidays=True,
        closures=_closures(closed),
    )


def _closures(days: Sequence[date]) -> tuple[Closure, ...]:
    """Return the days, sorted, as closures of days in a row."""
    runs = groupby(enumerate(days), key=lambda item: item[1].toordinal() - item[0])
    found = []
    for _, run in runs:
        own = [day for _, day in run]
        found.append(Closure(own[0], own[-1]))
    return tuple(found)


def _shift(shift: Mapping[str, Any]) -> Shift:
    start, end = _minutes(shift["start"]), _minutes(shift["end"])
    rests = [text.split("-") for text in shift.get("breaks", ())]
    end, breaks = over_midnight(start, end, [(_minutes(first), _minutes(last)) for first, last in rests])
    days = frozenset(_WEEKDAYS.index(day) for day in shift["days"])
    return Shift(days, start, end, breaks)


def _minutes(clock: str) -> int:
    hours, minutes = clock.split(":")
    return int(hours) * 60 + int(minutes)


def abilities_of(machines: Sequence[Mapping[str, Any]]) -> dict[str, Abilities]:
    """Return what a factory's machines can take, by machine."""
    found: dict[str, Abilities] = {}
    for number, machine in enumerate(machines):
        kind = KINDS.get(machine["kind"])
        if kind is not None:
            found[machine["id"]] = kind.abilities[number % len(kind.abilities)]
    return found


def _declared(
    calendar: Calendar,
    factory: Mapping[str, Any],
    machines: Sequence[Mapping[str, Any]],
    of_planned: float | None,
) -> tuple[Declared, ...]:
    """Return hours by process: `of_planned` is a share of the planned ones, None says what really is free."""
    planned: dict[str, float] = {}
    free: dict[str, float] = {}
    for machine in machines:
        kind = KINDS.get(machine["kind"])
        if kind is None:
            continue
        hours = weekly_hours(calendar)
        loads = loads_of(machine, factory)
        planned[kind.process] = planned.get(kind.process, 0.0) + sum(hours)
        spare = sum(open_h * (1 - min(share, 1.0)) for open_h, share in zip(hours, loads, strict=True))
        free[kind.process] = free.get(kind.process, 0.0) + spare
    said = {
        process: free[process] * HONEST if of_planned is None else hours * of_planned
        for process, hours in planned.items()
    }
    return tuple(Declared(process, float(round(hours))) for process, hours in said.items())


def loads_of(machine: Mapping[str, Any], factory: Mapping[str, Any]) -> list[float]:
    """Return the share (0 to 1) of a machine's hours that the factory's own work takes, by weekday."""
    load = machine.get("load", factory.get("load", 0.7))
    return load if isinstance(load, list) else [load] * 7


def weekly_hours(calendar: Calendar) -> list[float]:
    """Return the working hours of one machine by the weekday on which its shifts begin."""
    hours = [0.0] * 7
    for shift in calendar.shifts:
        for day in shift.days:
            hours[day] += shift.work_min / 60
    return hours
