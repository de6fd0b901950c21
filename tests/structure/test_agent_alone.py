"""A factory installs the agent alone: a wheel with `[agent]` works without anything of the aggregator's."""

import json
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from tests.structure.sources import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


def name_of(requirement: str) -> str:
    for separator in "[<>=!;~ ":
        requirement = requirement.partition(separator)[0]
    return requirement.lower().replace("_", "-")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the project's wheel without asking any registry."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheel with `[agent]` from the lock into a new environment; return its Python."""
    folder = tmp_path_factory.mktemp("pi")
    uv = [sys.executable, "-m", "uv"]
    compile_lock = (
        "pip compile pyproject.toml --extra agent --constraints requirements.lock --no-annotate --quiet"
    )
    locked = subprocess.run(
        [*uv, *compile_lock.split(), "--python", sys.executable],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    (folder / "agent.lock").write_text(locked.stdout, "utf-8")
    for command in (
        [*uv, "venv", "--quiet", "--python", sys.executable, str(folder / "venv")],
        [
            *uv,
            "pip",
            "install",
            "--quiet",
            "--python",
            str(folder / "venv"),
            "-r",
            str(folder / "agent.lock"),
        ],
        [*uv, "pip", "install", "--quiet", "--python", str(folder / "venv"), "--no-deps", str(wheel)],
    ):
        subprocess.run(command, check=True)
    return folder / "venv/bin/python"


def run(*command: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(part) for part in command], cwd=cwd, capture_output=True, text=True, check=False
    )


def test_the_wheel_holds_all_packages_and_what_they_read(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    data = {".json", ".toml", ".html", ".css", ".js", ".svg", ".mo", ".mako", ".po"}
    wanted = {
        path.relative_to(ROOT).as_posix()
        for side in ("agent", "aggregator", "dashboards")
        for path in (ROOT / side).rglob("*")
        if path.suffix in data | {".py"}
    }
    assert wanted - names == set()
    assert not any(name.startswith("tests/") for name in names)


def test_nothing_of_the_aggregators_is_installed(python: Path) -> None:
    listed = run(
        sys.executable, "-m", "uv", "pip", "list", "--format", "json", "--python", python, cwd=python.parent
    )
    installed = {entry["name"].lower().replace("_", "-") for entry in json.loads(listed.stdout)}
    extras = PROJECT["optional-dependencies"]
    not_here = [
        requirement for extra in ("aggregator", "postgres", "demo", "dev") for requirement in extras[extra]
    ]
    others = {name_of(requirement) for requirement in not_here}
    own = {name_of(requirement) for requirement in [*PROJECT["dependencies"], *extras["agent"], "machikoba"]}
    assert installed >= own
    # tzdata is nothing but data, some library of the agent's may bring it; asyncua brings cryptography.
    assert (others - own - {"tzdata", "cryptography"}) & installed == set()


def test_the_app_can_be_imported(python: Path) -> None:
    done = run(python, "-c", "import agent.app", cwd=python.parent)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("command", ["run", "check", "simulate"])
def test_the_commands_explain_themselves(python: Path, command: str) -> None:
    done = run(python.parent / "machikoba-agent", command, "--help", cwd=python.parent)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"machikoba-agent {command}" in done.stdout


_HEAVY = """
import json, sys
from pathlib import Path
from agent.config import load_config
from agent.drivers import DRIVERS
import agent.app, importlib
config = load_config(Path("agent.toml"))
for machine in config.machines:
    importlib.import_module(DRIVERS[machine.driver].readings)
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""

_SAMPLE = """\
federation = "f"
factory = "aoki"
data = "data"
mqtt.host = "127.0.0.1"
[[machines]]
id = "one"
process = "cutting"
driver = "modbus"
rules = [{ state = "RUNNING", when = { green = true } }]
[machines.modbus]
host = "127.0.0.1"
signals = { green = { discrete = 0 } }
"""


def test_a_modbus_only_agent_never_imports_the_opcua_library(python: Path, tmp_path: Path) -> None:
    (tmp_path / "agent.toml").write_text(_SAMPLE, "utf-8")
    done = run(python, "-c", _HEAVY, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    modules = set(json.loads(done.stdout))
    assert "pymodbus" in modules
    assert modules & {"asyncua", "aggregator"} == set()
