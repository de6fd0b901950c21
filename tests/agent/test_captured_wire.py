"""Everything that goes over the wire, byte by byte: what a factory does not share is nowhere in it.

Real OPC UA and Modbus servers, a real broker that is away for a while, an agent as a process of its own; four
machines, one for each policy, whose work orders the factory uses for its own work too.
"""

import json
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from agent.contract.records import Record, StateChange, Window
from agent.contract.sparkplug import DataType, decode, typed
from agent.contract.states import State
from agent.simulator.agents import write_agents
from agent.simulator.faces import node_values
from agent.simulator.scenario import load_scenario
from agent.simulator.status import Status
from agent.simulator.styles import signal_table
from agent.simulator.toml import rendered
from tests.agent import brokers
from tests.agent.brokers import Broker
from tests.agent.centre import Centre
from tests.agent.simulator.floors import NEVER_CLOSED, document
from tests.stack import free_port, wait_until

AGENT = [sys.executable, "-m", "agent"]
JOB = {"signal": "work_order", "pattern": "WO-(?P<job>.+)"}
POLICIES: dict[str, dict[str, str]] = {
    "mc-01": {"share": "full"},
    "mc-02": {"share": "utilization"},
    "pr-01": {"share": "full", "share_cycles": "shared-jobs-only"},
    "pr-02": {"share": "utilization", "share_cycles": "always"},
}
SECRETS = ("SECRET-77", "SECRET-O1234", "NC-SECRET.MPF")
ALLOWED = {
    *("State", "State Since", "Cycles Total", "Utilization", "Job"),
    *(f"Properties/{name}" for name in ("Name", "Process", "Trust", "Share", "Cycles")),
}
BUSY_OR_NOT = {State.RUNNING, State.IDLE, State.PLANNED_STOP, State.OFFLINE}


@dataclass
class Wire:
    """All messages that a broker passed on, as bytes; it goes on when the broker comes back."""

    port: int
    messages: list[tuple[str, bytes]] = field(default_factory=list)

    @contextmanager
    def listening(self) -> Iterator["Wire"]:
        ready = threading.Event()
        client = Client(CallbackAPIVersion.VERSION2, "wire")
        client.on_connect = self._subscribe
        client.on_subscribe = lambda *_: ready.set()
        client.on_message = self._hear
        client.reconnect_delay_set(1, 1)
        client.connect("127.0.0.1", self.port)
        client.loop_start()
        try:
            assert ready.wait(30)
            yield self
        finally:
            client.disconnect()
            client.loop_stop()

    def _subscribe(self, client: Client, *_: object) -> None:
        client.subscribe("#", qos=1)

    def _hear(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        self.messages.append((message.topic, bytes(message.payload)))

    def presents(self, machine: str) -> list[dict[str, object]]:
        """Return what was told of a machine's present after each message, births included."""
        aliases: dict[int, tuple[str, DataType]] = {}
        now: dict[str, object] = {}
        found = []
        for topic, body in list(self.messages):
            if not topic.endswith(f"/{machine}") or topic.split("/")[2] not in ("DBIRTH", "DDATA"):
                continue
            for metric in decode(body).metrics:
                if metric.name is not None and metric.alias is not None and metric.datatype is not None:
                    aliases[metric.alias] = (metric.name, metric.datatype)
                name, datatype = aliases[metric.alias or 0]
                now[name] = typed(metric.value, datatype)
            found.append(dict(now))
        return found


@dataclass
class Floor:
    """The simulated factory: its command, what it says happened, and how it is told what to do."""

    folder: Path

    def __post_init__(self) -> None:
        text = document("two")
        text["factories"] = [
            {"id": "north", "opcua_port": free_port(), "modbus_port": free_port(), "shifts": NEVER_CLOSED}
        ]
        text["factories"][0]["load"] = 1.0
        mill, press = text["machines"]
        text["machines"] = [
            {
                **(mill if machine.startswith("mc") else press),
                "id": machine,
                "name": machine,
                "factory": "north",
                "protocol": "opcua" if machine.startswith("mc") else "modbus",
                "work_order": SECRETS[0],
                "agent": {**policy, "job": JOB},
            }
            for machine, policy in POLICIES.items()
        ]
        text["anchor"] = datetime.now(UTC)
        self.scenario = self.folder / "scenario.toml"
        self.scenario.write_text(rendered(text), "utf-8")
        self.truth, self.control = self.folder / "truth.jsonl", self.folder / "control.jsonl"

    @property
    def command(self) -> list[str]:
        files = ["--scenario", self.scenario, "--ground-truth", self.truth, "--control", self.control]
        return [*AGENT, "simulate", *map(str, files)]

    def work_order(self, work_order: str) -> None:
        """Give all machines another work order."""
        self.tell(*({"machine": f"north/{machine}", "work_order": work_order} for machine in POLICIES))

    def tell(self, *commands: dict[str, Any]) -> None:
        with self.control.open("a", encoding="utf-8") as file:
            file.writelines(json.dumps(command) + "\n" for command in commands)

    def events(self, machine: str, event: str) -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in self.truth.read_text("utf-8").splitlines()]
        return [line for line in lines if (line["machine"], line["event"]) == (machine, event)]

    def wait_for_cycles(self, more: int) -> None:
        """Wait until every machine has really made some more."""
        wanted = {machine: len(self.events(machine, "cycle")) + more for machine in POLICIES}
        wait_until(
            lambda: all(len(self.events(machine, "cycle")) >= many for machine, many in wanted.items()),
            "cycles are made",
        )


@contextmanager
def process(command: list[str], log: Path) -> Iterator["subprocess.Popen[bytes]"]:
    with log.open("ab") as output:
        started = subprocess.Popen(command, stdout=output, stderr=output)
    try:
        yield started
    finally:
        started.kill()
        started.wait()


@dataclass
class Story:
    """What is left when the story is told."""

    floor: Floor
    wire: Wire
    records: list[Record]
    broker_back_ms: int

    def windows(self, machine: str) -> list[Window]:
        found = [one for one in self.records if isinstance(one, Window) and one.machine == machine]
        return sorted(found, key=lambda window: window.start_ms)


def wait_for_job(centre: Centre, job: str) -> None:
    wait_until(
        lambda: all(centre.live("north", machine).get("Job") == job for machine in POLICIES), f"job {job!r}"
    )


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    folder = tmp_path_factory.mktemp("wire")
    floor = Floor(folder)
    with ExitStack() as stack:
        broker = stack.enter_context(brokers.running("mosquitto", folder))
        wire = stack.enter_context(Wire(broker.port).listening())
        centre = stack.enter_context(Centre(broker.port, "test"))
        stack.enter_context(process(floor.command, folder / "simulator.log"))
        log = folder / "simulator.log"
        wait_until(lambda: b"machines are running" in log.read_bytes(), "the machines run", within_s=120)
        (path,) = write_agents(load_scenario(floor.scenario), folder, ("127.0.0.1", broker.port))
        agent = stack.enter_context(process([*AGENT, "run", "--config", str(path)], folder / "agent.log"))
        back_ms = _tell(floor, broker, centre)
        agent.send_signal(signal.SIGTERM)
        assert agent.wait(60) == 0, (folder / "agent.log").read_text()
        wait_until(lambda: centre.of_type("NDEATH"), "the goodbye")
        return Story(floor, wire, centre.records(), back_ms)


def _tell(floor: Floor, broker: Broker, centre: Centre) -> int:
    """Private work, a shared job, another that begins while the broker is away, private work; return when."""
    wait_until(
        lambda: all(
            centre.live("north", machine).get("State") == "RUNNING" for machine in ("mc-02", "pr-02")
        ),
        "they run",
    )
    floor.work_order(SECRETS[1])
    floor.wait_for_cycles(3)
    floor.work_order("WO-J-1")
    wait_for_job(centre, "J-1")
    floor.wait_for_cycles(3)
    broker.kill()
    floor.work_order("WO-J-2")
    floor.tell({"machine": "north/mc-02", "breakdown_s": 2}, {"machine": "north/pr-02", "breakdown_s": 2})
    floor.wait_for_cycles(3)
    back_ms = time.time_ns() // 1_000_000
    broker.start()
    wait_for_job(centre, "J-2")
    floor.work_order(SECRETS[2])
    wait_for_job(centre, "")
    floor.wait_for_cycles(4)
    return back_ms


def test_no_private_name_or_signal_is_in_the_captured_bytes(story: Story) -> None:
    scenario = load_scenario(story.floor.scenario)
    signals = {name for machine in scenario.machines for name in signal_table(machine)}
    variables = set(node_values(Status(State.IDLE, 0, 0)))
    words = {*SECRETS, "SECRET-", "WO-", "urn:", *(name for name in signals | variables if len(name) > 4)}
    assert {"work_order", "WorkOrder", "execution", "rejects"} <= words
    assert len(story.wire.messages) > 50
    for topic, body in story.wire.messages:
        for word in words:
            end = b"(?![A-Za-z_])" if word.isidentifier() else b""  # a column is called planned_stop_ms
            named = re.compile(rb"(?<![A-Za-z_])" + re.escape(word.encode()) + end)
            assert not named.search(topic.encode() + b"\n" + body), (topic, word, body)


def test_nothing_private_lies_in_the_factorys_outbox_either(story: Story) -> None:
    files = [path for path in (story.floor.folder / "north").iterdir() if path.is_file()]
    assert files
    assert all(b"SECRET" not in path.read_bytes() for path in files)


def test_births_carry_the_allowed_metrics_and_the_policy(story: Story) -> None:
    for machine, policy in POLICIES.items():
        first = story.wire.presents(machine)[0]
        assert first.keys() == ALLOWED
        usual = "always" if policy["share"] == "full" else "shared-jobs-only"
        assert first["Properties/Share"] == policy["share"]
        assert first["Properties/Cycles"] == policy.get("share_cycles", usual)


def test_time_is_whole_and_jobs_follow_each_other(story: Story) -> None:
    for machine in POLICIES:
        windows = story.windows(machine)
        for before, after in pairwise(windows):
            assert after.start_ms == before.start_ms + before.length_ms
        assert all(sum(window.state_ms) == window.length_ms for window in windows)
        assert [job for job, _ in groupby(windows, lambda window: window.job)] == ["", "J-1", "J-2", ""]


def test_a_job_that_began_while_the_link_was_down_counts_all_the_same(story: Story) -> None:
    for machine in POLICIES:
        windows = [window for window in story.windows(machine) if window.job == "J-2"]
        assert windows[0].start_ms < story.broker_back_ms
        assert sum(window.cycles or 0 for window in windows) > 0


@pytest.mark.parametrize("machine", [name for name, policy in POLICIES.items() if "util" in policy["share"]])
def test_busy_or_not_is_all_that_is_seen(story: Story, machine: str) -> None:
    happened = {event["state"] for event in story.floor.events(machine, "state")}
    assert "DOWN" in happened
    changes = [one for one in story.records if isinstance(one, StateChange) and one.machine == machine]
    assert {change.state for change in changes} <= BUSY_OR_NOT
    for before, after in pairwise(sorted(changes, key=lambda change: change.at_ms)):
        assert before.state is not after.state
    for window in story.windows(machine):
        _running, setup, _idle, down, _planned_stop, _offline = window.state_ms
        assert (setup, down) == (0, 0)
    assert {present["State"] for present in story.wire.presents(machine)} <= BUSY_OR_NOT
    told = {change.at_ms for change in changes}
    since = {p["State Since"] for p in story.wire.presents(machine) if p["State"] == "RUNNING"}
    assert since <= told, "since when it is busy, never since when it is broken"


@pytest.mark.parametrize("machine", ["mc-02", "pr-01"])
def test_counts_leave_with_a_shared_job_only(story: Story, machine: str) -> None:
    shared = [window for window in story.windows(machine) if window.job]
    for window in story.windows(machine):
        counts = (window.cycles, window.good, window.scrap, window.cycles_total)
        assert (None not in counts) if window.job else (set(counts) == {None})
    cycles = sum(window.cycles or 0 for window in shared)
    assert shared[-1].cycles_total == cycles
    assert 0 < cycles < len(story.floor.events(machine, "cycle")) - 3
    for present in story.wire.presents(machine):
        total = present["Cycles Total"]
        assert total is None if present["Job"] == "" else isinstance(total, int) and total <= cycles


def test_what_is_shared_always_is_whole(story: Story) -> None:
    for machine in ("mc-01", "pr-02"):
        windows = story.windows(machine)
        assert None not in [window.cycles for window in windows]
        first, last = windows[0], windows[-1]
        made = len(story.floor.events(machine, "cycle"))
        assert 0 < sum(window.cycles or 0 for window in windows) <= made
        assert last.cycles_total is not None
        assert first.job == last.job == ""
    assert any(window.good is not None for window in story.windows("mc-01") if not window.job)
    assert all((window.good is not None) == bool(window.job) for window in story.windows("pr-02"))
