"""One simulated press, its agent, a broker and an aggregator: jobs, breakdowns and kills in, sums out.

Whatever has to be exact is done while the press stands, so no cycle is near the moment, however slow the
computer is: the press breaks down through the simulator's control file until that is over.
"""

import json
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

import httpx

from aggregator.model.job import Job
from aggregator.model.match import Basis, Decision, Match
from aggregator.model.order import DraftStep, OrderDraft
from aggregator.model.proposal import Proposal
from aggregator.store.database import open_engine
from aggregator.store.orders import Orders
from tests.stack import AGENT, AGGREGATOR, NO_TLS, Stack, free_port, wait_until
from tests.system.truth import Life, read_truth

SCENARIO = """
federation = "test"
seed = 3
time_zone = "Asia/Tokyo"
anchor = {anchor}
[[factories]]
id = "south"
name = "南工場"
modbus_port = {port}
load = 1.0
shifts = [{{ days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], start = "00:00", end = "24:00" }}]
[[machines]]
factory = "south"
id = "pr-01"
name = "プレス"
kind = "press"
counter_bits = 32
[machines.rhythm]
cycle_s = 0.7
batch = 100000
setup_s = 1
scrap_rate = 0.2
mtbf_s = 0
starve_every_s = 0
stop_every_s = 0
[machines.agent]  # a simulator that had to wait for the computer catches up as fast as it can
cycles = {{ counter = "parts", bits = 32, min_cycle_s = 0.001 }}
scrap = {{ counter = "rejects", bits = 32, min_cycle_s = 0.001 }}
"""
PRESS = ("south", "pr-01")
PATIENCE_S = 120.0
STANDS_S = 9.0
AGAIN_S = 2.0
"""The press is commanded so often to stand on: the simulator may be late by most of `STANDS_S`."""


class Sums(NamedTuple):
    """Good pieces and scrap."""

    good: int
    scrap: int


class Press:
    """`stack` is its broker and aggregator; the agent is started by `start_agent`."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self._truth = stack.folder / "truth.jsonl"
        self._control = stack.folder / "control.jsonl"
        self._agents = stack.folder / "agents"
        scenario = stack.folder / "scenario.toml"
        anchor = (datetime.now(UTC) - timedelta(minutes=5)).isoformat(timespec="seconds")
        scenario.write_text(SCENARIO.format(port=free_port(), anchor=anchor), encoding="utf-8")
        simulate = (*AGENT, "simulate", "--scenario", scenario)
        mqtt = ("--mqtt", f"127.0.0.1:{stack.mqtt_port}")
        written = stack.start("agents", (*simulate, "--write-agents", self._agents, *mqtt))
        assert written.wait(PATIENCE_S) == 0, stack.log("agents")
        stack.start("simulator", (*simulate, "--ground-truth", self._truth, "--control", self._control))
        wait_until(lambda: "are running" in stack.log("simulator"), "the simulator runs", PATIENCE_S)

    def start_agent(self) -> None:
        """Let the agent follow the press from now on."""
        self.stack.start("agent", (*AGENT, "run", "--config", self._agents / "south.toml"))

    @property
    def life(self) -> Life:
        """What the press really did until now."""
        return read_truth(self._truth)[PRESS]

    def made(self, since_ms: int, until_ms: int) -> Sums:
        """Return what the press really made in this time."""
        life = self.life
        cycles = sum(since_ms <= at_ms < until_ms for at_ms in life.cycles)
        scrap = sum(since_ms <= at_ms < until_ms for at_ms in life.scrapped)
        return Sums(cycles - scrap, scrap)

    def works_for(self, cycles: int) -> None:
        """Wait until it made so many more."""
        before = len(self.life.cycles)
        wait_until(lambda: len(self.life.cycles) >= before + cycles, "the press works", PATIENCE_S)

    @contextmanager
    def standing(self) -> Iterator[None]:
        """Keep the press broken down meanwhile, and some seconds longer."""
        over = threading.Event()
        keeper = threading.Thread(target=self._keep_down, args=(over,))
        keeper.start()
        try:
            wait_until(lambda: self.life.changes[-1][1] == "DOWN", "the press stands", PATIENCE_S)
            total = self.life.totals[-1]
            yield
            assert self.life.totals[-1] == total, "the simulator was too slow: the press went on"
        finally:
            over.set()
            keeper.join()

    def _keep_down(self, over: threading.Event) -> None:
        command = {"machine": "/".join(PRESS), "breakdown_s": STANDS_S}
        while not over.is_set():
            with self._control.open("a", encoding="utf-8") as file:
                file.write(json.dumps(command) + "\n")
            over.wait(AGAIN_S)

    def seen_standing(self) -> None:
        """Wait until the aggregator knows that it stands, and all that it made before."""
        total = self.life.totals[-1]
        wait_until(
            lambda: any(
                each["connected"] and each["state"] == "DOWN" and each["cycles_total"] == total
                for each in self._machines()
            ),
            "the aggregator sees the press stand",
            PATIENCE_S,
        )

    def shows(self, job: str) -> None:
        """Wait until the press shows this job ("" for none)."""
        wait_until(
            lambda: any(each["connected"] and (each["job"] or "") == job for each in self._machines()),
            f"the press shows job {job!r}",
            PATIENCE_S,
        )

    def _machines(self) -> list[dict[str, Any]]:
        found: Any = self.stack.get("machines")["machines"]
        return list(found)

    def approve(self) -> str:
        """Enter an approved order beside the running aggregator; return its job."""
        engine = open_engine(f"sqlite:///{self.stack.folder / 'machikoba.db'}")
        orders, decision = Orders(engine), Decision("coordinator", now_ms())
        step = DraftStep("press", "pressing", 0.7)
        draft = OrderDraft("大手精機", "板金", 5_000, date(2030, 1, 1), (step,))
        match = orders.propose(draft, Proposal((), (), "0"), Basis(0), decision, 2026)

        def jobs(found: Match, _open: Sequence[Job]) -> list[Job]:
            job = Job("", found.order, "press", "south", "pressing", 5_000, 60, 1, frozenset({"pr-01"}), ())
            return [replace(job, id=f"{found.order}-1a")]

        orders.approve(match.id, decision, jobs)
        engine.dispose()
        return f"{match.order}-1a"

    def post(self, path: str, **body: object) -> None:
        """Enter something as the coordinator."""
        headers = {"Authorization": f"Bearer {self.stack.token}"}
        url = f"{self.stack.url}/api/v1/{path}"
        answer = httpx.post(url, json=body, headers=headers, timeout=60, verify=NO_TLS)
        assert answer.status_code < 300, answer.text

    def sums(self, job: str) -> Sums:
        """Return what the API says of the job."""
        rows: Any = self.stack.get("jobs")["jobs"]
        (found,) = [each for each in rows if each["job"] == job]
        assert found["reported"] == 0
        return Sums(found["good"], found["scrap"] or 0)

    def settled(self, job: str, expected: Sums) -> Sums:
        """Return what the API says of the job, once it is what is expected or does not become it."""
        end = time.monotonic() + PATIENCE_S / 2
        while (found := self.sums(job)) != expected and time.monotonic() < end:
            time.sleep(0.2)
        return found

    def kill_aggregator(self) -> None:
        """End it at once, wherever it stands, and start it again."""
        self.stack.end("aggregator", signal.SIGKILL)
        settings = self.stack.folder / "machikoba.toml"
        self.stack.start("aggregator", (*AGGREGATOR, "serve", "--config", settings))
        wait_until(self.stack.ready, "the aggregator is ready again", PATIENCE_S)


def now_ms() -> int:
    """Return UTC milliseconds."""
    return time.time_ns() // 1_000_000
