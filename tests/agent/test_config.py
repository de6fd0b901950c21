"""agent.toml: what it may say, and one sentence with the place for all that it may not."""

import re
import subprocess
import sys
import tomllib
from collections.abc import Callable
from math import inf, nan
from pathlib import Path
from typing import Any

import msgspec
import pytest

from agent.config import Factory, MachineTable, Mqtt, load_config, parse_config
from agent.delivery import Policy
from agent.drivers import DRIVERS
from agent.errors import ConfigError
from agent.measuring.cycles import Counting
from agent.measuring.job import JobSignal
from agent.measuring.machine import MachineRules
from agent.measuring.state import Condition, Rule
from agent.merging import Bounds
from tests.agent.configs import MACHINE, config, document, replay, written

README = Path(__file__).parents[2] / "agent" / "README.md"

Doc = dict[str, Any]


def test_a_whole_file_is_parsed(tmp_path: Path) -> None:
    found = load_config(written(tmp_path / "agent.toml", document()))
    (machine,) = found.machines
    assert (found.federation, found.factory, found.name) == ("higashimachi", "fujimi", "富士見プレス")
    assert (found.data, found.mqtt.keepalive_s, found.mqtt.protocol) == (Path("/tmp/nowhere"), 15, "3.1.1")
    assert (machine.id, machine.name, machine.process) == ("pr-01", "プレス 1号機", "pressing")
    assert (list(machine.settings.signals), machine.entry) == (["parts", "green"], DRIVERS["modbus"])
    assert isinstance(machine.rules, MachineRules)
    assert (machine.rules.cycles, machine.rules.scrap) == (Counting(counter="parts", bits=16), None)


def test_names_default_to_ids() -> None:
    machine = {key: value for key, value in MACHINE.items() if key != "name"}
    found = config(machine, name="")
    assert (found.name, found.machines[0].name) == ("fujimi", "pr-01")


def test_settings_are_frozen() -> None:
    with pytest.raises(AttributeError):
        config().mqtt.port = 1  # type: ignore[misc]


def _in_machine(**changes: Any) -> Callable[[Doc], Any]:
    return lambda doc: doc["machines"][0].update(changes)


def _in_modbus(**changes: Any) -> Callable[[Doc], Any]:
    return lambda doc: doc["machines"][0]["modbus"].update(changes)


def _rules(*rules: Doc) -> Callable[[Doc], Any]:
    return _in_machine(rules=list(rules))


def _when(**when: Any) -> Callable[[Doc], Any]:
    return _rules({"state": "RUNNING", "when": {"green": True}}, {"state": "DOWN", "when": when})


def _counting(**cycles: Any) -> Callable[[Doc], Any]:
    return _in_machine(cycles=cycles)


def _lamp(blink_s: float) -> Doc:
    return {"lamp": "blinking", "blink_s": blink_s}


def _every(min_cycle_s: float) -> Doc:
    return {"counter": "parts", "min_cycle_s": min_cycle_s}


IDS = "expected 1 to 64 letters, digits, '.', '_' or '-', the first a letter or digit, got"
STATES = "RUNNING, SETUP, IDLE, DOWN, PLANNED_STOP, OFFLINE"
WRONG: list[tuple[str, Callable[[Doc], Any]]] = [
    ("federatoin: unknown setting; did you mean federation?", lambda doc: doc.update(federatoin="x")),
    ("federation: is missing", lambda doc: doc.pop("federation")),
    (f"federation: {IDS} '東町'", lambda doc: doc.update(federation="東町")),
    (f"factory: {IDS} 'a/b'", lambda doc: doc.update(factory="a/b")),
    (f"factory: {IDS} 'aoki\\n'", lambda doc: doc.update(factory="aoki\n")),
    ("name: expected str, got int", lambda doc: doc.update(name=7)),
    ("data: expected a folder for the outbox, got an empty text", lambda doc: doc.update(data="")),
    (r"data: expected a folder for the outbox, got 'a\x00b'", lambda doc: doc.update(data="a\0b")),
    ("name: expected str of length <= 200, got '南南南", lambda doc: doc.update(name="南" * 100_000)),
    ("mqtt: is missing", lambda doc: doc.pop("mqtt")),
    ("mqtt: expected table, got str", lambda doc: doc.update(mqtt="127.0.0.1")),
    ("mqtt.hosst: unknown setting; did you mean host?", lambda doc: doc["mqtt"].update(hosst="x")),
    ("mqtt.host: expected a name or an address", lambda doc: doc["mqtt"].update(host="")),
    ("mqtt.host: expected a name or an address, got 'a..b'", lambda doc: doc["mqtt"].update(host="a..b")),
    ("mqtt.port: expected 1 to 65535, got 0", lambda doc: doc["mqtt"].update(port=0)),
    ("mqtt.port: expected int, got str", lambda doc: doc["mqtt"].update(port="1883")),
    ("mqtt.protocol: expected one of 3.1.1, 5, got '4'", lambda doc: doc["mqtt"].update(protocol="4")),
    ("mqtt.password_file: expected a username", lambda doc: doc["mqtt"].update(password_file="x")),
    ("delivery.timeout_s: expected 0.1 to 300.0, got 0", lambda doc: doc.update(delivery={"timeout_s": 0})),
    (
        "measured_since: expected a time with its offset",
        lambda doc: doc.update(measured_since="2026-01-01T00:00:00"),
    ),
    (
        "measured_since: expected a time with its offset, as 2026-11-22T19:00:00+09:00, got 'yesterday'",
        lambda doc: doc.update(measured_since="yesterday"),
    ),
    ("machines: expected at least one [[machines]], got none", lambda doc: doc.update(machines=[])),
    ("machines: expected at least one [[machines]], got none", lambda doc: doc.pop("machines")),
    ("machines: expected tables, each written as [[machines]]", lambda doc: doc.update(machines={"id": "x"})),
    ("machines[1].id: 'pr-01' is the id of machines[0]", lambda doc: doc["machines"].append(MACHINE)),
    ("machines[0].id: is missing", lambda doc: doc["machines"][0].pop("id")),
    (f"machines[0].id: {IDS} ''", _in_machine(id="")),
    (f"machines[0].process: {IDS} '切削'", _in_machine(process="切削")),
    ("machines[0].driver: expected one of modbus, opcua, replay, got 'modbsu'", _in_machine(driver="modbsu")),
    (
        "machines[0].driver: expected one of modbus, opcua, replay, got ['modbus']",
        _in_machine(driver=["modbus"]),
    ),
    ("machines[0].driver: is missing", lambda doc: doc["machines"][0].pop("driver")),
    (
        "machines[0].modbus: is missing; add the table [machines.modbus]",
        lambda doc: doc["machines"][0].pop("modbus"),
    ),
    ("machines[0].modbus: is missing; add the table [machines.modbus]", _in_machine(modbus=3)),
    ("machines[0].opcua: this machine's driver is modbus", _in_machine(opcua={})),
    ("machines[0].modbus.prot: unknown setting; did you mean port?", _in_modbus(prot=5)),
    ("machines[0].modbus.host: expected a name or an address, got '.lan'", _in_modbus(host=".lan")),
    ("machines[0].modbus.port: expected 1 to 65535, got 0", _in_modbus(port=0)),
    ("machines[0].modbus.poll_ms: expected int, got str", _in_modbus(poll_ms="fast")),
    ("machines[0].modbus.host: is missing", lambda doc: doc["machines"][0]["modbus"].pop("host")),
    ("machines[0].pieces_per_cycle: expected int >= 1, got 0", _in_machine(pieces_per_cycle=0)),
    (
        "machines[0].pieces_per_cycle: expected int <= 10000, got 9223372036854775807",
        _in_machine(pieces_per_cycle=2**63 - 1),
    ),
    ("machines[0].rule: unknown setting; did you mean rules?", _in_machine(rule=[])),
    (f"machines[0].otherwise: expected one of {STATES}, got 'STOPPED'", _in_machine(otherwise="STOPPED")),
    (
        f"machines[0].rules[0].state: expected one of {STATES}, got 'running'",
        _rules({"state": "running", "when": {"green": True}}),
    ),
    (
        "machines[0].rules[0].for: unknown setting; did you mean for_s?",
        _rules({"state": "IDLE", "when": {"green": True}, "for": 3}),
    ),
    ("machines[0].rules[0].when: is missing", _rules({"state": "IDLE"})),
    ("machines[0].rules[0]: `when` is empty", _rules({"state": "IDLE", "when": {}})),
    (
        "machines[0].rules[1].when.parts.abov: unknown setting; did you mean above?",
        _when(green=True, parts={"abov": 1}),
    ),
    ("machines[0].rules[1].when.parts: expected exactly one of: one_of", _when(parts={"above": 1, "bit": 2})),
    ("machines[0].rules[1].when.a.b.above: expected float, got str", _when(**{"a.b": {"above": "x"}})),
    (
        "machines[0].rules[1].when.parts.lamp: expected one of blinking, off, on, got 'red'",
        _when(parts={"lamp": "red"}),
    ),
    ("machines[0].rules[1].when.parts.blink_s: expected float <= 3600.0, got inf", _when(parts=_lamp(inf))),
    ("machines[0].rules[1].when.parts.above: expected a number, got nan", _when(parts={"above": nan})),
    (
        "machines[0].rules[1].when.parts.above: nothing is above 5.0 and below 3.0",
        _when(parts={"above": 5, "below": 3}),
    ),
    ("machines[0].rules[1].when.parts.one_of: expected array of length >= 1", _when(parts={"one_of": []})),
    ("machines[0].rules[1].when.parts: expected a value that can come, got nan", _when(parts=nan)),
    (
        "machines[0].rules[0].for_s: expected float <= 86400.0, got inf",
        _rules({"state": "IDLE", "when": {"green": True}, "for_s": inf}),
    ),
    (
        "machines[0].rules[1].when.alarm: no such signal: 'alarm'; modbus.signals has parts, green",
        _when(alarm=True),
    ),
    ("machines[0].cycles.counter: no such signal: 'partz'", _counting(counter="partz")),
    ("machines[0].cycles.edge: no such signal: 'door'", _counting(edge="door")),
    ("machines[0].cycles: expected exactly one of: counter, edge", _counting(counter="parts", edge="green")),
    ("machines[0].cycles.bits: expected one of 16, 32, got 8", _counting(counter="parts", bits=8)),
    *(
        (
            f"machines[0].cycles.min_cycle_s: expected float {bound}, got {seconds}",
            _counting(**_every(seconds)),
        )
        for bound, seconds in ((">= 0.001", -1), (">= 0.001", nan), ("<= 86400.0", inf))
    ),
    ("machines[0].scrap.counter: no such signal: 'rejects'", _in_machine(scrap={"counter": "rejects"})),
]


@pytest.mark.parametrize(("sentence", "spoil"), WRONG, ids=[sentence[:60] for sentence, _ in WRONG])
def test_a_mistake_is_told_with_its_place(sentence: str, spoil: Callable[[Doc], Any], tmp_path: Path) -> None:
    doc = document()
    spoil(doc)
    path = written(tmp_path / "agent.toml", doc)
    with pytest.raises(ConfigError, match=f"^{re.escape(f'{path}: {sentence}')}"):
        load_config(path)


def test_a_mistake_in_a_later_machine_names_that_machine() -> None:
    machines = [{**MACHINE, "id": f"pr-0{number}"} for number in range(1, 4)]
    doc = document(*machines)
    doc["machines"][2]["modbus"]["port"] = 0
    with pytest.raises(ConfigError, match=re.escape("machines[2].modbus.port: expected 1 to 65535, got 0")):
        parse_config(doc)


def test_a_mistake_of_syntax_names_the_line(tmp_path: Path) -> None:
    path = tmp_path / "agent.toml"
    path.write_text('federation = "x"\nfactory = \n')
    with pytest.raises(ConfigError, match=r"agent\.toml: is not valid TOML: .*at line 2, column 11"):
        load_config(path)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.toml: cannot be read: No such file"):
        load_config(tmp_path / "nowhere.toml")
    (tmp_path / "latin.toml").write_bytes('name = "caf\xe9"'.encode("latin-1"))
    with pytest.raises(ConfigError, match=r"latin\.toml: is not UTF-8 text \(byte 12\); save it as UTF-8"):
        load_config(tmp_path / "latin.toml")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (f"x = {'[' * 10_000}", "is not valid TOML: nested too deeply"),
        (f"port = {'9' * 5_000}", "is not valid TOML: Exceeds the limit"),
    ],
    ids=["nested", "digits"],
)
def test_a_mad_file_is_told_like_any_other(text: str, sentence: str, tmp_path: Path) -> None:
    path = tmp_path / "agent.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=f"^{re.escape(f'{path}: {sentence}')}"):
        load_config(path)


def test_a_mistake_shows_no_more_of_a_value_than_a_line_holds(tmp_path: Path) -> None:
    path = written(tmp_path / "agent.toml", document(name="南" * 100_000))
    with pytest.raises(ConfigError) as told:
        load_config(path)
    assert len(str(told.value)) < len(str(path)) + 200


def test_a_file_from_windows_editor_begins_with_a_mark(tmp_path: Path) -> None:
    path = written(tmp_path / "agent.toml", document())
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    assert load_config(path).factory == "fujimi"


HEAVY = """
import sys
from pathlib import Path
from agent.config import load_config
load_config(Path(sys.argv[1]))
print(sorted({"asyncua", "pymodbus", "aiomqtt", "sqlalchemy"} & set(sys.modules)))
"""


def test_a_configuration_is_read_without_any_protocols_library(tmp_path: Path) -> None:
    opcua = {
        "id": "mc-01",
        "process": "cutting",
        "driver": "opcua",
        "opcua": {"url": "opc.tcp://127.0.0.1:4840", "signals": {"parts": "nsu=urn:x;s=parts"}},
    }
    path = written(tmp_path / "agent.toml", document(opcua, MACHINE, replay("rp-01", tmp_path)))
    done = subprocess.run([sys.executable, "-c", HEAVY, path], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


TABLES: dict[str, type[msgspec.Struct]] = {
    "top": Factory,
    "mqtt": Mqtt,
    "delivery": Policy,
    "outbox": Bounds,
    "machines": MachineTable,
    "rules": Rule,
    "when": Condition,
    "cycles": Counting,
    "job": JobSignal,
}


@pytest.mark.parametrize("table", TABLES)
def test_every_setting_is_explained_in_the_readme(table: str) -> None:
    text = README.read_text("utf-8")
    # The rows of the tables: | `setting` | ... |
    explained = set(re.findall(r"^\| `(?:[\w\[\].]+\.)?(\w+)` \|", text, re.MULTILINE))
    assert set(TABLES[table].__struct_fields__) - explained == set()


def test_the_readmes_sample_is_a_right_configuration(tmp_path: Path) -> None:
    (sample,) = re.findall(r"```toml\n(.*?)```", README.read_text("utf-8"), re.DOTALL)
    path = tmp_path / "agent.toml"
    path.write_text(sample, encoding="utf-8")
    assert [machine.id for machine in load_config(path).machines] == ["mc-01", "pr-01"]


@pytest.mark.parametrize("driver", DRIVERS)
def test_every_drivers_sample_is_a_right_machine(driver: str) -> None:
    sample = tomllib.loads((README.parent / "drivers" / driver / "sample.toml").read_text("utf-8"))
    (machine,) = parse_config(document(*sample["machines"])).machines
    assert (machine.driver, machine.rules.signals - machine.settings.signals.keys()) == (driver, frozenset())
