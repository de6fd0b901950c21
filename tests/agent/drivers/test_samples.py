"""Every driver's sample.toml is a machine that the agent accepts, and names every setting of the driver."""

import importlib
import tomllib
from pathlib import Path

import msgspec
import pytest

import agent.drivers
from agent.config import parse_config
from agent.drivers import DRIVERS

FOLDER = Path(agent.drivers.__file__).parent
FACTORY = {"federation": "higashimachi", "factory": "aoki", "data": "/tmp/x", "mqtt": {"host": "127.0.0.1"}}


@pytest.mark.parametrize("driver", DRIVERS)
def test_the_sample_of_a_driver_is_a_machine_that_works(driver: str) -> None:
    document = tomllib.loads((FOLDER / driver / "sample.toml").read_text("utf-8"))
    (machine,) = parse_config(FACTORY | document).machines
    assert machine.driver == driver


@pytest.mark.parametrize("driver", DRIVERS)
def test_every_setting_of_a_driver_is_shown_in_its_sample(driver: str) -> None:
    settings = importlib.import_module(DRIVERS[driver].settings).Settings
    text = (FOLDER / driver / "sample.toml").read_text("utf-8")
    missing = [field.name for field in msgspec.structs.fields(settings) if field.name not in text]
    assert missing == []


@pytest.mark.parametrize("driver", DRIVERS)
def test_every_driver_has_a_readme(driver: str) -> None:
    assert (FOLDER / driver / "README.md").read_text("utf-8").startswith("# ")
