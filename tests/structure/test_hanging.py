"""A test that hangs fails, with or without an event loop, and those behind it are run."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PLUGINS = ("xdist.plugin", "pytest_timeout", "pytest_asyncio.plugin")  # all of them are slow to load
HANGING = """
import asyncio
import threading

def test_that_hangs():
    threading.Event().wait()

async def test_that_hangs_in_an_event_loop():
    await asyncio.get_running_loop().create_future()

async def test_that_hangs_in_a_thread():
    stop = threading.Event()
    try:
        await asyncio.to_thread(stop.wait, 60)
    finally:
        stop.set()

def test_behind_them():
    pass
"""


def test_every_test_has_a_limit(pytestconfig: pytest.Config) -> None:
    assert float(pytestconfig.getini("timeout")) > 0


def test_a_test_that_hangs_fails_and_the_others_go_on(tmp_path: Path) -> None:
    (tmp_path / "test_hanging.py").write_text(HANGING)
    plugins = [part for plugin in (*PLUGINS, "no:cacheprovider") for part in ("-p", plugin)]
    options = ["-c", str(ROOT / "pyproject.toml"), "--rootdir", str(tmp_path), *plugins, "-n", "1"]
    command = [sys.executable, "-m", "pytest", *options, "--timeout", "2", str(tmp_path)]
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=200, check=False
    )
    assert "3 failed, 1 passed" in done.stdout, done.stdout + done.stderr
    assert "crashed" not in done.stdout
    assert done.stdout.count("Failed: Timeout (>2.0s)") >= 3, done.stdout
