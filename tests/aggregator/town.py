"""A seeded town for tests of pages and API: six factories, some days of windows, a board that is live.

Everything is deterministic; the clock stands at `NOW_MS` unless a test moves it.
"""

import asyncio
import random
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

import uvicorn
from fastapi import FastAPI

from agent.contract.states import STATES, State
from aggregator.access.passwords import hash_password
from aggregator.access.session import issue_token, open_session
from aggregator.config import Config
from aggregator.faces import create_faces
from aggregator.live import LiveMachine
from aggregator.model.machine import Factory, Machine, MachineKey
from aggregator.model.user import Role, User
from aggregator.model.window import StateChange, StateMs, Window
from aggregator.services import Services, make_services
from aggregator.status import Status
from aggregator.store.embedded import Embedded
from aggregator.store.people import People
from aggregator.store.records import Records
from tests.aggregator.new_database import Kept, new_database, url_of
from tests.stack import free_port, wait_until

ZONE = ZoneInfo("Asia/Tokyo")
NOW_MS = int(datetime(2026, 11, 24, 14, 5, 30, tzinfo=ZONE).timestamp() * 1000)
MINUTE_MS = 60_000
PASSWORD = "tests-only-町工場"

FACTORIES = {
    "aoki": ("青木精機", "cutting", "mc", "マシニングセンタ {}号機", 4),
    "fujimi": ("富士見プレス", "pressing", "pr", "プレス {}号機", 4),
    "sakura": ("さくら鍍金", "surface_treatment", "pl", "めっきライン {}", 3),
    "higashi": ("ひがし計測", "inspection", "in", "三次元測定機 {}", 3),
    "hinode": ("日の出組立", "assembly", "as", "組立セル {}", 3),
    "minato": ("みなと梱包", "shipping", "sh", "梱包機 {}", 3),
}
# What the machines do at NOW_MS, and for how many seconds, over and over.
NOW_STATES = (
    (State.RUNNING, 200),
    (State.RUNNING, 4_000),
    (State.SETUP, 900),
    (State.RUNNING, 65),
    (State.IDLE, 420),
    (State.DOWN, 4_800),
    (State.RUNNING, 30),
)
SILENT = "minato"


@dataclass
class Town:
    """The services, and how to sign in: everyone's password is `PASSWORD`."""

    services: Services
    tokens: dict[str, str]

    def session(self, name: str = "coordinator") -> str:
        """Return the secret of a new session: what the cookie holds after someone signed in."""
        people = People(self.services.records.engine)
        user = people.user(name)
        assert user is not None
        return open_session(people, user, self.services.now())

    @property
    def app(self) -> FastAPI:
        """A new application on these services."""
        return create_faces(self.services.config, self._lifespan)

    @asynccontextmanager
    async def _lifespan(self, app: FastAPI) -> AsyncIterator[None]:
        app.state.services = self.services
        await self.services.measurements.refresh()
        task = asyncio.create_task(self.services.measurements.run())
        try:
            yield
        finally:
            task.cancel()


def machines(per_factory: int | None = None) -> list[Machine]:
    """Return the town's machines."""
    return [
        Machine(MachineKey(id_, f"{prefix}-{number:02}"), name.format(number), process, "measured")
        for id_, (_, process, prefix, name, count) in FACTORIES.items()
        for number in range(1, (per_factory or count) + 1)
    ]


def found_town(
    folder: Path,
    days: float = 2.0,
    now: Callable[[], int] = lambda: NOW_MS,
    per_factory: int | None = None,
    settled: bool = True,
) -> Town:
    """Build the town's database in `folder`; not `settled`, it has people but no factories yet."""
    database, tokens = _with_people()
    engine = (_with_history(days, per_factory) if settled else database).copied(folder / "machikoba.db")
    config = Config(
        federation="higashimachi", federation_name="東町", data=folder, database_url=url_of(engine)
    )
    services = make_services(config, Embedded(engine), Records(engine), now)
    if settled:
        for index, machine in enumerate(machines(per_factory)):
            services.board.update(live_machine(machine.key, index))
    status = Status(broker_connected=True, last_stored_ms=NOW_MS - 4_000, last_announced_ms=NOW_MS - 4_000)
    services = replace(services, status=status)
    return Town(services, tokens)


@cache
def _with_people() -> tuple[Kept, dict[str, str]]:
    """Return a migrated database with people in it, made once because hashing is slow, and their tokens."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "people.db"
        engine = new_database(path)
        tokens = _people(People(engine))
        return Kept(engine, path), tokens


@cache
def _with_history(days: float, per_factory: int | None) -> Kept:
    """Return that database with factories, machines and their windows in it."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "history.db"
        engine = _with_people()[0].copied(path)
        timeseries, all_machines = Embedded(engine), machines(per_factory)
        Records(engine).remember([Factory(id_, words[0]) for id_, words in FACTORIES.items()], all_machines)
        for index, machine in enumerate(all_machines):
            write_history(timeseries, machine.key, index, days)
        return Kept(engine, path)


def _people(people: People) -> dict[str, str]:
    password_hash = hash_password(PASSWORD)
    users = [User("coordinator", Role.COORDINATOR)]
    users += [User(id_, Role.FACTORY, id_) for id_ in FACTORIES]
    for user in users:
        people.add_user(user, password_hash, NOW_MS)
    return {user.name: issue_token(people, user, NOW_MS, NOW_MS + 10**10) for user in users}


def live_machine(key: MachineKey, index: int) -> LiveMachine:
    """Return what the machine does at NOW_MS."""
    state, for_s = NOW_STATES[index % len(NOW_STATES)]
    heard_ms = NOW_MS - (index % 5) * 1_000 - 300
    total = 180_000 + index
    if key.factory == SILENT:
        return LiveMachine(key, State.OFFLINE, NOW_MS - 720_000, total, heard_ms=NOW_MS - 722_000)
    job = "J-1024" if index % 3 == 0 else ""
    return LiveMachine(key, state, NOW_MS - for_s * 1_000, total, 0.7, job, heard_ms, connected=True)


def write_history(timeseries: Embedded, key: MachineKey, index: int, days: float) -> None:
    """Store windows of every minute up to NOW_MS, and the state changes between them."""
    end_ms = NOW_MS // MINUTE_MS * MINUTE_MS
    windows = list(_windows(key, index, int(end_ms - days * 86_400_000) // MINUTE_MS * MINUTE_MS, end_ms))
    changes = []
    before: State | None = None
    for window in windows:
        state = STATES[max(range(6), key=window.state_ms.__getitem__)]
        if state is not before:
            changes.append(StateChange(key, window.start_ms, state, window.job))
            before = state
    timeseries.write(windows, changes)


def _windows(key: MachineKey, index: int, start_ms: int, end_ms: int) -> Iterator[Window]:
    """Work from 8 to 17 with a break at 12; total counts end at what `live_machine` says."""
    chance = random.Random(index)
    load = 0.35 + 0.1 * (index * 7 % 6)
    state, left = State.IDLE, 0
    minutes = []
    for at_ms in range(start_ms, end_ms, MINUTE_MS):
        hour = datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(ZONE).hour
        if left <= 0:
            state, left = _next(chance, load, hour)
        left -= 1
        if not 8 <= hour < 17 and state is not State.PLANNED_STOP:
            state, left = State.PLANNED_STOP, 0
        if key.factory == SILENT and end_ms - at_ms <= 720_000:
            state = State.OFFLINE
        minutes.append((at_ms, state, chance.randrange(3, 6) if state is State.RUNNING else 0))
    total = 180_000 + index - sum(cycles for _, _, cycles in minutes)
    for at_ms, state, cycles in minutes:
        total += cycles
        yield Window(key, at_ms, MINUTE_MS, _spent(state), cycles, cycles, 0, total, "")


def _next(chance: random.Random, load: float, hour: int) -> tuple[State, int]:
    if not 8 <= hour < 17:
        return State.PLANNED_STOP, 30
    if hour == 12:
        return State.IDLE, chance.randrange(5, 20)
    if chance.random() < load:
        return State.RUNNING, chance.randrange(5, 40)
    return chance.choices(
        [(State.SETUP, 8), (State.IDLE, 12), (State.DOWN, 6), (State.OFFLINE, 3)], [4, 5, 1, 0.3]
    )[0]


def _spent(state: State) -> StateMs:
    spent = [0] * 6
    spent[STATES.index(state)] = MINUTE_MS
    if state is State.RUNNING:
        spent[0], spent[2] = 51_000, 9_000
    running, setup, idle, down, planned_stop, offline = spent
    return running, setup, idle, down, planned_stop, offline


def ticking(start_ms: int = NOW_MS) -> Callable[[], int]:
    """Return a clock that starts at `start_ms` now and goes on."""
    began = time.monotonic()
    return lambda: start_ms + int((time.monotonic() - began) * 1000)


@contextmanager
def served(
    town: Town, port: int | None = None
) -> Iterator[tuple[str, Callable[[Callable[[], object]], None]]]:
    """Serve the town on loopback, on a free port unless told; gives its address, and `run` into its loop."""
    port = port or free_port()
    server = uvicorn.Server(
        uvicorn.Config(town.app, port=port, log_level="warning", timeout_graceful_shutdown=2)
    )
    loops: list[asyncio.AbstractEventLoop] = []

    def serve() -> None:
        with asyncio.Runner() as runner:
            loops.append(runner.get_loop())
            runner.run(server.serve())

    def run(call: Callable[[], object]) -> None:
        loops[0].call_soon_threadsafe(call)

    thread = threading.Thread(target=serve, name="town")
    thread.start()
    try:
        wait_until(lambda: server.started or not thread.is_alive(), "the town is served")
        yield f"http://127.0.0.1:{port}", run
    finally:
        run(town.services.board.close)
        server.should_exit = True
        thread.join()
