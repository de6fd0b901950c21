"""What a machine's minute costs on the disk of each home, and how long a backup of it takes.

`python -m tests.bench.sizes [DAYS]` stores so many days (14) of ten machines' minutes, each with other times
and counts, in SQLite, PostgreSQL and InfluxDB 1.6 (Debian's, behind the tests' adapter), and prints bytes and
seconds.
"""

import os
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from sqlalchemy import text

from aggregator.__main__ import main as machikoba
from aggregator.model.machine import MachineKey
from aggregator.model.window import Window
from aggregator.store.database import open_engine, reading, writing
from aggregator.store.embedded import Embedded
from aggregator.store.influx.influx import Influx
from aggregator.store.influx.server import Server
from aggregator.store.migration import migrate
from aggregator.store.timeseries import TimeSeries
from tests.influx_engine import influx_engine
from tests.postgres import Postgres

MACHINES = 10
DAY = 1_440
MINUTE_MS = 60_000
START_MS = 1_793_458_800_000  # 2026-11-01 in Tokyo
AT_ONCE = 2_000
SETTLED_S = 20
_SOON = {
    "INFLUXDB_DATA_CACHE_SNAPSHOT_WRITE_COLD_DURATION": "2s",
    "INFLUXDB_DATA_COMPACT_FULL_WRITE_COLD_DURATION": "4s",
}


def windows(days: int) -> Iterator[list[Window]]:
    """Give the minutes of all machines in batches: two states in each, counts of their own."""
    chance = random.Random(7)
    totals = [0] * MACHINES
    batch: list[Window] = []
    for minute in range(days * DAY):
        for machine in range(MACHINES):
            spent, cycles = [0] * 6, chance.randrange(12)
            spent[0] = chance.randrange(MINUTE_MS)
            spent[chance.randrange(1, 6)] = MINUTE_MS - spent[0]
            totals[machine] += cycles
            key = MachineKey(f"factory-{machine % 5}", f"mc-{machine:02}")
            running, setup, idle, down, planned, offline = spent
            state_ms = (running, setup, idle, down, planned, offline)
            start_ms = START_MS + minute * MINUTE_MS
            scrap = int(cycles > 10)
            batch.append(
                Window(key, start_ms, MINUTE_MS, state_ms, cycles, cycles - scrap, scrap, totals[machine])
            )
        if len(batch) >= AT_ONCE:
            yield batch
            batch = []
    yield batch


def main(days: int) -> None:
    """Measure each home once."""
    with tempfile.TemporaryDirectory() as name:
        sqlite(Path(name), days)
    postgresql(days)
    with tempfile.TemporaryDirectory() as name:
        influx(Path(name), days)


def sqlite(folder: Path, days: int) -> None:
    """Measure the file, and a backup and restore of it."""
    url = f"sqlite:///{folder}/machikoba.db"
    engine = open_engine(url)
    migrate(engine)
    before = _folded(url, folder)
    took_s = _load(Embedded(engine), days)
    engine.dispose()
    _tell("SQLite", days, _folded(url, folder) - before, took_s)
    flags = ("--federation", "a", "--data", str(folder))
    saved_s = _timed(lambda: machikoba(["backup", "--out", str(folder / "out"), *flags]))
    (file,) = (folder / "out").glob("*.tar.gz")
    new = ("--federation", "a", "--data", str(folder / "new"))
    restored_s = _timed(lambda: machikoba(["restore", str(file), *new]))
    share = file.stat().st_size / (days * DAY * MACHINES)
    print(
        f"  its backup: {share:.0f} bytes a minute; {saved_s:.1f} s to write, {restored_s:.1f} s to restore"
    )


def postgresql(days: int) -> None:
    """Measure the tables with their indexes, after VACUUM."""
    server = Postgres()
    try:
        server.create()
        server.start()
        engine = open_engine(server.new())
        migrate(engine)
        size = text("SELECT pg_database_size(current_database())")
        with reading(engine) as connection:
            before = int(connection.scalar(size) or 0)
        took_s = _load(Embedded(engine), days)
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE"))
            _tell("PostgreSQL 15", days, int(connection.scalar(size) or 0) - before, took_s)
        engine.dispose()
    finally:
        server.remove()


def influx(folder: Path, days: int) -> None:
    """Measure the engine's files once it has compacted them; hours and states by minute are in them, too."""
    os.environ.update(_SOON)
    with influx_engine(folder) as engine:
        server = Server(engine.place)
        took_s = _load(Influx(server, "machikoba", 36_500), days)
        server.close()
        sizes = [0.0, 1.0]
        while len(set(sizes[-SETTLED_S:])) > 1:
            time.sleep(1)
            files = [file for place in ("data", "wal") for file in (folder / place).rglob("*")]
            sizes.append(sum(file.stat().st_blocks * 512 for file in files if file.is_file()))
        size = int(sizes[-1])
    _tell("InfluxDB 1.6", days, size, took_s)


def _load(home: TimeSeries, days: int) -> float:
    def load() -> None:
        for batch in windows(days):
            home.write(batch, [])

    return _timed(load)


def _folded(url: str, folder: Path) -> int:
    """Return the size of SQLite's file with its log folded in."""
    engine = open_engine(url)
    with writing(engine) as connection:
        connection.execute(text("SELECT 1"))
    engine.dispose()
    return sum(file.stat().st_size for file in folder.glob("machikoba.db*"))


def _timed(do: Callable[[], object]) -> float:
    began = time.monotonic()
    do()
    return time.monotonic() - began


def _tell(home: str, days: int, size: int, took_s: float) -> None:
    count = days * DAY * MACHINES
    year_mb = size / count * DAY * 365 / 1e6
    print(
        f"{home}: {count:,} minutes, {size / count:.0f} bytes a minute, {year_mb:.0f} MB a machine and year; "
        f"{count / took_s:,.0f} a second",
        flush=True,
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 14)
