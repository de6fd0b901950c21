"""Keeps the spare hours of every factory, process and week ready, and tells who listens when they change."""

from collections.abc import Callable
from zoneinfo import ZoneInfo

from aggregator.measured_days import MeasuredDays
from aggregator.store.orders import Orders
from aggregator.store.profiles import Profiles
from aggregator.store.records import Records


class SpareHours:
    """`now` gives UTC milliseconds."""

    def __init__(
        self,
        *,
        days: MeasuredDays,
        records: Records,
        profiles: Profiles,
        orders: Orders,
        zone: ZoneInfo,
        now: Callable[[], int],
    ) -> None:
        self._days = days
        self._records = records
        self._profiles = profiles
        self._orders = orders
        self._zone = zone
        self._now = now

    async def run(self) -> None:
        """Follow what is measured until cancelled."""
