"""The world that chaos strikes: agents of two factories, broker, aggregator, database, as processes."""

import contextlib
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from subprocess import Popen

from agent.contract.records import Record
from agent.simulator.agents import agent_toml
from agent.simulator.scenario import load_scenario
from tests.chaos import witness
from tests.chaos.home import HOMES, Home
from tests.chaos.line import OPEN, Line, lines
from tests.chaos.plan import (
    AGENTS,
    AGGREGATOR,
    BROKER,
    FACTORIES,
    KILL,
    KILL_BARE,
    LINES,
    Fault,
)
from tests.chaos.states import Span
from tests.stack import AGENT, Stack, free_port, listens, wait_until
from tests.stack import AGGREGATOR as SERVE

SCENARIO = Path(__file__).with_name("scenario.toml")
FEDERATION = "chaos"
AGAIN_S = 1.0
"""A service that ended by itself is started again after so long, as systemd would do it."""
SETTLE_S = 300.0


class World:
    """Its processes are started by `start`; `ended` says which ended by themselves."""

    def __init__(self, folder: Path, home: Home, wires: dict[str, Line], stack: Stack) -> None:
        self.folder = folder
        self.home = home
        self.stack = stack
        self.truth = folder / "truth.jsonl"
        self.ended: list[str] = []
        self._lines = wires
        self._settings = folder / "machikoba.toml"
        self._running: dict[str, Popen[bytes]] = {}
        self._again: dict[str, float] = {}
        self._dead_since_ms: dict[str, int] = {}
        self._dead: defaultdict[str, list[Span]] = defaultdict(list)

    def start(self, stops_after_s: float) -> None:
        """Start everything, and wait until the machines are followed; they stop for good after so long."""
        self._write_settings()
        self._launch(BROKER)
        wait_until(lambda: listens(self.stack.mqtt_port), "the broker listens")
        self._launch(AGGREGATOR)
        wait_until(self.stack.ready, "the aggregator is ready")
        self._simulate(stops_after_s)
        for agent in AGENTS:
            self._launch(agent)
        for factory in FACTORIES:
            wait_until(partial(self._sees, factory), f"the aggregator sees {factory}")

    def _sees(self, factory: str) -> bool:
        return f"factory {factory} is there" in self.stack.log(AGGREGATOR)

    def _simulate(self, stops_after_s: float) -> None:
        now = datetime.now(UTC)
        moments = {"anchor": now - timedelta(minutes=5), "ends_at": now + timedelta(seconds=stops_after_s)}
        values = {name: moment.isoformat(timespec="seconds") for name, moment in moments.items()}
        path = self.folder / "scenario.toml"
        text = SCENARIO.read_text("utf-8")
        for name, value in {**values, "north_port": free_port(), "south_port": free_port()}.items():
            text = text.replace(f'"{{{name}}}"', str(value))
        path.write_text(text, encoding="utf-8")
        scenario = load_scenario(path)
        for factory in scenario.factories:
            data = self.data(factory.id)
            witness.begin(data)
            mqtt = ("127.0.0.1", self._lines[f"line of agent-{factory.id}"].port)
            settings = agent_toml(scenario, factory, data, mqtt)
            settings = f"wait_for_clock_h = 0\n{settings}\n[delivery]\ntimeout_s = 3.0\n"
            self._config(factory.id).write_text(settings, encoding="utf-8")
        simulate = (*AGENT, "simulate", "--scenario", path, "--ground-truth", self.truth)
        self.stack.start("simulator", simulate)
        wait_until(lambda: "are running" in self.stack.log("simulator"), "the simulator runs")

    def _write_settings(self) -> None:
        port = self._lines[f"line of {AGGREGATOR}"].port
        self._settings.write_text(
            f'federation = "{FEDERATION}"\ndata = "{self.folder}"\ndatabase_url = "{self.home.url}"\n'
            f"[mqtt]\nport = {port}\n[web]\nport = {self.stack.web_port}\n{self.home.settings}",
            encoding="utf-8",
        )
        (self.folder / "mosquitto.conf").write_text(
            f"listener {self.stack.mqtt_port} 127.0.0.1\nallow_anonymous true\nuser root\npersistence true\n"
            f"persistence_location {self.folder}/\nautosave_interval 2\n"
        )

    def begin(self, fault: Fault) -> None:
        """Let a fault happen."""
        if fault.kind not in (KILL, KILL_BARE):
            for target in fault.targets:
                self._lines[target].become(fault.kind)
            return
        for target in fault.targets:
            self._kill(target)
        if fault.kind == KILL_BARE:
            (self.folder / "mosquitto.db").unlink(missing_ok=True)

    def end(self, fault: Fault) -> None:
        """Let a fault be over."""
        for target in fault.targets:
            if target in LINES:
                self._lines[target].become(OPEN)
            elif target in self.home.names:
                self.home.give_back(target)
            else:
                self._launch(target)

    def look_after(self) -> None:
        """Start again what ended by itself, after a moment."""
        for name, process in list(self._running.items()):
            if process.poll() is not None:
                del self._running[name]
                self._dead_since_ms[name] = _now_ms()
                said = self.stack.log(name).splitlines()
                self.ended.append(f"{name} ended with {process.returncode}: {said[-1] if said else ''}")
                self._again[name] = time.monotonic() + AGAIN_S
        for name, at in list(self._again.items()):
            if time.monotonic() >= at:
                self._launch(name)

    def settle(self) -> None:
        """Wait until all that works again, then end the agents in order, until they have delivered all."""
        self.home.settle()
        end = time.monotonic() + SETTLE_S
        while not self._delivered():
            if time.monotonic() > end:
                return  # the judge will tell what is missing
            for agent in AGENTS:
                self._launch(agent)
            self._wait_until_stored(end)
        self.stack.end("simulator")

    def _wait_until_stored(self, end: float) -> None:
        """Give the agents time to be connected and to deliver."""
        calm = time.monotonic() + 10
        while time.monotonic() < min(end, calm):
            self.look_after()
            time.sleep(0.2)

    def _delivered(self) -> bool:
        """End the agents as a person would; tell whether both have delivered everything."""
        self._wait_until_ready()
        told = []
        for agent in AGENTS:
            process = self._running.pop(agent)
            process.terminate()
            told.append((agent, process))
        codes = [process.wait(120) for _, process in told]
        self._dead_since_ms |= dict.fromkeys(AGENTS, _now_ms())
        said = [self.stack.log(agent).splitlines()[-1:] for agent, _ in told]
        return codes == [0, 0] and all("everything is delivered" in "".join(last) for last in said)

    def _wait_until_ready(self) -> None:
        def ready() -> bool:
            self.look_after()
            return not self._again and self.stack.ready()

        wait_until(ready, "the aggregator is ready again", SETTLE_S)
        self._wait_until_stored(time.monotonic() + 10)

    def appended(self, factory: str) -> Sequence[Record]:
        """Return every record that the factory's agent ever appended; which must have ended."""
        return witness.appended(self.data(factory))

    def dead(self, factory: str) -> Sequence[Span]:
        """Return when the factory's agent was dead between two lives, from `wait` to the next start."""
        return self._dead[f"agent-{factory}"]

    def data(self, factory: str) -> Path:
        """Return where the factory's outbox lies."""
        return self.folder / "agents" / factory

    def _config(self, factory: str) -> Path:
        return self.folder / f"{factory}.toml"

    def _kill(self, target: str) -> None:
        self._again.pop(target, None)
        if target in self.home.names:
            self.home.take_away(target)
        elif (process := self._running.pop(target, None)) is not None:
            process.kill()
            process.wait()
            self._dead_since_ms[target] = _now_ms()

    def _launch(self, name: str) -> None:
        self._again.pop(name, None)
        if name not in self._running:
            if name in self._dead_since_ms:
                self._dead[name].append((self._dead_since_ms.pop(name), _now_ms()))
            self._running[name] = self.stack.start(name, self._command(name))

    def _command(self, name: str) -> Sequence[str | Path]:
        if name == BROKER:
            return ("/usr/sbin/mosquitto", "-c", self.folder / "mosquitto.conf")
        if name == AGGREGATOR:
            return (*SERVE, "serve", "--config", self._settings)
        return (*AGENT, "run", "--config", self._config(name.removeprefix("agent-")))


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


@contextlib.contextmanager
def world(folder: Path, store: str) -> Iterator[World]:
    """Give a world that is not started; whatever happens, nothing of it is left running."""
    with ExitStack() as ends:
        home = HOMES[store](folder)
        ends.callback(home.remove)
        stack = Stack(folder, FEDERATION)
        wires = ends.enter_context(lines(LINES, stack.mqtt_port))
        ends.callback(stack.end_all)
        yield World(folder, home, wires, stack)
