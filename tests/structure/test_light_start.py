"""What a start of the aggregator does not load: what only some towns, or only a proposal, need."""

import subprocess
import sys

LATER = ("ortools", "pandas", "influxdb_client", "grafana_client")


def test_the_solver_and_influxdb_are_loaded_by_those_whom_they_serve() -> None:
    code = f"import sys, aggregator.app; print(*[each for each in {LATER!r} if each in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
