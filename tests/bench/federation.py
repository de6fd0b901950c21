"""How fast a large federation's capacity is recomputed, and read through the API: part of `make bench`.

100 factories x 10 machines over six processes, 26 weeks of measured days, twelve weeks ahead. The days lie in
a real SQLite store; the API is asked of `machikoba serve` as a process of its own.
"""

import asyncio
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import httpx
from sqlalchemy import Engine

from aggregator.access.session import issue_token
from aggregator.capacity.calendar import open_spans
from aggregator.capacity.local_time import local_day, moment_ms
from aggregator.capacity.time_elements import gap_ms
from aggregator.clock import now_ms
from aggregator.config import PROCESSES, Config
from aggregator.day_survey import basis_of
from aggregator.model.calendar import Break, Calendar, Shift
from aggregator.model.capacity import MachineDay
from aggregator.model.factory_profile import Declared, FactoryProfile
from aggregator.model.machine import Factory, Machine, MachineKey
from aggregator.model.user import Role, User
from aggregator.services import Services, make_services
from aggregator.store.database import open_engine
from aggregator.store.embedded import Embedded
from aggregator.store.machine_days import MachineDays, MeasuredDay
from aggregator.store.migration import migrate
from aggregator.store.people import People
from aggregator.store.records import Records
from tests.aggregator.ingest.messages import FEDERATION
from tests.aggregator.serving import Serve
from tests.stack import NO_TLS, free_port, wait_until

FACTORIES, MACHINES, WEEKS_BACK = 100, 10, 26
REQUESTS = 200
RECOMPUTED_S, READ_MS = 2.0, 100.0
CALENDAR = Calendar((Shift(frozenset(range(5)), 8 * 60, 17 * 60, (Break(12 * 60, 13 * 60),)),))
ZONE = Config(federation=FEDERATION).zone


class Row(NamedTuple):
    """One measured thing; `limit` None is told without a promise."""

    name: str
    value: float
    unit: str
    limit: float | None = None

    @property
    def kept(self) -> bool:
        """Tell whether the promise is kept."""
        return self.limit is None or self.value <= self.limit


def found_federation(engine: Engine, today: date) -> None:
    """Store factories, machines, calendars and their measured days."""
    records, days, chance = Records(engine), MachineDays(engine), random.Random(7)
    processes = list(PROCESSES)
    services = make_services(Config(federation=FEDERATION), Embedded(engine), records)
    for number in range(FACTORIES):
        factory = f"f-{number:03}"
        machines = [
            Machine(MachineKey(factory, f"m-{at}"), f"{at}号機", processes[(number + at) % 6], "measured")
            for at in range(MACHINES)
        ]
        records.remember([Factory(factory, f"工場{number}")], machines)
        profile = FactoryProfile(factory, CALENDAR, 0.05, declared=(Declared("cutting", 30.0),))
        services.profiles.save(profile, 0, "bench", now_ms())
        load = chance.uniform(0.3, 0.9)
        days.save([day for machine in machines for day in _days(machine.key, load, today, chance)])


def _days(key: MachineKey, load: float, today: date, chance: random.Random) -> Iterator[MeasuredDay]:
    """Give days that look measured: with the digest of a day of the calendar without windows."""
    for back in range(7 * WEEKS_BACK, 0, -1):
        day = today - timedelta(days=back)
        pbt_ms, basis = _planned(day)
        busy_ms = round(pbt_ms * min(max(chance.gauss(load, 0.15), 0), 1))
        elements = MachineDay(key, day, pbt_ms, busy_ms, 0, 0, pbt_ms - busy_ms, 0)
        yield MeasuredDay(elements, 0, basis)


@cache
def _planned(day: date) -> tuple[int, int]:
    """Return a machine's planned time on the day, in ms, and the digest of a day without windows."""
    start_ms, end_ms = (moment_ms(day + timedelta(days=later), 0, ZONE) for later in (0, 1))
    spans = tuple(span[:2] for span in open_spans(CALENDAR, "m-0", start_ms, end_ms, ZONE))
    return sum(end - start for start, end in spans), basis_of(end_ms, gap_ms(None), spans, None)


def recomputation(services: Services) -> list[Row]:
    """Time the whole recomputation: with nothing kept from before, and with what changed since."""

    async def time_it() -> list[tuple[float, float]]:
        took = []
        for refresh in (services.days.refresh, services.spare.refresh, services.spare.refresh):
            began, core_began = time.perf_counter(), time.process_time()
            await refresh()
            took.append((time.perf_counter() - began, time.process_time() - core_began))
        return took

    (loaded_s, _), (whole_s, whole_core_s), (again_s, again_core_s) = asyncio.run(time_it())
    return [
        Row("days of 26 weeks read from the store", loaded_s, "s"),
        Row("whole federation recomputed, of one core", whole_core_s, "s", RECOMPUTED_S),
        Row("  by the clock on the wall", whole_s, "s"),
        Row("again a minute later, of one core", again_core_s, "s", RECOMPUTED_S),
        Row("  by the clock on the wall", again_s, "s"),
        Row("cells told", len(services.spare.cells()), ""),
    ]


def reading(url: str, token: str) -> list[Row]:
    """Ask the API again and again; the percentiles of each question."""
    questions: dict[str, dict[str, Any]] = {
        "every process": {"by": "process"},
        "one process, by factory": {"process": "cutting"},
        "one factory": {"factory": "f-042"},
        "every factory": {},
    }
    rows = []
    with httpx.Client(
        base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=60, verify=NO_TLS
    ) as client:
        for name, query in questions.items():
            took = [_asked_ms(client, query) for _ in range(REQUESTS)]
            p95 = statistics.quantiles(took, n=20)[-1]
            rows.append(Row(f"API, {name}: p50", statistics.median(took), "ms"))
            rows.append(Row(f"API, {name}: p95", p95, "ms", READ_MS))
    return rows


def _asked_ms(client: httpx.Client, query: dict[str, Any]) -> float:
    began = time.perf_counter()
    answer = client.get("/api/v1/capacity", params=query)
    took_ms = (time.perf_counter() - began) * 1000
    assert answer.status_code == 200, answer.text
    assert answer.json()["rows"]
    return took_ms


@contextmanager
def serving(folder: Path, token: str) -> Iterator[str]:
    """Serve the folder's database; gives the address once every cell is told."""
    serve = Serve(folder, free_port())
    serve.start()
    try:
        address = f"{serve.url}/api/v1/capacity?by=process"
        bearer = {"Authorization": f"Bearer {token}"}

        def rows() -> object:
            return httpx.get(address, headers=bearer, timeout=60, verify=NO_TLS).json()["rows"]

        wait_until(rows, "spare hours are there")
        yield serve.url
    finally:
        serve.stop()


def main() -> int:
    """Print the table; returns 1 when a promise is broken."""
    with tempfile.TemporaryDirectory() as name:
        config = Config(federation=FEDERATION, data=Path(name))
        engine = open_engine(config.database_url)
        migrate(engine)
        people, user = People(engine), User("bench", Role.COORDINATOR)
        people.add_user(user, "no password", now_ms())
        token = issue_token(people, user, now_ms(), None)
        print(
            f"{FACTORIES} factories x {MACHINES} machines, {WEEKS_BACK} weeks of days: building …", flush=True
        )
        found_federation(engine, local_day(now_ms(), config.zone))
        rows = recomputation(make_services(config, Embedded(engine), Records(engine)))
        engine.dispose()
        with serving(Path(name), token) as url:
            rows += reading(url, token)
    for row in rows:
        promise = (
            ""
            if row.limit is None
            else f"at most {row.limit:g} {row.unit}: {'kept' if row.kept else 'BROKEN'}"
        )
        print(f"{row.name:42} {row.value:10,.3f} {row.unit:3} {promise}")
    return 0 if all(row.kept for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
