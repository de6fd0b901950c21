"""Turns order drafts into proposals, and decisions about them into steps, jobs and committed capacity."""

from collections.abc import Callable
from zoneinfo import ZoneInfo

from aggregator.spare import SpareHours
from aggregator.store.orders import Orders
from aggregator.store.profiles import Profiles
from aggregator.store.records import Records


class Planning:
    """`now` gives UTC milliseconds."""

    def __init__(
        self,
        *,
        spare: SpareHours,
        records: Records,
        profiles: Profiles,
        orders: Orders,
        zone: ZoneInfo,
        now: Callable[[], int],
    ) -> None:
        self._spare = spare
        self._records = records
        self._profiles = profiles
        self._orders = orders
        self._zone = zone
        self._now = now
