"""The demo's factories have calendars that fit what their machines do."""

import tomllib
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from agent.simulator.demo import TEMPLATE, demo_document
from agent.simulator.plant import Factory
from agent.simulator.scenario import parse_scenario
from agent.simulator.shifts import day_span_ms, joined, open_ms
from agent.simulator.toml import rendered
from aggregator.capacity.calendar import open_spans
from aggregator.config import Config
from aggregator.demo.folder import DemoError
from aggregator.demo.profiles import KINDS, make_profiles, scenario_calendar, scenario_profiles
from aggregator.model.profile_faults import faults_of
from aggregator.store.audit import Audit
from aggregator.store.database import open_engine
from aggregator.store.profiles import Profiles

NOW_MS = 1_795_000_000_000
TABLE: dict[str, Any] = tomllib.loads(TEMPLATE.read_text("utf-8"))


def stretches(factory: Factory, entry: dict[str, Any], day: date) -> tuple[list[object], list[object]]:
    """Return when the simulator works on a day, and when the calendar says so."""
    since, until = day_span_ms(day, factory.zone)
    spans = open_spans(scenario_calendar(entry), "any", since, until, factory.zone)
    return list(open_ms(factory.shifts, factory.closed, factory.zone, day)), list(
        joined((span.start_ms, span.end_ms) for span in spans)
    )


@pytest.mark.parametrize("now", [None, datetime(2026, 11, 22, 18, 30, tzinfo=UTC)])
def test_calendars_are_open_exactly_when_the_simulator_works(now: datetime | None) -> None:
    document = TABLE if now is None else demo_document(now)[0]  # hours are moved when it is night
    document["factories"][0]["closed"] = [date(2026, 11, 24), date(2026, 11, 25), date(2026, 11, 27)]
    scenario = parse_scenario(document)
    for factory, entry in zip(scenario.factories, document["factories"], strict=True):
        for day in range(20, 31):
            simulated, planned = stretches(factory, entry, date(2026, 11, day))
            assert simulated == planned, (factory.id, day)


def test_every_machine_has_abilities_and_every_profile_is_sound() -> None:
    profiles = scenario_profiles(TABLE)
    machines = {(entry["factory"], entry["id"]) for entry in TABLE["machines"]}
    assert {(profile.factory, machine) for profile in profiles for machine in profile.abilities} == machines
    assert [faults_of(profile) for profile in profiles] == [[]] * 6
    assert all(each.tonnage_kn for each in KINDS["press"].abilities)


def test_one_declares_far_too_much_and_one_too_little() -> None:
    declared = {
        profile.factory: sum(each.hours for each in profile.declared) for profile in scenario_profiles(TABLE)
    }
    # 4 machines x 41.67 h a week, nearly full; 3 machines x 41.25 h, nearly half free
    assert declared["aoki"] == round(0.6 * 4 * 5 * (9.25 - 55 / 60))
    assert declared["higashi"] == round(0.05 * 3 * 5 * 8.25)
    assert all(hours > 0 for hours in declared.values())


def test_profiles_are_made_once_and_what_people_entered_stays(tmp_path: Path) -> None:
    scenario = tmp_path / "scenario.toml"
    scenario.write_text(rendered(TABLE), encoding="utf-8")
    config = Config(federation="town", data=tmp_path)
    assert make_profiles(scenario, config, NOW_MS) == [entry["id"] for entry in TABLE["factories"]]
    engine = open_engine(config.database_url)
    profiles = Profiles(engine)
    made = profiles.all()
    edited = profiles.save(replace(made["aoki"], reserve=0.4), 1, "kenta", NOW_MS)
    assert make_profiles(scenario, config, NOW_MS + 1) == []
    assert profiles.all() == made | {"aoki": edited}
    assert [entry.who for entry in Audit(engine).entries("fujimi")] == ["demo"]
    engine.dispose()


@pytest.mark.parametrize("text", ["no toml", "federation = 'x'", "[[factories]]\nid = 'a'\nshifts = [{}]"])
def test_a_broken_scenario_is_one_sentence(tmp_path: Path, text: str) -> None:
    scenario = tmp_path / "scenario.toml"
    scenario.write_text(text, encoding="utf-8")
    with pytest.raises(DemoError, match=r"scenario\.toml: no calendars can be made of it"):
        make_profiles(scenario, Config(federation="town", data=tmp_path), NOW_MS)
