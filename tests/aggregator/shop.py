"""A factory with a calendar and a store of its own, for tests of what is made of windows and calendar."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlalchemy import Engine

from agent.contract.records import MINUTE_MS
from aggregator.config import Config
from aggregator.homes import results_of
from aggregator.measured_days import MeasuredDays
from aggregator.model.calendar import Break, Calendar, Shift
from aggregator.model.machine import MachineKey
from aggregator.model.window import Window
from aggregator.services import Services, make_services
from aggregator.store.embedded import Embedded
from aggregator.store.machine_days import MachineDays
from aggregator.store.records import Records
from aggregator.store.timeseries import TimeSeries
from tests.aggregator.capacity.floors import LETTERS, all_of
from tests.aggregator.new_database import new_database

KEY, OTHER = MachineKey("aoki", "mc-01"), MachineKey("aoki", "mc-02")
TODAY = date(2026, 11, 24)  # a Tuesday
WEEKDAYS = frozenset(range(5))
DAY_SHIFT = Calendar((Shift(WEEKDAYS, 480, 1020, (Break(720, 780),)),), works_on_holidays=True)
"""Monday to Friday, 8 to 17, lunch at 12: eight hours."""


@dataclass
class Clock:
    now_ms: int

    def __call__(self) -> int:
        return self.now_ms


@dataclass
class Shop:
    """The services on one database, and the clock they go by."""

    services: Services
    clock: Clock
    zone: ZoneInfo

    @property
    def days(self) -> MeasuredDays:
        return self.services.days

    def at(self, hour: float, days_ago: int = 0) -> int:
        """Return a local time of day, in UTC ms."""
        midnight = datetime.combine(TODAY - timedelta(days=days_ago), time(), self.zone)
        wall = midnight + timedelta(minutes=round(hour * 60))
        return round(wall.timestamp() * 1000)

    def write(self, windows: Sequence[Window]) -> None:
        self.services.timeseries.write(windows, [])

    def work(self, text: str, hour: float, days_ago: int = 0, key: MachineKey = KEY, job: str = "") -> None:
        """Store a window a letter (see `capacity.floors`), one minute each, from `hour` on."""
        self.write(self.windows(text, hour, days_ago, key, job))

    def windows(
        self, text: str, hour: float, days_ago: int = 0, key: MachineKey = KEY, job: str = ""
    ) -> list[Window]:
        start_ms = self.at(hour, days_ago)
        return [
            Window(
                key, start_ms + n * MINUTE_MS, MINUTE_MS, all_of(LETTERS[letter]), int(letter == "R"), job=job
            )
            for n, letter in enumerate(text)
            if letter != "."
        ]

    def set_calendar(self, calendar: Calendar | None, factory: str = KEY.factory) -> None:
        profiles = self.services.profiles
        profile = profiles.get(factory)
        profiles.save(replace(profile, calendar=calendar), profile.revision, "tests", self.clock())

    def anew(self) -> MeasuredDays:
        """Return measured days on the same database that have not run yet: what is there after a restart."""
        services = self.services
        return MeasuredDays(
            timeseries=services.timeseries,
            days=MachineDays(services.records.engine),
            records=services.records,
            profiles=services.profiles,
            board=services.board,
            zone=self.zone,
            now=self.clock,
            results=results_of(services.timeseries),
        )


def open_shop(
    folder: Path,
    zone: str = "Asia/Tokyo",
    calendar: Calendar | None = DAY_SHIFT,
    hour: float = 18.0,
    *,
    home: TimeSeries | None = None,
    engine: Engine | None = None,
) -> Shop:
    """Open a shop in `folder`, its clock at that hour of TODAY, its home the database or `home`."""
    config = Config(federation="higashimachi", federation_name="東町", data=folder, time_zone=zone)
    engine = engine or new_database(folder / "machikoba.db")
    clock = Clock(0)
    shop = Shop(make_services(config, home or Embedded(engine), Records(engine), clock), clock, config.zone)
    clock.now_ms = shop.at(hour)
    if calendar is not None:
        shop.set_calendar(calendar)
    return shop
