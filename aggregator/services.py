"""What pages and API work with: one value, built by `app.py`, found at `request.app.state.services`."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from zoneinfo import ZoneInfo

from aggregator.alerting.alerting import Alerting
from aggregator.alerting.delivery import targets_of
from aggregator.alerting.rule import Rule
from aggregator.clock import now_ms
from aggregator.config import Config
from aggregator.homes import results_of
from aggregator.live import Board
from aggregator.measured_days import MeasuredDays
from aggregator.measurements import Measurements
from aggregator.order_arrivals import OrderArrivals
from aggregator.order_book import OrderBook
from aggregator.order_counts import Counts
from aggregator.order_lessons import FinishedOrders
from aggregator.order_repairs import Repairs
from aggregator.order_supplies import Supplies
from aggregator.planning.planning import Planning
from aggregator.spare import SpareHours
from aggregator.status import Status
from aggregator.store.alerts import Alerts
from aggregator.store.arrivals import Arrivals
from aggregator.store.audit import Audit
from aggregator.store.band_days import BandDays
from aggregator.store.consents import ConsentStore
from aggregator.store.links import Links
from aggregator.store.machine_days import MachineDays
from aggregator.store.orders import Orders
from aggregator.store.profiles import Profiles
from aggregator.store.records import Records
from aggregator.store.timeseries import TimeSeries
from aggregator.store.work import Ledgers
from aggregator.told_bands import ToldBands
from aggregator.work.moving import Mover
from aggregator.work.work import Work, cycles_since


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
    profiles: Profiles
    days: MeasuredDays
    spare: SpareHours
    orders: Orders
    planning: Planning
    order_book: OrderBook
    work: Work
    links: Links
    audit: Audit
    alerts: Alerting
    consents: ConsentStore
    bands: ToldBands
    now: Callable[[], int] = now_ms


def make_services(
    config: Config, timeseries: TimeSeries, records: Records, now: Callable[[], int] = now_ms
) -> Services:
    """Return the services of a database whose tables are there; nothing runs yet."""
    engine, zone = records.engine, config.zone
    board = Board()
    profiles, orders, consents = Profiles(engine), Orders(engine), ConsentStore(engine)
    days = MeasuredDays(
        timeseries=timeseries, days=MachineDays(engine), records=records,
        profiles=profiles, board=board, zone=zone, now=now, results=results_of(timeseries)
    )  # fmt: skip
    ledgers = Ledgers(engine)
    spare = SpareHours(
        days=days, records=records, profiles=profiles, orders=orders, ledgers=ledgers, zone=zone, now=now
    )
    order_book = make_order_book(
        timeseries, days, orders, ledgers,
        arrivals=Arrivals(engine), spare=spare, profiles=profiles, board=board, zone=zone, now=now
    )  # fmt: skip
    work = Work(
        ledgers=ledgers,
        records=records,
        timeseries=timeseries,
        mover=Mover(spare, zone),
        totals=days.jobs,
        live_cycles=partial(cycles_since, board, timeseries),
        now=now,
    )
    work.on_change(order_book.nudge)
    return Services(
        config=config,
        timeseries=timeseries,
        records=records,
        board=board,
        status=Status(),
        measurements=Measurements(timeseries, records.machines, board, zone, now),
        profiles=profiles,
        days=days,
        spare=spare,
        orders=orders,
        planning=Planning(spare=spare, records=records, profiles=profiles, orders=orders, zone=zone, now=now),
        order_book=order_book,
        work=work,
        links=Links(engine),
        audit=Audit(engine),
        alerts=make_alerting(config, Alerts(engine), now),
        consents=consents,
        bands=make_bands(config, spare, days, consents, store=BandDays(engine), now=now),
        now=now,
    )


def make_order_book(
    timeseries: TimeSeries,
    days: MeasuredDays,
    orders: Orders,
    ledgers: Ledgers,
    *,
    arrivals: Arrivals,
    spare: SpareHours,
    profiles: Profiles,
    board: Board,
    zone: ZoneInfo,
    now: Callable[[], int],
) -> OrderBook:
    """Return what keeps the progress of open orders."""
    finished = FinishedOrders(
        orders=orders, ledgers=ledgers, arrivals=arrivals, days=days, zone=zone, now=now
    )
    supplies = Supplies(
        spare, profiles, days, finished=finished, repairs=Repairs(timeseries, now), board=board, zone=zone
    )
    return OrderBook(
        orders=orders,
        ledgers=ledgers,
        arrivals=OrderArrivals(arrivals, supplies.arrive, zone),
        counts=Counts(timeseries, days, zone, now),
        days=days,
        board=board,
        zone=zone,
        now=now,
    )


def make_bands(
    config: Config,
    spare: SpareHours,
    days: MeasuredDays,
    consents: ConsentStore,
    *,
    store: BandDays,
    now: Callable[[], int],
) -> ToldBands:
    """Return what factories are told of each other's spare hours."""
    return ToldBands(
        spare=spare,
        days=days,
        consents=consents,
        store=store,
        processes=config.processes,
        zone=config.zone,
        now=now,
    )


def make_alerting(config: Config, store: Alerts, now: Callable[[], int]) -> Alerting:
    """Return what watches orders, by the settings."""
    settings = config.alerts
    rule = Rule(settings.raise_at, settings.clear_at, round(settings.for_s * 1000))
    return Alerting(store=store, rule=rule, targets=targets_of(settings), now=now)
