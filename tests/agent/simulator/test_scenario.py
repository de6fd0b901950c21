"""Scenario files: what may be written, and one sentence with place and cure for everything else."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agent.contract.states import State
from agent.errors import ConfigError
from agent.simulator.plant import Scripted
from agent.simulator.rhythm import KINDS
from agent.simulator.scenario import load_scenario, parse_scenario
from tests.agent.simulator.floors import ANCHOR_MS, SCENARIOS, Document, one_machine

Spoil = Callable[[Document], Any]


def machine(text: Document) -> Any:
    return text["machines"][0]


def factory(text: Document) -> Any:
    return text["factories"][0]


def again(text: Document, **changes: Any) -> Document:
    text["machines"].append({**machine(text), **changes})
    return text


WRONG: list[tuple[str, Spoil, str]] = [
    (
        "kind",
        lambda t: machine(t).update(kind="pres"),
        r"machines\[0\]\.kind: expected one of machining_centre, press",
    ),
    (
        "typo",
        lambda t: machine(t).update(ordr="ABCD"),
        r"machines\[0\]\.ordr: unknown setting; did you mean order\?",
    ),
    ("no kind", lambda t: machine(t).pop("kind"), r"machines\[0\]\.kind: is missing"),
    (
        "order",
        lambda t: machine(t).update(order="ABDC"),
        r"machines\[0\]\.order: expected one of ABCD, .*got 'ABDC'",
    ),
    (
        "bits",
        lambda t: machine(t).update(counter_bits=8),
        r"machines\[0\]\.counter_bits: expected one of 16, 32, got 8",
    ),
    ("id", lambda t: machine(t).update(id="m 01"), r"machines\[0\]\.id: expected letters, .*got 'm 01'"),
    ("same id", again, r"machines\[1\]\.id: 'm-01' is taken"),
    (
        "same unit",
        lambda t: (machine(t).update(unit=1), again(t, id="x")),
        r"machines\[1\]\.unit: 1 is taken",
    ),
    ("unit", lambda t: machine(t).update(unit=248), r"machines\[0\]\.unit: expected int <= 247, got 248"),
    (
        "factory",
        lambda t: machine(t).update(factory="south"),
        r"machines\[0\]\.factory: expected one of north",
    ),
    (
        "empty factory",
        lambda t: t["factories"].append({**factory(t), "id": "south", "modbus_port": 9}),
        "has no machine",
    ),
    (
        "protocol",
        lambda t: machine(t).update(protocol="opcua"),
        r"machines\[0\]\.protocol: .*has no opcua_port",
    ),
    ("which", lambda t: factory(t).update(opcua_port=9), r"machines\[0\]\.protocol: .*has both servers"),
    (
        "rhythm",
        lambda t: machine(t).update(rhythm={"cycle": 3}),
        r"rhythm\.cycle: unknown setting; did you mean cycle_s",
    ),
    (
        "no time",
        lambda t: machine(t).update(rhythm={"cycle_s": 0}),
        r"machines\[0\]\.rhythm\.cycle_s: expected float >= 0.05",
    ),
    ("load", lambda t: machine(t).update(load=1.5), r"machines\[0\]\.load"),
    ("week", lambda t: machine(t).update(load=[1, 1, 1]), r"machines\[0\]\.load"),
    (
        "offline",
        lambda t: machine(t).update(events=[{"after_s": 1, "state": "OFFLINE", "for_s": 1}]),
        r"events\[0\]\.state: expected one of DOWN, IDLE",
    ),
    (
        "no length",
        lambda t: machine(t).update(events=[{"after_s": 1, "state": "DOWN", "for_s": 0}]),
        r"events\[0\]\.for_s: expected",
    ),
    (
        "overlap",
        lambda t: machine(t).update(events=[{"after_s": s, "state": "DOWN", "for_s": 9} for s in (20, 1, 5)]),
        r"machines\[0\]\.events\[2\]\.after_s: begins before",
    ),
    (
        "port",
        lambda t: factory(t).update(modbus_port=0),
        r"factories\[0\]\.modbus_port: expected int >= 1, got 0",
    ),
    (
        "same port",
        lambda t: factory(t).update(opcua_port=5030),
        r"factories\[0\]\.modbus_port: 5030 is already factories\[0\]\.opcua_port",
    ),
    ("no port", lambda t: factory(t).pop("modbus_port"), r"factories\[0\]\.opcua_port: is missing; give"),
    (
        "day",
        lambda t: shift(t).update(days=["mon", "Tue"]),
        r"factories\[0\]\.shifts\[0\]\.days\[1\]: expected one of mon, .*got 'Tue'",
    ),
    (
        "clock",
        lambda t: shift(t).update(start="8:00"),
        r"factories\[0\]\.shifts\[0\]\.start: expected a time of day",
    ),
    ("break", lambda t: shift(t).update(breaks=["12:00"]), r"breaks\[0\]: expected a stretch"),
    (
        "break outside",
        lambda t: shift(t).update(start="08:00", end="17:00", breaks=["18:00-18:30"]),
        r"breaks\[0\]: 18:00-18:30 does not lie inside",
    ),
    ("zone", lambda t: t.update(time_zone="Asia/Tokio"), "time_zone: 'Asia/Tokio' is not known"),
    ("own zone", lambda t: factory(t).update(time_zone="Moon"), r"factories\[0\]\.time_zone: 'Moon'"),
    ("naive", lambda t: t.update(anchor=t["anchor"].replace(tzinfo=None)), "anchor: needs an offset"),
    (
        "two ends",
        lambda t: t.update(ends_at=t["anchor"], stop_after_s=1),
        "stop_after_s: says the same as ends_at",
    ),
    ("federation", lambda t: t.update(federation="a/b"), "federation: expected letters"),
    ("no machine", lambda t: t.update(machines=[]), "machines: expected array of length >= 1"),
]


def shift(text: Document) -> Any:
    factory(text)["shifts"] = [dict(factory(text)["shifts"][0])]
    return factory(text)["shifts"][0]


@pytest.mark.parametrize(("spoil", "message"), [case[1:] for case in WRONG], ids=[case[0] for case in WRONG])
def test_a_mistake_is_told_with_its_place(spoil: Spoil, message: str) -> None:
    text = one_machine()
    parse_scenario(text)
    spoil(text)
    with pytest.raises(ConfigError, match=message) as raised:
        parse_scenario(text)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"seed = ", "is not TOML"),
        (b"\xff\xfe", "is not TOML"),
        (b"seed = 1", r"scenario\.toml: (federation|anchor|factories|machines): is missing"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "scenario.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=message):
        load_scenario(path)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"absent\.toml: cannot be read \(No such file"):
        load_scenario(tmp_path / "absent.toml")


@pytest.mark.parametrize("path", sorted(SCENARIOS.glob("*.toml")), ids=lambda path: path.stem)
def test_scenarios_that_come_with_the_simulator_are_right(path: Path) -> None:
    assert load_scenario(path).machines


def test_what_a_machine_does_not_say_comes_from_its_kind_and_factory() -> None:
    text = one_machine("press", rhythm={"cycle_s": 2})
    factory(text)["load"] = [0.5, 0.5, 0.5, 0.5, 0.5, 0, 0]
    one = parse_scenario(text).machines[0]
    assert (one.rhythm.cycle_s, one.rhythm.batch) == (2.0, KINDS["press"].rhythm.batch)
    assert one.load == (0.5,) * 5 + (0, 0)
    assert (one.process, one.name, one.wiring.counter_bits, one.wiring.unit) == ("pressing", "m-01", 16, 1)


def test_units_are_numbered_around_the_given_ones() -> None:
    text = one_machine(unit=2)
    for name in ("m-02", "m-03"):
        text["machines"].append({"id": name, "factory": "north", "kind": "assembly"})
    assert [one.wiring.unit for one in parse_scenario(text).machines] == [2, 1, 3]


def test_the_script_is_laid_out_from_the_anchor() -> None:
    events = [{"after_s": 90, "state": "SETUP", "for_s": 1.5}, {"after_s": 60, "state": "DOWN", "for_s": 30}]
    assert parse_scenario(one_machine(events=events)).machines[0].scripted == (
        Scripted(ANCHOR_MS + 60_000, ANCHOR_MS + 90_000, State.DOWN),
        Scripted(ANCHOR_MS + 90_000, ANCHOR_MS + 91_500, State.SETUP),
    )


def test_the_demo_exercises_every_kind_and_both_protocols() -> None:
    demo = load_scenario(SCENARIOS / "demo.toml")
    assert len(demo.factories) == 6
    assert {machine.kind for machine in demo.machines} == set(KINDS)
    protocols = [machine.wiring.protocol for machine in demo.machines]
    assert (protocols.count("opcua"), protocols.count("modbus")) == (10, 10)
    modbus = [machine.wiring for machine in demo.machines if machine.wiring.protocol == "modbus"]
    assert {wiring.order for wiring in modbus if wiring.counter_bits == 32} == {
        "ABCD",
        "CDAB",
        "BADC",
        "DCBA",
    }
    assert {wiring.counter_bits for wiring in modbus} == {16, 32}
