"""The aggregator was away for two weeks: all that waits comes, once, although it is killed meanwhile."""

import signal
import sqlite3
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agent.contract.records import MINUTE_MS, Record, StateChange, Window
from agent.contract.states import State
from agent.outbox import open_outbox
from aggregator.model.machine import MachineKey
from aggregator.store.database import open_engine
from aggregator.store.embedded import Embedded
from tests.agent.brokers import running
from tests.agent.configs import MACHINE, MODBUS, document, written
from tests.aggregator.ingest.messages import FEDERATION
from tests.aggregator.serving import Serve
from tests.chaos import witness
from tests.chaos.campaign import stored_of
from tests.chaos.judge import Verdict, judge
from tests.stack import AGENT, free_port, wait_until

MACHINES = ("pr-01", "pr-02", "pr-03")
MINUTES = 14 * 24 * 60
CHANGES_EVERY = 30
KILLED_AT = 8_000
PATIENCE_S = 240.0


def two_weeks(until_ms: int) -> Iterator[list[Record]]:
    """Give the records of each day."""
    since_ms = until_ms - MINUTES * MINUTE_MS
    for day in range(14):
        yield [
            record
            for minute in range(day * 1_440, (day + 1) * 1_440)
            for machine in MACHINES
            for record in _minute(machine, since_ms, minute)
        ]


def _minute(machine: str, since_ms: int, minute: int) -> Iterator[Record]:
    start_ms, idle_ms = since_ms + minute * MINUTE_MS, minute % 60 * 1_000
    if minute % CHANGES_EVERY == 0:
        yield StateChange(machine, start_ms, State.RUNNING if minute % 60 else State.IDLE)
    states = (MINUTE_MS - idle_ms, 0, idle_ms, 0, 0, 0)
    yield Window(machine, start_ms, MINUTE_MS, states, minute % 7, minute % 7, 0, _total(minute))


def _total(minute: int) -> int:
    """Return the cycles made until the end of that minute."""
    weeks, rest = divmod(minute, 7)
    return weeks * 21 + rest * (rest + 1) // 2


@contextmanager
def agent(path: Path, log: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """Run the agent, whose machines do not answer."""
    with log.open("ab") as output:
        process = subprocess.Popen([*AGENT, "run", "--config", path], stdout=output, stderr=output)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def rows(path: Path) -> int:
    """Return how many windows are stored; none before there are tables."""
    with closing(sqlite3.connect(path, timeout=60)) as connection:
        tables = connection.execute("SELECT name FROM sqlite_master WHERE name = 'windows'").fetchall()
        if not tables:
            return 0
        found: int = connection.execute("SELECT count(*) FROM windows").fetchone()[0]
    return found


@pytest.mark.timeout(900)
def test_after_two_weeks_without_an_aggregator_every_minute_is_stored_once(tmp_path: Path) -> None:
    data, database, log = tmp_path / "agent", tmp_path / "machikoba.db", tmp_path / "agent.log"
    until_ms = time.time_ns() // 1_000_000 // MINUTE_MS * MINUTE_MS
    witness.begin(data)
    outbox = open_outbox(data)
    for day in two_weeks(until_ms):
        outbox.append(day, {})
    outbox.close()
    with running("mosquitto", tmp_path) as broker:
        path = written(tmp_path / "agent.toml", settings(data, broker.port, until_ms))
        serve = Serve(tmp_path, broker.port)
        try:
            with agent(path, log) as process:
                serve.start()
                wait_until(lambda: rows(database) >= KILLED_AT, "some of it is stored", PATIENCE_S)
                serve.kill()
                stored_before = rows(database)
                serve.start()
                wait_until(lambda: rows(database) >= MINUTES * len(MACHINES), "all is stored", PATIENCE_S)
                process.send_signal(signal.SIGTERM)
                assert process.wait(60) == 0
        finally:
            serve.kill()
    assert KILLED_AT <= stored_before < MINUTES * len(MACHINES), "it was killed in the midst of it"
    verdict = judged(witness.appended(data), f"sqlite:///{database}")
    assert verdict.wrong == []
    assert (verdict.lost, verdict.doubled) == (0, 0)
    assert verdict.expected >= (MINUTES + MINUTES // CHANGES_EVERY) * len(MACHINES)
    assert verdict.cycles == _total(MINUTES - 1) * len(MACHINES)


def settings(data: Path, port: int, since_ms: int) -> dict[str, object]:
    """Return the agent's document: nobody answers at its machines' port, and nothing is merged."""
    table = {**MACHINE, "modbus": {**MODBUS, "port": free_port()}}
    machines = [{**table, "id": machine} for machine in MACHINES]
    line = {"host": "127.0.0.1", "port": port}
    return document(
        *machines,
        federation=FEDERATION,
        data=str(data),
        mqtt=line,
        wait_for_clock_h=0,
        measured_since=datetime.fromtimestamp(since_ms / 1000, UTC),
        delivery={"timeout_s": 3.0},
        outbox={"age_days": 30},
    )


def judged(appended: Sequence[Record], url: str) -> Verdict:
    """Compare what was appended with the store."""
    engine, verdict = open_engine(url), Verdict()
    for machine in MACHINES:
        own = [record for record in appended if record.machine == machine]
        stored = stored_of(Embedded(engine), MachineKey("fujimi", machine))
        verdict.add(judge(machine, own, stored))
    engine.dispose()
    return verdict
