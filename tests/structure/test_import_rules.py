"""The import rules of the design hold, and each of them notices when it is broken."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]

# For every contract: a module, and an import that it must not have.
PLANTED = {
    "What goes to Grafana is made of settings and the dashboards' files": (
        "aggregator.grafana.wanted",
        "dashboards.alerts",
    ),
    "Dashboards know what states, processes and levels are called; nobody imports them": (
        "dashboards.alerts",
        "aggregator.errors",
    ),
    "The agent never imports the aggregator": ("agent.health", "aggregator.errors"),
    "The aggregator imports nothing of the agent's but the contract, foreign machines what measures": (
        "aggregator.errors",
        "agent.config",
    ),
    "Foreign machines are measured purely, as the agent measures": (
        "aggregator.foreign.measurer",
        "aggregator.config",
    ),
    "Measuring stands on the contract: both sides measure with it": (
        "agent.measuring.window",
        "agent.errors",
    ),
    "The contract stands alone": ("agent.contract.topics", "agent.errors"),
    "Drivers never import each other, the app or the outbox": (
        "agent.drivers.modbus.driver",
        "agent.drivers.opcua.settings",
    ),
    "state, cycles, window, job and clock are pure": ("agent.measuring.state", "agent.measuring.cycles"),
    "machine is pure: it puts state, cycles and window together": ("agent.measuring.machine", "agent.outbox"),
    "The outbox knows records only": ("agent.outbox", "agent.config"),
    "The delivery policy knows records only": ("agent.delivery", "agent.outbox"),
    "The simulator is a machine to the agent, not a part of it": ("agent.simulator.plant", "agent.drivers"),
    "The model stands on the contract": ("aggregator.model.user", "aggregator.config"),
    "The seam of the time series knows the model only": (
        "aggregator.store.timeseries",
        "aggregator.store.embedded",
    ),
    "Stores know the seam and the model": ("aggregator.store.records", "aggregator.config"),
    "Live values know the model only": ("aggregator.live", "aggregator.config"),
    "The fan-out knows nothing": ("aggregator.fan_out", "aggregator.errors"),
    "Capacity is pure: it knows the model only": ("aggregator.capacity", "aggregator.config"),
    "Progress is pure: it knows the model, and of capacity what is planned and what jobs still need": (
        "aggregator.progress.eta",
        "aggregator.capacity.spare",
    ),
    "Calendar files are pure: they know local time and the model": (
        "aggregator.calendar_files.ical",
        "aggregator.config",
    ),
    "Tables know nothing": ("aggregator.tables", "aggregator.config"),
    "Order files are pure: they know tables, what drafts may be, and the model": (
        "aggregator.order_files.read",
        "aggregator.config",
    ),
    "Matching is pure: it knows the model only": ("aggregator.matching.offer", "aggregator.capacity"),
    "What buyers see is pure: it knows the model only": ("aggregator.buyers", "aggregator.config"),
    "The market is pure: it knows capacity and what matching works on": (
        "aggregator.market",
        "aggregator.store.profiles",
    ),
    "A backup knows settings and the database, nothing that runs": (
        "aggregator.backup.archive",
        "aggregator.ingest",
    ),
    "Enrolment knows settings, and what an id is": ("aggregator.enrolment.authority", "aggregator.services"),
    "Measurements know the seam, live values and the model": (
        "aggregator.measurements",
        "aggregator.store.records",
    ),
    "Measured days and spare hours know capacity, stores of records and the seam": (
        "aggregator.spare",
        "aggregator.store.people",
    ),
    "Points of results are pure: they know what they are made of": (
        "aggregator.results.kpi_points",
        "aggregator.store.results",
    ),
    "The recorder knows what it writes back and the seam of results; no backend": (
        "aggregator.results.recorder",
        "aggregator.store.influx.results",
    ),
    "Told bands know the pure rule, spare hours and what was agreed to": (
        "aggregator.told_bands",
        "aggregator.store.profiles",
    ),
    "Counting along and telling of arrivals are pure": ("aggregator.tally", "aggregator.live"),
    "The order book knows live values, measured days, progress and stores of records": (
        "aggregator.order_book",
        "aggregator.store.people",
    ),
    "Work knows stores, live values, planning's rules and spare hours; no page, no broker": (
        "aggregator.work",
        "aggregator.ingest",
    ),
    "The ledger of an order is pure: it knows the model only": (
        "aggregator.order_ledger",
        "aggregator.config",
    ),
    "Planning knows matching, spare hours and stores of records": ("aggregator.planning", "aggregator.live"),
    "Alerting knows how far orders are, its settings and its store": (
        "aggregator.alerting.rule",
        "aggregator.store.orders",
    ),
    "Ingest knows the stores' faces, live values and the model; no page, no backend": (
        "aggregator.ingest.session",
        "aggregator.store.embedded",
    ),
    "Access knows people and the model": ("aggregator.access.scope", "aggregator.web.pages"),
    "API and pages know what they show, never where it is stored or came from, nor each other": (
        "aggregator.api.windows",
        "aggregator.web.tile",
    ),
    "The demo uses commands, people's accounts and matching's rules, nothing else inside the aggregator": (
        "aggregator.demo.run",
        "aggregator.ingest.session",
    ),
}


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("copy")
    for package in ("agent", "aggregator", "dashboards", "tests/structure"):
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def lint(folder: Path) -> tuple[int, str]:
    """Run the linter in the folder; return its exit code and its words on one long line each."""
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-logo", "--no-cache"]
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, env={**os.environ, "COLUMNS": "400"}, check=False
    )
    return done.returncode, done.stdout + done.stderr


def path_of(folder: Path, module: str) -> Path:
    path = folder / Path(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def test_the_rules_hold(copy: Path) -> None:
    code, said = lint(copy)
    assert code == 0, said


def test_every_contract_has_an_import_that_breaks_it() -> None:
    assert {contract["name"] for contract in CONTRACTS} == set(PLANTED)


def test_every_contract_can_fail(copy: Path, tmp_path: Path) -> None:
    planted = shutil.copytree(copy, tmp_path / "planted")
    for module, imported in PLANTED.values():
        path = path_of(planted, module)
        path.write_text(f"{path.read_text('utf-8')}\nimport {imported}\n", "utf-8")
    code, said = lint(planted)
    words = re.sub(r"\s+", " ", said)
    assert code != 0
    missed = [
        f"{name}: {module} imports {imported}"
        for name, (module, imported) in PLANTED.items()
        if f"{name} BROKEN" not in words or f"{module} may not import {imported} (" not in words
    ]
    assert not missed, said


def test_a_rule_about_a_module_that_is_not_there_is_refused(copy: Path, tmp_path: Path) -> None:
    planted = shutil.copytree(copy, tmp_path / "planted")
    rules = (planted / "pyproject.toml").read_text("utf-8")
    (planted / "pyproject.toml").write_text(
        rules.replace('["agent.measuring.machine"]', '["agent.machines"]'), "utf-8"
    )
    code, said = lint(planted)
    assert code != 0
    assert "agent.machines" in said


@pytest.mark.parametrize("side", ["agent", "aggregator"])
def test_every_room_has_a_rule(side: str) -> None:
    ruled = {
        source.split(".")[1] for contract in CONTRACTS for source in contract["sources"] if "." in source
    }
    rooms = {entry.parent.name for entry in (ROOT / side).glob("*/*.py")}
    assert len(rooms) > 2
    assert rooms - ruled == set(), "write its import rule in pyproject.toml"
