"""The town of the story: four factories of quick, steady machines in, everything around them running out.

One factory can do the first step, two the second, one the last. It is noon there whenever the test runs, for
the federation has the time zone for it. The two close within the hour, and for six days from tomorrow on; so
what they do not make today comes a week later.
"""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from aggregator.access.passwords import hash_password
from aggregator.config import Config
from aggregator.model.calendar import Calendar, Closure, Shift
from aggregator.model.factory_profile import Abilities, FactoryProfile
from aggregator.model.user import Role, User
from aggregator.store.database import open_engine
from aggregator.store.people import People
from aggregator.store.profiles import Profiles
from tests.aggregator.alerting.receiving import Receiver, receiving
from tests.stack import AGENT, AGGREGATOR, PASSWORD, Stack, free_port, wait_until

FEDERATION = "story"
SECRET = b"story-secret"
HISTORY_DAYS = 16
OPEN_MIN = 58
"""So long the factories of the second step are open yet."""
CLOSED_DAYS = 6
EVERY_DAY = '[{ days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], start = "00:00", end = "24:00" }]'


@dataclass(frozen=True)
class Maker:
    """A factory with one machine, which makes `pieces` in each cycle of `cycle_s`."""

    id: str
    name: str
    machine: str
    kind: str
    process: str
    port: str
    cycle_s: float
    pieces: int = 1


MAKERS = (
    Maker("higashi", "東プレス", "pr-01", "press", "pressing", "opcua_port", 0.8),
    Maker("kita", "北精機", "mc-01", "machining_centre", "cutting", "opcua_port", 2.0),
    Maker("minami", "南製作所", "mc-11", "machining_centre", "cutting", "modbus_port", 2.0),
    Maker("nishi", "西梱包", "sh-01", "packing", "shipping", "modbus_port", 0.8, 2),
)
PLAIN = {"batch": 100_000, "setup_s": 0, "mtbf_s": 0, "starve_every_s": 0, "stop_every_s": 0}
"""A machine that does nothing but cycles."""


def noon_zone(now: datetime) -> str:
    """Return the time zone in which it is past twelve, but not past one."""
    offset = 12 - now.astimezone(UTC).hour
    return f"Etc/GMT{-offset:+d}" if offset else "Etc/GMT"


@dataclass
class StoryTown:
    """The running parts; `receiver` gets the alerts, and agents measure `since` then."""

    stack: Stack
    receiver: Receiver
    zone: str
    since: str

    @property
    def today(self) -> date:
        return datetime.now(ZoneInfo(self.zone)).date()

    @property
    def truth(self) -> Path:
        return self.stack.folder / "truth.jsonl"

    def break_machine(self, maker: Maker) -> None:
        """Let the machine break down, for sixteen hours."""
        with (self.stack.folder / "control.jsonl").open("a", encoding="utf-8") as control:
            control.write(
                json.dumps({"machine": f"{maker.id}/{maker.machine}", "breakdown_s": 57_600}) + "\n"
            )


@contextmanager
def story_town(folder: Path) -> Iterator[StoryTown]:
    """Give the town once its machines run and its spare hours are known."""
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    zone = noon_zone(now)
    receiver = Receiver()
    stack = Stack(folder, FEDERATION)
    with receiving(receiver) as url:
        town = StoryTown(stack, receiver, zone, now.isoformat())
        try:
            stack.start_broker()
            _prepare(town, now)
            _enter(town)
            _start_machines(town, now)
            stack.start_aggregator(zone=zone, tables=_alerts(folder, url))
            wait_until(lambda: _known(stack), "machines run and hours are known", 300)
            yield town
        finally:
            stack.end_all()


def _alerts(folder: Path, url: str) -> str:
    secret = folder / "secret"
    secret.write_bytes(SECRET)
    return f'[alerts]\nfor_s = 2\n[alerts.webhook]\nurl = "{url}/alerts"\nsecret_file = "{secret}"\n'


def _prepare(town: StoryTown, now: datetime) -> None:
    """Load sixteen days in which the machines had work for a third of the time."""
    folder = town.stack.folder
    past, anchor = folder / "past.toml", now - timedelta(days=1)
    past.write_text(_scenario(town.zone, anchor, 0.35, past=True), encoding="utf-8")
    (folder / "scenario.toml").write_text(_scenario(town.zone, now, 1.0), encoding="utf-8")
    simulate = (
        *AGENT,
        "simulate",
        "--scenario",
        past,
        "--history-days",
        HISTORY_DAYS,
        "--until",
        now.isoformat(),
    )
    lines = folder / "history.jsonl"
    with lines.open("wb") as out:
        subprocess.run([*map(str, simulate)], stdout=out, check=True)
    load = (*AGGREGATOR, "db", "load", str(lines), "--federation", FEDERATION, "--data", str(folder))
    subprocess.run(load, check=True, capture_output=True)


def _scenario(zone: str, anchor: datetime, load: float, *, past: bool = False) -> str:
    lines = [
        f'federation = "{FEDERATION}"',
        "seed = 1",
        f'time_zone = "{zone}"',
        f"anchor = {anchor.isoformat()}",
    ]
    for maker in MAKERS:
        lines += ["[[factories]]", f'id = "{maker.id}"', f'name = "{maker.name}"']
        lines += [f"{maker.port} = {free_port()}", f"load = {load}", f"shifts = {EVERY_DAY}"]
    for maker in MAKERS:
        lines += [
            "[[machines]]",
            f'id = "{maker.machine}"',
            f'factory = "{maker.id}"',
            f'kind = "{maker.kind}"',
        ]
        lines += [f"pieces_per_cycle = {maker.pieces}", "counts_scrap = true", "[machines.rhythm]"]
        rhythm = {"cycle_s": 60, "mtbf_s": 0} if past else {"cycle_s": maker.cycle_s, **PLAIN}
        lines += [f"{name} = {value}" for name, value in rhythm.items()]
        lines += ["cycle_spread = 0.05", "scrap_rate = 0.05"]
    return "\n".join(lines) + "\n"


def _enter(town: StoryTown) -> None:
    """Enter what the factories say of themselves, and let their people sign in."""
    engine = open_engine(Config(federation=FEDERATION, data=town.stack.folder).database_url)
    now_ms = round(datetime.now(UTC).timestamp() * 1000)
    password = hash_password(PASSWORD)
    for maker in MAKERS:
        profile = FactoryProfile(maker.id, _calendar(town, maker), 0.05, {maker.machine: Abilities()})
        Profiles(engine).save(profile, 0, "story", now_ms)
        People(engine).add_user(User(maker.id, Role.FACTORY, maker.id), password, now_ms)
    engine.dispose()


def _calendar(town: StoryTown, maker: Maker) -> Calendar:
    days = frozenset(range(7))
    if maker.process != "cutting":
        return Calendar((Shift(days, 0, 1_440),), works_on_holidays=True)
    local = datetime.now(ZoneInfo(town.zone))
    shift = Shift(days, 6 * 60, local.hour * 60 + local.minute + OPEN_MIN)
    closure = Closure(town.today + timedelta(days=1), town.today + timedelta(days=CLOSED_DAYS), "定期点検")
    return Calendar((shift,), works_on_holidays=True, closures=(closure,))


def _start_machines(town: StoryTown, since: datetime) -> None:
    stack, folder = town.stack, town.stack.folder
    simulate = (*AGENT, "simulate", "--scenario", folder / "scenario.toml")
    mqtt = f"127.0.0.1:{stack.mqtt_port}"
    write = ("--write-agents", folder / "agents", "--mqtt", mqtt, "--measured-since", since.isoformat())
    configure = stack.start("configure", (*simulate, *write))
    assert configure.wait(180) == 0, stack.log("configure")
    stack.start("simulator", (*simulate, "--ground-truth", town.truth, "--control", folder / "control.jsonl"))
    for config in sorted((folder / "agents").glob("*.toml")):
        stack.start(f"agent-{config.stem}", (*AGENT, "run", "--config", config))


def _known(stack: Stack) -> bool:
    machines = stack.get("machines")["machines"]
    assert isinstance(machines, list)
    running = [each for each in machines if each["state"] == "RUNNING"]
    rows = stack.get("capacity", by="factory", weeks=1)["rows"]
    assert isinstance(rows, list)
    return len(running) == len(MAKERS) and [bool(row["spare"]) for row in rows] == [True] * len(MAKERS)
