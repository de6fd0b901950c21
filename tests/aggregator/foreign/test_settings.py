"""The table `[[foreign]]`: what it takes, and what it says when something is wrong."""

import re
from pathlib import Path

import msgspec
import pytest

from agent.contract.states import State
from agent.measuring.machine import MachineRules
from aggregator.config import Config, load_config
from aggregator.errors import ConfigError
from aggregator.foreign.settings import ForeignMachine

LATHE = """
[[foreign]]
factory = "nishi gateway"
factory_name = "西製作所"
machine = "LATHE 1"
name = "旋盤 1号機"
process = "cutting"
silence_s = 300
otherwise = "IDLE"
[foreign.signals]
spindle = "Spindle/RPM"
parts = "Counters/Good"
[[foreign.rules]]
state = "RUNNING"
when = { spindle = { above = 10 } }
for_s = 2.5
[foreign.cycles]
counter = "parts"
bits = 16
"""


def load(folder: Path, text: str) -> Config:
    file = folder / "machikoba.toml"
    file.write_text(f'federation = "higashimachi"\n{text}', encoding="utf-8")
    return load_config(file)


def test_a_machine_is_described_in_the_words_of_the_agent(tmp_path: Path) -> None:
    (lathe,) = load(tmp_path, LATHE).foreign
    assert (lathe.factory, lathe.machine, lathe.name) == ("nishi gateway", "LATHE 1", "旋盤 1号機")
    assert lathe.signals == {"spindle": "Spindle/RPM", "parts": "Counters/Good"}
    (rule,) = lathe.measuring.rules
    assert (rule.state, rule.for_s, lathe.measuring.otherwise) == (State.RUNNING, 2.5, State.IDLE)
    assert lathe.measuring.cycles is not None
    assert (lathe.measuring.cycles.counter, lathe.measuring.cycles.bits) == ("parts", 16)


def test_a_name_is_its_id_unless_given(tmp_path: Path) -> None:
    (lathe,) = load(tmp_path, LATHE.replace('name = "旋盤 1号機"\n', "")).foreign
    assert (lathe.name, lathe.of_node) == ("LATHE 1", False)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('state = "RUNNING"', 'state = "BUSY"', "foreign.0: rules[0].state: Invalid enum value 'BUSY'"),
        ("above = 10", "abov = 10", "unknown field `abov`"),
        ('process = "cutting"', 'process = "baking"', "foreign.0.process: expected one of cutting"),
        ('spindle = "Spindle/RPM"\n', "", "foreign.0: signals: spindle: used by rules or counts"),
        ("silence_s = 300", "silence_s = 1", "foreign.0.silence_s"),
        ("silence_s = 300", "silense_s = 300", "foreign.0.silense_s: unknown setting"),
        ('machine = "LATHE 1"', 'machine = "a/b"', "foreign.0.machine"),
        ('otherwise = "IDLE"', 'measuring = "IDLE"', "foreign.0: measuring: unknown setting"),
        ("bits = 16", "bits = 12", "foreign.0: cycles.bits"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(tmp_path: Path, old: str, new: str, said: str) -> None:
    with pytest.raises(ConfigError) as error:
        load(tmp_path, LATHE.replace(old, new))
    assert said.lower() in str(error.value).lower()


def test_without_anything_to_measure_it_is_refused(tmp_path: Path) -> None:
    bare = LATHE.split("otherwise", maxsplit=1)[0] + '[foreign.signals]\nspindle = "Spindle/RPM"\n'
    with pytest.raises(ConfigError, match="rules: is missing"):
        load(tmp_path, bare)


def test_no_machine_stands_there_twice(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"^[^ ]+: foreign\.1\.machine: 'LATHE 1' stands there twice"):
        load(tmp_path, LATHE + LATHE)


README = Path(__file__).parents[3] / "aggregator" / "README.md"


def test_the_readme_names_every_setting_and_its_sample_can_be_read(tmp_path: Path) -> None:
    section = README.read_text("utf-8").split("\n## Foreign machines")[1].split("\n## ")[0]
    (sample,) = re.findall(r"```toml\n(.*?)```", section, re.DOTALL)
    (machine,) = load(tmp_path, sample).foreign
    assert machine.measuring.cycles is not None
    rows = re.findall(r"^\| (`[a-z_`, ]+`) \|", section, re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"`([a-z_]+)`", row)}
    rules = {field.name for field in msgspec.structs.fields(MachineRules)}
    assert named == (ForeignMachine.model_fields.keys() - {"measuring"}) | rules
