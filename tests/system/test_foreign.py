"""Foreign edge nodes, npm's sparkplug-client and pysparkplug: their machines appear, count, go, come back.

Each publishes a machine through a real mosquitto to a whole aggregator, which is killed and stopped
meanwhile: its starts are most of what this costs. What the nodes do wrong stands in its README.
"""

import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.stack import AGGREGATOR, NO_TLS, PASSWORD, START_S, Stack, running, wait_until
from tests.system.test_demo import sign_in

PEERS = Path(__file__).parents[1] / "peers"
NODES: dict[str, list[str | Path]] = {
    "npm": ["node", PEERS / "sparkplug_edge.js"],
    "pypi": [PEERS / "python/.venv/bin/python", PEERS / "sparkplug_edge.py"],
}
LATHE = """
[[foreign]]
factory = "{factory}"
factory_name = "{factory}製作所"
machine = "lathe"
name = "旋盤"
process = "cutting"
otherwise = "IDLE"
signals = {{ spindle = "Spindle/RPM", alarm = "Alarm", parts = "Counters/Good" }}
rules = [
    {{ state = "DOWN", when = {{ alarm = true }} }},
    {{ state = "RUNNING", when = {{ spindle = {{ above = 10 }} }} }},
]
cycles = {{ counter = "parts", bits = 32 }}
"""


class Nodes:
    """Both nodes, told the same at the same time."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self._nodes: list[subprocess.Popen[str]] = []

    @contextmanager
    def publishing(self, parts: int) -> Iterator[None]:
        """Start them, their counters at `parts`; in the end they are killed, without a goodbye."""
        with ExitStack() as ends:
            log = ends.enter_context((self.stack.folder / "nodes.log").open("ab"))
            for factory, command in NODES.items():
                line = (str(self.stack.mqtt_port), self.stack.federation, factory, "lathe", str(parts))
                node = subprocess.Popen(
                    [*(str(part) for part in command), *line],
                    stdin=subprocess.PIPE,
                    stdout=log,
                    stderr=log,
                    text=True,
                )
                ends.callback(node.communicate)
                ends.callback(node.kill)
                self._nodes.append(node)
            yield
        self._nodes.clear()

    def tell(self, line: str) -> None:
        """Say what the machines do now."""
        for node in self._nodes:
            assert node.stdin is not None
            node.stdin.write(f"{line}\n")
            node.stdin.flush()

    def shown(self) -> dict[str, tuple[str, int | None, bool]]:
        """Return state, count and whether it is there, by factory, as the API tells."""
        machines: Any = self.stack.get("machines")["machines"]
        return {
            each["factory"]: (each["state"], each["cycles_total"], each["connected"]) for each in machines
        }

    def show(self, state: str, cycles_total: int | None, what: str, *, connected: bool = True) -> None:
        """Wait until the API shows that of both machines."""
        wanted = dict.fromkeys(NODES, (state, cycles_total, connected))
        try:
            wait_until(lambda: self.shown() == wanted, what, 60)
        except AssertionError as error:
            log = (self.stack.folder / "nodes.log").read_text("utf-8")
            raise AssertionError(f"{error}: {self.shown()}\n{log}\n{self.stack.log('aggregator')}") from None


def start_again(stack: Stack) -> None:
    stack.start("aggregator", (*AGGREGATOR, "serve", "--config", stack.folder / "machikoba.toml"))
    wait_until(stack.ready, "the aggregator is ready again", 3 * START_S)


def floor(stack: Stack) -> str:
    """Return the page as the coordinator sees it."""
    with httpx.Client(base_url=stack.url, follow_redirects=True, timeout=30, verify=NO_TLS) as browser:
        sign_in(browser, {"user": "coordinator", "password": PASSWORD})
        return browser.get("/floor").text


def test_machines_of_foreign_nodes_appear_count_go_and_come_back(tmp_path: Path) -> None:
    declared = "".join(LATHE.format(factory=factory) for factory in NODES)
    with running(tmp_path, "higashimachi", tables=declared) as stack:
        nodes = Nodes(stack)
        nodes.show("OFFLINE", None, "declared machines are there before they speak", connected=False)
        with nodes.publishing(parts=100):
            nodes.show("IDLE", 100, "they appear")
            nodes.tell("1500.5 0 103")
            nodes.show("RUNNING", 103, "they count")
            nodes.tell("1500.5 1 103")
            nodes.show("DOWN", 103, "an alarm is seen")
            wait_until(lambda: all("DOWN" in changes(stack, each) for each in NODES), "and stored", 60)
            stack.end("aggregator", signal.SIGKILL)
            nodes.tell("1500.5 0 110")
            start_again(stack)
            nodes.tell("1500.5 0 112")
            nodes.show("RUNNING", 112, "a killed aggregator knows them again, although none answers it")
            page = floor(stack)
            for factory in NODES:
                assert f"{factory}製作所" in page
            assert page.count('data-state="RUNNING"') == 2
        nodes.show("OFFLINE", 112, "killed, they are stale", connected=False)
        with nodes.publishing(parts=0):
            nodes.show("IDLE", 112, "they come back, and the new counter is no jump")
            nodes.tell("bare 2")
            nodes.show("IDLE", 114, "a count without a time counts")
            nodes.tell("stop")
            nodes.show("OFFLINE", 114, "a goodbye is heard", connected=False)
        assert stack.end("aggregator") == 0
        start_again(stack)
        for factory in NODES:
            assert_measured(stack, factory)


def changes(stack: Stack, factory: str) -> list[str]:
    """Return the states that the machine went into, as the API tells."""
    rows: Any = stack.get(f"machines/{factory}/lathe/changes")["changes"]
    return [row["state"] for row in rows]


def assert_measured(stack: Stack, factory: str) -> None:
    """All windows follow each other, and hold every state that was and all that was counted."""
    windows: Any = stack.get(f"machines/{factory}/lathe/windows", limit=1_000)["windows"]
    assert [window["end"] for window in windows[:-1]] == [window["start"] for window in windows[1:]]
    assert sum(window["cycles"] for window in windows) == 3 + 9 + 2
    spent = {state: sum(window["state_ms"][state] for window in windows) for state in windows[0]["state_ms"]}
    assert all(spent[state] > 0 for state in ("RUNNING", "IDLE", "DOWN", "OFFLINE")), spent
    seen = " ".join(changes(stack, factory))
    assert re.fullmatch(r"OFFLINE( IDLE)? RUNNING DOWN OFFLINE RUNNING OFFLINE IDLE OFFLINE", seen), seen
    rows: Any = stack.get("utilization", by="machine")["rows"]
    (row,) = [row for row in rows if row["factory"] == factory]
    known_ms = spent["RUNNING"] + spent["SETUP"] + spent["IDLE"] + spent["DOWN"]
    assert row["utilization"] == spent["RUNNING"] / known_ms
    assert row["cycles"] == 14
