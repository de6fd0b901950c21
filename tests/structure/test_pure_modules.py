"""Pure modules are handed what they need: no clock, no network, no disk, no chance."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.structure.sources import ROOT, named

# agent/clock.py is not here: its Clock is pure, its SystemClock is the edge that reads the real ones.
PURE = [
    *(
        f"agent/measuring/{name}.py"
        for name in ("cycles", "job", "machine", "reading", "shifting", "state", "window")
    ),
    *(
        "agent/delivery.py",
        "agent/primary_host.py",
        "agent/births.py",
        "agent/live.py",
        "agent/reach.py",
        "agent/sharing.py",
    ),
    *(
        "agent/catching_up.py",
        "agent/primary_host.py",
        "agent/merging.py",
        "agent/sealed.py",
    ),
    *(
        f"agent/contract/{name}.py"
        for name in ("jobs", "names", "records", "schema", "sparkplug", "states", "topics")
    ),
    *(
        "agent/drivers/modbus/blocks.py",
        "agent/drivers/modbus/decode.py",
        "agent/drivers/modbus/rtu.py",
    ),
    *(f"aggregator/ingest/{name}.py" for name in ("session", "node", "births", "aliases", "order", "values")),
    *("aggregator/foreign/measurer.py", "aggregator/foreign/listening.py", "aggregator/foreign/settings.py"),
    *("aggregator/measured.py", "aggregator/access/scope.py", "aggregator/market.py"),
    *("aggregator/tally.py", "aggregator/telling.py", "aggregator/buyers/view.py"),
    *(
        f"aggregator/capacity/{name}.py"
        for name in ("committed", "histories", "planned", "reckoning", "spare")
    ),
    *(f"aggregator/capacity/{name}.py" for name in ("measured_weeks", "terms")),
    *(f"aggregator/web/{name}.py" for name in ("capacity_chart", "capacity_view", "capacity_words")),
    *(f"aggregator/work/{name}.py" for name in ("act", "agreement", "tags")),
    *("aggregator/planning/move.py", "aggregator/capacity_table.py"),
    *(f"aggregator/results/{name}.py" for name in ("capacity_points", "kpi_points", "now_points")),
    *("aggregator/order_ledger.py", "aggregator/web/order_chart.py", "aggregator/web/order_view.py"),
    *(f"aggregator/alerting/{name}.py" for name in ("backoff", "letter", "rule")),
    *(f"aggregator/model/{name}.py" for name in ("machine", "minute", "user", "window", "profile_faults")),
    *(f"aggregator/capacity/{name}.py" for name in ("attendance", "calendar", "holidays", "local_time")),
    *(f"aggregator/calendar_files/{name}.py" for name in ("ical", "imported", "read", "table")),
    *("aggregator/tables.py", "aggregator/order_files/read.py", "aggregator/order_files/known.py"),
    *(f"aggregator/web/{name}.py" for name in ("factory_preview", "factory_rows")),
    *(f"aggregator/progress/{name}.py" for name in ("cause", "delay", "draws", "eta", "feed", "pace")),
    *(f"aggregator/progress/{name}.py" for name in ("calibration", "habits", "shown")),
    *(f"aggregator/progress/{name}.py" for name in ("pieces", "plan", "progress", "supply", "worktime")),
]

# Modules that reach outside; names of them that only describe are welcome (datetime as a type, for one).
OUTSIDE = {
    *(
        "time",
        "random",
        "secrets",
        "os",
        "socket",
        "ssl",
        "asyncio",
        "threading",
        "subprocess",
        "sqlite3",
        "shutil",
    ),
    *(
        "sqlalchemy",
        "paho",
        "aiomqtt",
        "asyncua",
        "pymodbus",
        "urllib.request",
        "http.client",
        "fastapi",
        "tempfile",
    ),
}
CLOCKS = {"now", "utcnow", "today", "open", "read_text", "write_text", "read_bytes", "write_bytes"}


def imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def called(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            yield node.func.attr
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "open":
            yield "open"


def reaches(text: str) -> set[str]:
    """Return the names through which the module reaches outside."""
    tree = ast.parse(text)
    modules = {name for name in imported(tree) if name in OUTSIDE or name.partition(".")[0] in OUTSIDE}
    # A callable that is handed in may be called `now`; an attribute of something is the clock itself.
    return modules | {name for name in called(tree) if name in CLOCKS}


@pytest.mark.parametrize("path", [ROOT / name for name in PURE], ids=named)
def test_a_pure_module_reaches_nothing_outside(path: Path) -> None:
    assert reaches(path.read_text("utf-8")) == set()


@pytest.mark.parametrize(
    ("text", "reached"),
    [
        ("import time", {"time"}),
        ("from time import monotonic", {"time"}),
        ("import sqlalchemy.orm", {"sqlalchemy.orm"}),
        ("from datetime import datetime\ndatetime.now()", {"now"}),
        ("import datetime\ndatetime.date.today()", {"today"}),
        ("open('x')", {"open"}),
        ("def f(now): return now()", set()),
        ("from datetime import datetime\ndatetime.fromtimestamp(0)", set()),
    ],
)
def test_reaching_outside_is_seen(text: str, reached: set[str]) -> None:
    assert reaches(text) == reached
