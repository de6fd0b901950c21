"""The whole agent against a real broker: as a task for what is seen inside, as a process to be killed."""

import asyncio
import contextlib
import csv
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any

import pytest

from agent import app, clock
from agent.app import Agent
from agent.config import Config
from agent.contract import names
from agent.contract.records import Record, StateChange, Window
from agent.contract.sparkplug import DataType, Metric
from agent.contract.states import State
from agent.drivers import DRIVERS
from agent.errors import AgentError
from agent.measuring.machine import MachineTracker
from agent.measuring.reading import Reading
from agent.outbox import Outbox, open_outbox
from tests.agent import brokers
from tests.agent.brokers import Broker
from tests.agent.centre import Centre
from tests.agent.configs import config, document, replay, written
from tests.agent.scripted import SCRIPTED, machine
from tests.stack import free_port, wait_until

AGENT = [sys.executable, "-m", "agent", "run", "--config"]


@pytest.fixture(params=["mosquitto"])
def broker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Broker]:
    with brokers.running(request.param, tmp_path) as broker:
        yield broker


@pytest.fixture
def centre(broker: Broker) -> Iterator[Centre]:
    with Centre(broker.port) as centre:
        yield centre


@pytest.fixture(autouse=True)
def _scripted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(DRIVERS, "scripted", SCRIPTED)


class Running:
    """An agent that runs as a task."""

    def __init__(self, outbox: Outbox, task: "asyncio.Task[None]", stop: asyncio.Event) -> None:
        self.outbox = outbox
        self.task = task
        self.stop = stop


@contextlib.asynccontextmanager
async def running(settings: Config, given: Outbox | None = None) -> AsyncIterator[Running]:
    outbox = await asyncio.to_thread(open_outbox, settings.data) if given is None else given
    stop = asyncio.Event()
    task = asyncio.create_task(Agent(settings, outbox).run(stop))
    try:
        yield Running(outbox, task, stop)
    finally:
        stop.set()
        await asyncio.wait((task,), timeout=60)
        await asyncio.to_thread(outbox.close)
    task.result()


async def until(done: Any, what: str) -> None:
    try:
        async with asyncio.timeout(60):
            while not done():  # noqa: ASYNC110  what is waited for happens in another thread
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(f"not in time: {what}") from None


def line(broker: Broker) -> dict[str, Any]:
    return {"host": "127.0.0.1", "port": broker.port}


def windows(records: Sequence[Record], machine: str) -> list[Window]:
    found = [record for record in records if isinstance(record, Window) and record.machine == machine]
    return sorted(found, key=lambda window: window.start_ms)


def assert_gapless(found: Sequence[Window]) -> None:
    assert found
    for before, after in pairwise(found):
        assert after.start_ms == before.start_ms + before.length_ms, (before, after)


async def test_a_machines_state_is_live_and_an_orderly_stop_loses_nothing(
    broker: Broker, centre: Centre, tmp_path: Path
) -> None:
    steps = ({"running": True, "parts": 100}, 1.0, {"parts": 103}, 0.1, {"running": False})
    settings = config(machine("mc-01", *steps), data=str(tmp_path), mqtt=line(broker))
    async with running(settings) as agent:
        await until(lambda: centre.live("fujimi", "mc-01").get("State") == "RUNNING", "it runs")
        await until(lambda: centre.live("fujimi", "mc-01").get("State") == "IDLE", "it stands")
        await until(lambda: centre.live("fujimi", "mc-01").get("Cycles Total") == 103, "its cycles")
        node = centre.live("fujimi")
        memory_bytes = node[names.MEMORY_BYTES]
        assert isinstance(memory_bytes, int)
        assert memory_bytes > 10_000_000
        assert node[names.TIME_SYNCHRONISED] in (True, False, None)
    assert agent.outbox.pending_count == 0
    await until(lambda: centre.of_type("NDEATH"), "the goodbye")
    found = windows(centre.records(), "mc-01")
    assert_gapless(found)
    assert (sum(window.cycles or 0 for window in found), found[-1].cycles_total) == (3, 103)
    states = [record.state for record in centre.records() if isinstance(record, StateChange)]
    assert states[-1] is State.OFFLINE
    assert [state for state in states if state is not State.OFFLINE] == [State.RUNNING, State.IDLE]


async def test_a_machine_whose_driver_fails_harms_no_other(
    broker: Broker, centre: Centre, tmp_path: Path
) -> None:
    quick = {"running": True, "parts": 1}
    settings = config(
        machine("mc-01", RuntimeError("a bug in the driver")),
        machine("mc-02", quick, 0.5, {"running": False}),
        machine("mc-03", quick, MemoryError("a bug in the driver's library")),
        data=str(tmp_path),
        mqtt=line(broker),
    )
    async with running(settings):
        await until(lambda: centre.live("fujimi", "mc-02").get("State") == "IDLE", "the healthy one goes on")
        await until(lambda: centre.live("fujimi", "mc-03").get("State") == "OFFLINE", "it is unknown")
        assert centre.live("fujimi", "mc-01")["State"] == "OFFLINE"


async def test_tasks_whose_libraries_lose_a_cancellation_are_ended_all_the_same() -> None:
    lost: list[asyncio.CancelledError] = []

    async def deaf(times: int) -> None:
        while True:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError as error:
                if times == 0:
                    raise
                times -= 1
                lost.append(error)

    tasks = [asyncio.create_task(deaf(times)) for times in (0, 1, 3)]
    await asyncio.sleep(0)
    async with asyncio.timeout(30):
        await app.end(*tasks, again_s=0.01)
    assert all(task.cancelled() for task in tasks)
    assert len(lost) == 4


async def test_a_job_command_splits_the_window_and_tags_what_follows(
    broker: Broker, centre: Centre, tmp_path: Path
) -> None:
    settings = config(machine("mc-01", {"running": True, "parts": 1}), data=str(tmp_path), mqtt=line(broker))
    async with running(settings):
        await until(lambda: centre.live("fujimi", "mc-01").get("State") == "RUNNING", "it runs")
        centre.command("fujimi", Metric(names.JOB, "受注-7", DataType.STRING), machine="mc-01")
        await until(lambda: centre.live("fujimi", "mc-01").get("Job") == "受注-7", "the job is told")
    found = windows(centre.records(), "mc-01")
    assert_gapless(found)
    assert [job for job, _ in pairwise([*dict.fromkeys(window.job for window in found), ""])] == [
        "",
        "受注-7",
    ]


async def test_a_clock_that_is_set_forward_leaves_a_hole_and_no_overlap(
    broker: Broker, centre: Centre, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ahead = {"ms": 0.0}
    true_ms = clock.system_wall_ms
    monkeypatch.setattr(clock, "system_wall_ms", lambda: true_ms() + ahead["ms"])
    monkeypatch.setattr(clock, "time_service_runs", lambda: False)
    settings = config(machine("mc-01", {"running": True, "parts": 1}), data=str(tmp_path), mqtt=line(broker))
    began_s = time.monotonic()
    async with running(settings):
        await until(lambda: centre.live("fujimi", "mc-01").get("State") == "RUNNING", "it runs")
        before = len(windows(centre.records(), "mc-01"))  # a minute may have ended already
        ahead["ms"] = 3_600_000
        await until(lambda: len(windows(centre.records(), "mc-01")) > before, "the window is closed")
    passed_ms = (time.monotonic() - began_s) * 1000
    found = windows(centre.records(), "mc-01")
    holes = [after.start_ms - before.start_ms - before.length_ms for before, after in pairwise(found)]
    assert [hole for hole in holes if hole] == [pytest.approx(3_600_000, abs=5_000)]
    assert 0 < sum(window.length_ms for window in found) <= passed_ms


async def test_records_wait_for_the_time_service_and_come_with_their_true_time(
    broker: Broker, centre: Centre, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A computer that boots a year ago: live values are told at once, records when the time is known."""
    behind = {"ms": 365 * 86_400_000.0, "synchronised": False}
    true_ms = clock.system_wall_ms
    monkeypatch.setattr(clock, "system_wall_ms", lambda: true_ms() - behind["ms"])
    monkeypatch.setattr(clock, "time_service_runs", lambda: True)
    monkeypatch.setattr(clock, "synchronised", lambda: behind["synchronised"])
    settings = config(machine("mc-01", {"running": True, "parts": 1}), data=str(tmp_path), mqtt=line(broker))
    began_ms = true_ms()
    async with running(settings) as agent:
        await until(lambda: centre.live("fujimi", "mc-01").get("State") == "RUNNING", "it runs")
        centre.command("fujimi", Metric("Job", "J-1", DataType.STRING), machine="mc-01")
        await until(lambda: agent.outbox.pending_count >= 2, "there are records")
        await asyncio.sleep(1)
        assert centre.records() == []
        behind["ms"], behind["synchronised"] = 0.0, True
        await until(lambda: windows(centre.records(), "mc-01"), "records come")
    found = windows(centre.records(), "mc-01")
    assert_gapless(found)
    assert began_ms - 1_000 <= found[0].start_ms
    assert found[-1].start_ms + found[-1].length_ms <= true_ms() + 1_000
    changes = [record.at_ms for record in centre.records() if isinstance(record, StateChange)]
    assert began_ms - 1_000 <= min(changes)


async def test_systemd_is_told_when_it_is_ready_and_when_it_stops(
    broker: Broker, centre: Centre, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(30)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        monkeypatch.setenv("WATCHDOG_USEC", "200000")
        settings = config(machine("mc-01"), data=str(tmp_path), mqtt=line(broker))
        async with running(settings):
            told = [await asyncio.to_thread(manager.recv, 100) for _ in range(4)]
        rest = [manager.recv(100)]
        with contextlib.suppress(BlockingIOError):
            manager.setblocking(False)
            while True:
                rest.append(manager.recv(100))
    assert told == [b"READY=1", b"WATCHDOG=1", b"WATCHDOG=1", b"WATCHDOG=1"]
    assert rest[-1] == b"STOPPING=1"


async def test_logs_that_have_ended_end_the_agent_when_all_is_delivered(
    broker: Broker, centre: Centre, tmp_path: Path, log: Path
) -> None:
    settings = config(replay("rp-01", log), data=str(tmp_path / "data"), mqtt=line(broker))
    async with running(settings) as agent:
        await asyncio.wait_for(asyncio.shield(agent.task), 60)
        assert not agent.stop.is_set()
    assert agent.outbox.pending_count == 0
    assert centre.records() == expected_of(log)
    assert all(centre.historical())


async def test_a_log_that_is_not_there_ends_the_agent_with_a_sentence(
    broker: Broker, tmp_path: Path, log: Path
) -> None:
    machines = (replay("rp-01", log), replay("rp-02", tmp_path / "nowhere.csv"))
    settings = config(*machines, data=str(tmp_path / "data"), mqtt=line(broker))
    with Centre(broker.port), pytest.raises(AgentError, match=r"^rp-02: replay\.file: cannot read .*nowhere"):
        async with running(settings) as agent:
            await asyncio.wait_for(asyncio.shield(agent.task), 60)


PARTS = 2_000


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return write_log(tmp_path / "log.csv", 1)


def write_log(path: Path, seed: int) -> Path:
    """Write eleven hours in which a machine makes a part every 20 s and changes its state now and then."""
    chance = random.Random(seed)
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("at", "key", "value"))
        for number in range(PARTS):
            hours, rest = divmod(number * 20, 3_600)
            at = f"2026-11-20T{hours:02}:{rest // 60:02}:{rest % 60:02}.125Z"
            rows.writerow((at, "parts", 1_000 + number))
            rows.writerow((at, "execution", chance.choice(("ACTIVE", "ACTIVE", "STOPPED", ""))))
    return path


def expected_of(log: Path) -> list[Record]:
    """Return the records of the log as its tracker makes them, without outbox and broker."""
    settings = config(replay("rp-01", log))
    found: list[Record] = []
    tracker: MachineTracker | None = None
    with log.open(newline="") as file:
        rows = list(csv.DictReader(file))
    for parts, execution in zip(rows[::2], rows[1::2], strict=True):
        at_ms = _to_ms(parts["at"])
        if tracker is None:
            tracker, begun = MachineTracker.begin("rp-01", settings.machines[0].rules, at_ms)
            found += begun
        text = execution["value"]
        found += tracker.take(
            (Reading("parts", parts["value"], at_ms), Reading("execution", text or None, at_ms))
        )
    assert tracker is not None
    found += tracker.take((Reading("parts", None, at_ms), Reading("execution", None, at_ms)))
    found += tracker.close(at_ms)
    return found


def _to_ms(text: str) -> int:
    hours, minutes, seconds = text[11:23].split(":")
    return 1_795_132_800_000 + int(hours) * 3_600_000 + int(minutes) * 60_000 + round(float(seconds) * 1_000)


@contextlib.contextmanager
def process(path: Path, log: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """Run an agent as a process of its own."""
    with log.open("ab") as output:
        agent = subprocess.Popen([*AGENT, path], stdout=output, stderr=output)
    try:
        yield agent
    finally:
        if agent.poll() is None:
            agent.kill()
        agent.wait()


@pytest.mark.parametrize("broker", ["mosquitto", "iotcore"], indirect=True)
def test_an_agent_killed_again_and_again_loses_nothing_and_doubles_nothing(
    broker: Broker, centre: Centre, tmp_path: Path, log: Path
) -> None:
    chance = random.Random(5)
    settings = document(
        replay("rp-01", log, speed=8_000),
        data=str(tmp_path / "data"),
        mqtt=line(broker),
        delivery={"timeout_s": 1.0},
    )
    path = written(tmp_path / "agent.toml", settings)
    kills = 0
    while True:
        with process(path, tmp_path / "agent.log") as agent:
            with contextlib.suppress(subprocess.TimeoutExpired):
                agent.wait(chance.uniform(0.5, 2.5) if kills < 6 else 60)
            if agent.poll() is not None:
                break
            agent.kill()
            kills += 1
        # Now and then the centre is deaf, or stores and does not say so.
        centre.stores, centre.announces = chance.random() < 0.7, chance.random() < 0.7
        if kills >= 6:
            centre.stores = centre.announces = True
    assert agent.returncode == 0, (tmp_path / "agent.log").read_text()
    assert kills >= 3
    # Where the centre's word was waited for in vain, some came again under a new epoch: the same ones.
    assert len(centre.epochs) <= kills + 1
    assert list(dict.fromkeys(centre.records())) == expected_of(log)
    numbers = [heard.payload.metrics[0].value for heard in centre.of_type("NBIRTH")]
    connections = [number for number, _ in groupby(numbers)]
    assert len(set(connections)) == len(connections), "every connection has a number of its own"


@contextlib.contextmanager
def press(folder: Path) -> Iterator[int]:
    """Run the simulated press of the scenario `two` on a free port."""
    port = free_port()
    scenario = Path(app.__file__).parent / "simulator" / "scenarios" / "two.toml"
    text = scenario.read_text("utf-8").replace("5031", str(port)).replace("4851", str(free_port()))
    path = folder / "scenario.toml"
    path.write_text(text, "utf-8")
    command = [sys.executable, "-m", "agent", "simulate", "--scenario", str(path)]
    with (folder / "simulator.log").open("ab") as output:
        simulator = subprocess.Popen(command, stdout=output, stderr=output)
    try:
        wait_until(lambda: _listens(port), "the press listens")
        yield port
    finally:
        simulator.kill()
        simulator.wait()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


PRESS: dict[str, Any] = {
    "id": "pr-01",
    "process": "pressing",
    "driver": "modbus",
    "otherwise": "IDLE",
    "rules": [{"state": "RUNNING", "when": {"green": True}}],
    "cycles": {"counter": "parts", "bits": 16, "min_cycle_s": 0.1},
}


def test_a_live_machine_keeps_every_cycle_and_every_minute_over_sigkill_and_sigterm(
    broker: Broker, centre: Centre, tmp_path: Path
) -> None:
    def total() -> int | None:
        told = centre.live("fujimi", "pr-01").get("Cycles Total")
        return told if isinstance(told, int) else None

    with press(tmp_path) as port:
        signals = {"parts": {"input": 0}, "green": {"discrete": 0}}
        modbus = {"host": "127.0.0.1", "port": port, "poll_ms": 100, "signals": signals}
        settings = document({**PRESS, "modbus": modbus}, data=str(tmp_path / "data"), mqtt=line(broker))
        path = written(tmp_path / "agent.toml", settings)
        for how in (signal.SIGKILL, signal.SIGTERM, signal.SIGTERM):
            births = len(centre.of_type("NBIRTH"))
            with process(path, tmp_path / "agent.log") as agent:
                wait_until(lambda seen=births: len(centre.of_type("NBIRTH")) > seen, "the agent is born")  # type: ignore[misc]
                before = total()
                wait_until(lambda seen=before: total() not in (None, seen), "it counts")  # type: ignore[misc]
                begun = total() or 0
                wait_until(lambda seen=begun: (total() or 0) >= seen + 3, "it goes on")  # type: ignore[misc]
                os.kill(agent.pid, how)
                code = agent.wait(60)
                assert code == (0 if how == signal.SIGTERM else -signal.SIGKILL)
    found = windows(centre.records(), "pr-01")
    assert_gapless(found)
    totals = [window.cycles_total for window in found if window.cycles_total is not None]
    counted = sum(window.cycles or 0 for window in found)
    first = next(window for window in found if window.cycles_total is not None)
    assert first.cycles_total is not None
    assert counted == totals[-1] - (first.cycles_total - (first.cycles or 0))
    assert counted > 5
    assert not [sequence for stored in centre.epochs.values() for sequence in stored.records if sequence < 1]


def test_a_second_agent_on_the_same_data_is_refused(broker: Broker, centre: Centre, tmp_path: Path) -> None:
    modbus = {
        "host": "127.0.0.1",
        "port": free_port(),
        "signals": {"parts": {"input": 0}, "green": {"coil": 0}},
    }
    settings = document({**PRESS, "modbus": modbus}, data=str(tmp_path / "data"), mqtt=line(broker))
    path = written(tmp_path / "agent.toml", settings)
    with process(path, tmp_path / "agent.log") as first:
        centre.wait_for(lambda centre: centre.of_type("NBIRTH"), "the first one runs")
        second = subprocess.run([*AGENT, path], capture_output=True, text=True, check=False, timeout=60)
        assert second.returncode == 1
        assert second.stderr == (
            f"machikoba-agent: {tmp_path}/data/outbox.db: is in use by another agent; stop it, "
            "or give this one a `data` folder of its own\n"
        )
        first.send_signal(signal.SIGINT)
        assert first.wait(60) == 0


def test_a_job_for_a_machine_that_is_away_survives_sigkill_and_is_told_at_birth(
    broker: Broker, centre: Centre, tmp_path: Path
) -> None:
    signals = {"parts": {"input": 0}, "green": {"discrete": 0}}
    modbus = {"host": "127.0.0.1", "port": free_port(), "signals": signals}
    settings = document({**PRESS, "modbus": modbus}, data=str(tmp_path / "data"), mqtt=line(broker))
    path = written(tmp_path / "agent.toml", settings)
    job = Metric("Job", "受注-7", DataType.STRING)
    with process(path, tmp_path / "agent.log") as agent:
        centre.wait_for(lambda centre: centre.of_type("DBIRTH"), "the agent is born")
        centre.command("fujimi", job, machine="pr-99")
        for _ in range(3):
            centre.command("fujimi", job, machine="pr-01")
        centre.wait_for(lambda centre: centre.live("fujimi", "pr-01")["Job"] == "受注-7", "the job is told")
        centre.wait_for(lambda centre: windows(centre.records(), "pr-01"), "the window before it is stored")
        agent.kill()
    births = len(centre.of_type("DBIRTH"))
    with process(path, tmp_path / "agent.log") as agent:
        centre.wait_for(lambda centre: len(centre.of_type("DBIRTH")) > births, "the agent is born again")
        values = {metric.name: metric.value for metric in centre.of_type("DBIRTH")[-1].payload.metrics}
        assert (values["Job"], values["State"]) == ("受注-7", "OFFLINE")
        agent.send_signal(signal.SIGTERM)
        assert agent.wait(60) == 0
    found = windows(centre.records(), "pr-01")
    assert_gapless(found)
    assert [job for job, _ in groupby(found, lambda window: window.job)] == ["", "受注-7"]
