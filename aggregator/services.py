"""What pages and API work with: one value, built by `app.py`, found at `request.app.state.services`."""

from dataclasses import dataclass

from aggregator.config import Config
from aggregator.live import Board
from aggregator.status import Status
from aggregator.store.records import Records
from aggregator.store.timeseries import TimeSeries


@dataclass(frozen=True, slots=True)
class Services:
    """`records.engine` is the database that other stores of records (people, …) are built on."""

    config: Config
    timeseries: TimeSeries
    records: Records
    board: Board
    status: Status
