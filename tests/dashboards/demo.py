"""Demo data for dashboards: the busy town, measured and reckoned, and written back to a real InfluxDB."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx

from agent.contract.records import HOUR_MS, MINUTE_MS
from agent.contract.states import State
from aggregator.app import recorder_of
from aggregator.live import LiveAgent
from aggregator.measured_days import MeasuredDays
from aggregator.model.machine import MachineKey
from aggregator.model.window import Window
from aggregator.services import Services
from aggregator.store.influx.influx import Influx
from aggregator.store.machine_days import MachineDays
from tests.aggregator.busy_town import TOWN, found_busy_town, whole, windows_of
from tests.aggregator.faces import bearer
from tests.aggregator.town import NOW_MS, served
from tests.dashboards.database import Database, asking
from tests.influx_engine import InfluxEngine
from tests.stack import NO_TLS

DAY_MS = 24 * HOUR_MS
SINCE_MS = NOW_MS // HOUR_MS * HOUR_MS - 2 * DAY_MS
"""From here on every window lies in InfluxDB."""
UNTIL_MS = NOW_MS // MINUTE_MS * MINUTE_MS
KEY = MachineKey("aoki", "m-1")
"""Of this machine two weeks lie there, and this hour minute by minute."""
FORMER_MS = SINCE_MS - 14 * DAY_MS


@dataclass(frozen=True, eq=False)
class Demo:
    """A database that is asked as Grafana does, and the API beside it."""

    services: Services
    api: httpx.Client
    database: Database
    bucket: str

    def get(self, path: str, **params: Any) -> Any:
        """Return an answer of the API, as the coordinator sees it."""
        answer = self.api.get(f"/api/v1/{path}", params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()


def open_demo(engine: InfluxEngine, home: Influx, folder: Path) -> Iterator[Demo]:
    """Build the town and write it back; its clock stands."""
    town = found_busy_town(folder)
    services = town.services
    extra = list(_this_hour())
    services.timeseries.write(extra, [])
    stored = [each for id_, one in TOWN.items() for each in windows_of(id_, one)]
    recent = [each for each in stored if each.start_ms >= (SINCE_MS if each.key != KEY else FORMER_MS)]
    home.write([*recent, *extra], [])
    asyncio.run(_written_back(services, home))
    with (
        served(town) as (url, _),
        httpx.Client(base_url=url, headers=bearer(town), timeout=60, verify=NO_TLS) as api,
        asking(engine) as database,
    ):
        yield Demo(services, api, database, home.bucket)


async def _written_back(services: Services, home: Influx) -> None:
    await services.days.refresh()
    await services.spare.refresh()
    await services.order_book.refresh()
    days = MeasuredDays(
        timeseries=services.timeseries,
        days=MachineDays(services.records.engine),
        records=services.records,
        profiles=services.profiles,
        board=services.board,
        zone=services.config.zone,
        now=services.now,
        results=home.results,
    )
    await days.refresh()
    services.board.update_agent(LiveAgent("aoki", True, NOW_MS, "1.0", 41, False, 3, 27_000_000, 99))
    services.board.update_agent(LiveAgent("fujimi", True, NOW_MS, "1.0", 0, True, 0, 25_000_000, 9_000))
    services.board.update_agent(LiveAgent("sakura", True, NOW_MS, outbox_records=7))
    services.board.agent_left("sakura")
    await recorder_of(replace(services, timeseries=home)).turn(home.results)


def _this_hour() -> Iterator[Window]:
    """Give one machine's minutes since the full hour: setup, down, then a job and its pieces."""
    for number, state in enumerate((State.SETUP, State.DOWN, State.DOWN, State.RUNNING, State.RUNNING)):
        running = state is State.RUNNING
        at_ms = NOW_MS // HOUR_MS * HOUR_MS + number * MINUTE_MS
        made = 2 if running else 0
        yield Window(
            KEY, at_ms, MINUTE_MS, whole(state, MINUTE_MS), made, made if running else None,
            1 if running else None, None, "J-1" if running else "",
        )  # fmt: skip
