"""What pages and API work with: one value, built by `app.py`, found at `request.app.state.services`."""

from collections.abc import Callable
from dataclasses import dataclass

from aggregator.clock import now_ms
from aggregator.config import Config
from aggregator.live import Board
from aggregator.measurements import Measurements
from aggregator.status import Status
from aggregator.store.records import Records
from aggregator.store.timeseries import TimeSeries


@dataclass(frozen=True, slots=True)
class Services:
    """`records.engine` is the database that other stores of records (people, …) are built on.

    `now` gives UTC milliseconds.
    """

    config: Config
    timeseries: TimeSeries
    records: Records
    board: Board
    status: Status
    measurements: Measurements
    now: Callable[[], int] = now_ms
