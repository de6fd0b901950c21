"""A backup of a running aggregator under load, restored: what is in it counts once, and delivery goes on."""

import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from sqlalchemy import text

from agent.contract import records as wire
from aggregator.__main__ import main
from aggregator.model.machine import MachineKey
from aggregator.model.window import Window
from aggregator.store.audit import Audit, verify
from aggregator.store.database import open_engine, reading, writing
from aggregator.store.embedded import Embedded
from aggregator.store.records import Records
from aggregator.store.timeseries import StoreError
from tests.agent.brokers import running
from tests.aggregator.ingest.delivery import Delivery, expected
from tests.aggregator.ingest.edge import Edge
from tests.aggregator.ingest.messages import FEDERATION
from tests.aggregator.serving import Serve
from tests.stack import AGENT

MILL = MachineKey("aoki", "mc-01")
PRESS = MachineKey("sakura", "pr-01")
ROWS = 20_000
BACKUP_AT = 8_000
MINUTE_MS = 60_000
DAYS = 20
AGENT_TOML = """
federation = "{federation}"
factory = "sakura"
name = "さくらプレス"
data = "{data}"
[mqtt]
host = "127.0.0.1"
port = {port}
[[machines]]
id = "pr-01"
name = "プレス"
process = "pressing"
driver = "replay"
otherwise = "IDLE"
[machines.replay]
file = "{log}"
[machines.replay.signals]
execution = "execution"
[[machines.rules]]
state = "RUNNING"
when = {{ execution = "ACTIVE" }}
"""


class Town:
    """A broker, `machikoba serve` with its database in `folder`, and a folder for backups."""

    def __init__(self, folder: Path, mqtt_port: int) -> None:
        self.mqtt_port = mqtt_port
        self.folder = folder / "data"
        self.folder.mkdir()
        self.serve = Serve(self.folder, mqtt_port)
        self.flags = ("--federation", FEDERATION, "--data", str(self.folder))

    def backup(self) -> Path:
        out = self.folder.with_name("out")
        assert main(["backup", "--out", str(out), *self.flags]) == 0
        return max(out.glob("machikoba-*"))

    def restore(self, file: Path) -> None:
        assert main(["restore", str(file), "--replace", *self.flags]) == 0

    def stored(self, key: MachineKey, epoch: str) -> tuple[list[Window], int]:
        """The windows of a machine, and how far its outbox counts as stored."""
        engine = open_engine(f"sqlite:///{self.folder}/machikoba.db")
        try:
            windows = Embedded(engine).windows(key, 0, 10**13)
            return list(windows), Records(engine).stored_through(key.factory, epoch)
        finally:
            engine.dispose()


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    with running("mosquitto", tmp_path) as broker:
        town = Town(tmp_path, broker.port)
        town.serve.start()
        try:
            yield town
        finally:
            town.serve.kill()


def counts(windows: Sequence[Window | wire.Window]) -> list[tuple[int, tuple[int, ...], int | None]]:
    return [(window.start_ms, tuple(window.state_ms), window.cycles) for window in windows]


def test_after_a_restore_only_what_was_forgotten_since_is_missing_and_the_log_says_how_much(
    town: Town,
) -> None:
    files: list[Path] = []

    def back_up_in_mid_stream(sent: int) -> None:
        if sent >= BACKUP_AT and not files:
            files.append(town.backup())

    with Edge(town.mqtt_port) as edge:
        delivery = Delivery(edge, ROWS)
        delivery.run(back_up_in_mid_stream)  # all the while somebody listens and stores
        forgotten = delivery.announced
        assert town.serve.stop() == 0
        town.restore(files[0])
        before, kept = town.stored(MILL, "epoch-1")
        assert 0 < kept <= len(before) < ROWS
        assert counts(before) == counts(expected(len(before)))
        town.serve.start()
        more = Delivery(edge, ROWS + 1_000)
        more.announced = forgotten
        more.run()
    assert town.serve.stop() == 0
    after, through = town.stored(MILL, "epoch-1")
    all_of_them = expected(ROWS + 1_000)
    assert counts(after) == counts(all_of_them[: len(before)] + all_of_them[ROWS:])
    assert through == ROWS + 1_000
    lost = (
        f"factory aoki: {ROWS - kept:d} records of outbox epoch-1 are neither here nor at the agent any more"
    )
    assert lost in town.serve.log.read_text()


def replay(town: Town, data: Path) -> "subprocess.Popen[bytes]":
    """Start a real agent that replays twenty days of a press."""
    data.mkdir()
    log, config = data / "log.csv", data / "agent.toml"
    lines = ["at,key,value"]
    for hour in range(DAYS * 24):
        at = f"2026-03-{1 + hour // 24:02d}T{hour % 24:02d}"
        lines += [f"{at}:00:00Z,execution,ACTIVE", f"{at}:40:00Z,execution,READY"]
    log.write_text("\n".join(lines) + "\n")
    config.write_text(
        AGENT_TOML.format(federation=FEDERATION, data=data / "outbox", port=town.mqtt_port, log=log)
    )
    with (data / "agent.log").open("wb") as output:
        return subprocess.Popen([*AGENT, "run", "--config", str(config)], stdout=output, stderr=output)


def test_a_restored_aggregator_counts_what_a_real_agent_sends_again_once(town: Town, tmp_path: Path) -> None:
    first = replay(town, tmp_path / "first")
    assert first.wait(120) == 0, (tmp_path / "first" / "agent.log").read_text()
    whole, _ = town.stored(PRESS, "")
    file = town.backup()  # while it serves
    assert town.serve.stop() == 0
    town.restore(file)
    town.serve.start()
    again = replay(town, tmp_path / "again")
    assert again.wait(120) == 0, (tmp_path / "again" / "agent.log").read_text()
    assert town.serve.stop() == 0
    windows, _ = town.stored(PRESS, "")
    assert counts(windows) == counts(whole)
    spent_ms = [sum(window.state_ms[state] for window in windows) for state in range(6)]
    assert spent_ms[0] == DAYS * 24 * 40 * MINUTE_MS


def test_a_postgresql_that_is_served_comes_back_with_its_audit_log_whole_and_held(
    tmp_path: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MACHIKOBA_DATABASE_URL", postgres_url)
    engine = open_engine(postgres_url)
    with running("mosquitto", tmp_path) as broker:
        town = Town(tmp_path, broker.port)
        town.serve.start()
        try:
            with Edge(town.mqtt_port) as edge:
                Delivery(edge, 500).run()
            for number in range(1, 4):
                Audit(engine).add(number, "kenta", "approved", f"2026-{number:04}-p1", {"reason": "納期"})
            file = town.backup()  # while it serves
            Audit(engine).add(4, "kenta", "approved", "2026-0004-p1", {})
            with writing(engine) as connection:  # what the town has of its own in this database stays
                connection.execute(text("CREATE FUNCTION machikoba_report() RETURNS int RETURN 7"))
            engine.dispose()
            assert main(["restore", str(file), "--replace", *town.flags]) == 1
            assert re.search(
                r"is in use by others \(\d+\); stop machikoba serve first\n$", capsys.readouterr().err
            )
            assert town.serve.stop() == 0
            town.restore(file)
        finally:
            town.serve.kill()
    with reading(engine) as connection:
        assert verify(connection) == (3, [])
        assert connection.scalar(text("SELECT machikoba_report()")) == 7
    for change in ("UPDATE audit SET who = 'x'", "DELETE FROM audit", "TRUNCATE audit"):
        with pytest.raises(StoreError, match="the audit log only grows"), writing(engine) as connection:
            connection.execute(text(change))
    Audit(engine).add(5, "kenta", "rejected", "2026-0005-p1", {})
    assert len(Embedded(engine).windows(MILL, 0, 10**13)) == 500
    engine.dispose()
    assert main(["db", "verify", *town.flags]) == 0


def test_the_commands_say_how_they_are_used() -> None:
    for command in ("backup", "restore"):
        done = subprocess.run(
            [sys.executable, "-m", "aggregator", command, "--help"],
            capture_output=True,
            text=True,
            check=True,
        )
        assert "example" in done.stdout
