"""What the store says of a machine: windows in, the figures that pages and API show out.

Nothing here calls a clock: `now_ms` is passed in.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from agent.contract.states import INDEX, State, utilization
from aggregator.live import LiveMachine
from aggregator.model.machine import MachineKey
from aggregator.model.window import StateMs, Totals, Window
from aggregator.store.timeseries import TimeSeries

MINUTE_MS = 60_000
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


@dataclass(frozen=True, slots=True)
class Measured:
    """One machine's figures as stored at `at_ms` (UTC ms); None is unknown.

    `hour` sums the last 60 whole minutes, of which `windows` holds the windows. `cycles_today` counts from
    local midnight, `cycles_yesterday` from the midnight before to the same time of day; of a machine that
    tells those of shared jobs only (not `tells_cycles`), both are unknown.
    """

    at_ms: int
    windows: tuple[Window, ...] = ()
    hour: Totals | None = None
    cycles_today: int | None = None
    cycles_yesterday: int | None = None
    newest: Window | None = None
    tells_cycles: bool = True

    @property
    def utilization(self) -> float | None:
        """Utilization of the last hour, 0 to 1."""
        return None if self.hour is None else utilization(self.hour.state_ms)

    @property
    def coverage(self) -> float:
        """Share (0 to 1) of the last hour in which the machine's state is known."""
        return 0.0 if self.hour is None else min(1.0, known_ms(self.hour.state_ms) / HOUR_MS)


def measure(
    timeseries: TimeSeries,
    keys: Collection[MachineKey],
    now_ms: int,
    zone: ZoneInfo,
    untold: Collection[MachineKey] = (),
) -> dict[MachineKey, Measured]:
    """Return every machine's figures; `untold` are those that do not tell all cycles.

    Blocks on the store, raises StoreError.
    """
    newest = timeseries.latest(keys)  # read first: what is stored meanwhile is counted once, by the sums
    today_ms, yesterday_ms, same_time_ms = day_marks(now_ms, zone)
    today = timeseries.totals(keys, today_ms, now_ms)
    yesterday = timeseries.totals(keys, yesterday_ms, same_time_ms)
    found = {}
    for key in keys:
        windows = tuple(timeseries.windows(key, hour_start(now_ms), now_ms))
        told = key not in untold
        found[key] = Measured(
            now_ms,
            windows,
            add_up(windows),
            _cycles(today.get(key), told),
            _cycles(yesterday.get(key), told),
            newest.get(key),
            told,
        )
    return found


def _cycles(totals: Totals | None, told: bool) -> int | None:
    return totals.cycles if totals and told else None


def hour_start(now_ms: int) -> int:
    """Return where the last 60 whole minutes begin."""
    return now_ms - now_ms % MINUTE_MS - HOUR_MS


def day_marks(now_ms: int, zone: ZoneInfo) -> tuple[int, int, int]:
    """Return this local midnight, the one before, and yesterday at the same time of day (UTC ms)."""
    now = datetime.fromtimestamp(now_ms / 1000, UTC).astimezone(zone)
    midnight = datetime.combine(now.date(), time(), zone)
    before = datetime.combine(now.date() - timedelta(days=1), time(), zone)
    same_time = datetime.combine(before.date(), now.time(), zone)
    return tuple(int(moment.timestamp() * 1000) for moment in (midnight, before, same_time))  # type: ignore[return-value]


def cycles_today(measured: Measured, live: LiveMachine, zone: ZoneInfo) -> int | None:
    """Return today's cycles: what is stored, and what the agent has counted since its newest window."""
    newest = measured.newest
    if (
        not measured.tells_cycles
        or newest is None
        or newest.cycles_total is None
        or live.cycles_total is None
    ):
        return measured.cycles_today
    since_stored = live.cycles_total - newest.cycles_total
    whole_since_midnight = newest.start_ms + newest.length_ms >= day_marks(measured.at_ms, zone)[0]
    if since_stored < 0 or not whole_since_midnight:
        return measured.cycles_today
    return (measured.cycles_today or 0) + since_stored


def known_ms(state_ms: StateMs) -> int:
    """Return the milliseconds in which the state was known."""
    return sum(state_ms) - state_ms[INDEX[State.OFFLINE]]


def add_state_ms(many: Iterable[StateMs]) -> StateMs:
    """Return the sum, state by state."""
    sums = [0, 0, 0, 0, 0, 0]
    for state_ms in many:
        for index, length_ms in enumerate(state_ms):
            sums[index] += length_ms
    running, setup, idle, down, planned_stop, offline = sums
    return running, setup, idle, down, planned_stop, offline


def add_up(windows: Collection[Window]) -> Totals | None:
    """Return one machine's totals over the windows; None without any."""
    if not windows:
        return None
    first = next(iter(windows))
    good = [window.good for window in windows if window.good is not None]
    scrap = [window.scrap for window in windows if window.scrap is not None]
    return Totals(
        first.key,
        min(window.start_ms for window in windows),
        max(window.start_ms + window.length_ms for window in windows),
        add_state_ms(window.state_ms for window in windows),
        sum(window.cycles for window in windows),
        sum(good) if good else None,
        sum(scrap) if scrap else None,
    )


@dataclass(frozen=True, slots=True)
class Load:
    """How busy a group of machines was over a range; `state_ms` sums their windows.

    `cycles` is None when no window tells, or one of the machines does not tell all of its own;
    `machine_ms` is the length of the range times the machines.
    """

    machines: int
    state_ms: StateMs
    cycles: int | None
    machine_ms: int

    @property
    def utilization(self) -> float | None:
        """Utilization, 0 to 1; None when nothing is known."""
        return utilization(self.state_ms)

    @property
    def coverage(self) -> float:
        """Share (0 to 1) of the machines' time in which their state is known."""
        return min(1.0, known_ms(self.state_ms) / self.machine_ms) if self.machine_ms else 0.0


def load_of(
    machines: int, totals: Collection[Totals], length_ms: int, untold: Collection[MachineKey] = ()
) -> Load:
    """Return the load of a group of so many machines over a range of `length_ms`, from its totals.

    `untold` are machines that do not tell all of their cycles.
    """
    told = bool(totals) and not any(each.key in untold for each in totals)
    return Load(
        machines,
        add_state_ms(each.state_ms for each in totals),
        sum(each.cycles for each in totals) if told else None,
        machines * length_ms,
    )
