"""One factory's machines of one process, simulated order by order: what its machines do on every day.

Orders come in, wait for their material, and are worked off first come, first served, each on one machine at
a time. A planner spreads what waits over the days until it is due, as far as the machines allow; what remains
of the day is idle. Machines break down, and lose small amounts of time. Nothing here knows of the forecast.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import takewhile

import numpy as np
from numpy.typing import NDArray

Hours = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Order:
    """Work of so many machine hours that can begin on the day `ready` (0 is the first day)."""

    ready: int
    hours: float


@dataclass(frozen=True, slots=True)
class Shop:
    """`open_h[day]` is the planned time of one machine; breakdowns are a machine's per year, in working days.

    The planner plans `1 / lead_days` of the waiting work for each working day; 1 is as soon as possible.
    """

    machines: int
    open_h: Hours
    orders: list[Order]
    lead_days: float = 1.0
    breakdowns_per_year: float = 0.1
    breakdown_days: float = 2.0


def work(shop: Shop, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return busy hours, (machines, days): work, set-up, short gaps and downtime, within planned time."""
    days = len(shop.open_h)
    down = _breakdowns(shop, rng)
    busy = np.zeros((shop.machines, days))
    waiting = deque(sorted(shop.orders, key=lambda order: order.ready))
    left = [0.0] * shop.machines
    for day in np.flatnonzero(shop.open_h > 0):
        open_h = float(shop.open_h[day])
        ready_h = sum(left) + sum(order.hours for order in _ready(waiting, int(day)))
        plan_h = ready_h / shop.lead_days
        for machine in rng.permutation(shop.machines):
            if down[machine, day]:
                busy[machine, day] = open_h  # nobody can use it: counts as busy (ADET)
                continue
            done_h = _run(left, int(machine), waiting, int(day), min(open_h, plan_h))
            plan_h -= done_h
            busy[machine, day] = done_h
    # Short gaps and small stops: a few percent of idle time on days with work, nearly none on days without.
    idle = shop.open_h - busy
    lost = rng.beta(1, 12, busy.shape) * np.where(busy > 0, 1.0, 0.1)
    return np.asarray(busy + idle * lost)


def _ready(waiting: deque[Order], day: int) -> Iterator[Order]:
    return takewhile(lambda order: order.ready <= day, waiting)


def _run(left: list[float], machine: int, waiting: deque[Order], day: int, most_h: float) -> float:
    """Work off what is on the machine and then what waits, for at most so many hours; return how many."""
    done_h = 0.0
    while done_h < most_h:
        if left[machine] <= 0:
            if not waiting or waiting[0].ready > day:
                break
            left[machine] = waiting.popleft().hours
        step_h = min(left[machine], most_h - done_h)
        left[machine] -= step_h
        done_h += step_h
    return done_h


def _breakdowns(shop: Shop, rng: np.random.Generator) -> NDArray[np.bool_]:
    down = np.zeros((shop.machines, len(shop.open_h)), dtype=bool)
    for machine in range(shop.machines):
        for _ in range(rng.poisson(shop.breakdowns_per_year * len(shop.open_h) / 365)):
            began = int(rng.integers(len(shop.open_h)))
            lasts = max(1, round(shop.breakdown_days * rng.lognormal(0, 0.6) * 7 / 5))
            down[machine, began : began + lasts] = True
    return down


def orders_by_day(
    wanted_h: Hours, size_h: float, spread: float, open_h: Hours, rng: np.random.Generator
) -> list[Order]:
    """Return orders that become ready on open days, on average `wanted_h[day]` hours of work on each.

    Sizes are lognormal with mean `size_h` and a standard deviation `spread` of their logarithm.
    """
    days = np.flatnonzero(open_h > 0)
    ready = np.repeat(days, rng.poisson(wanted_h[days] / size_h))
    sizes = size_h * rng.lognormal(-(spread**2) / 2, spread, len(ready))
    return [Order(int(day), float(hours)) for day, hours in zip(ready, sizes, strict=True)]


def open_hours(
    first: date, days: int, public: frozenset[date], hours: float, rng: np.random.Generator
) -> Hours:
    """Return planned hours of a machine a day: five days a week, some Saturdays, holidays, お盆, 年末年始."""
    saturdays = rng.choice([0, 0, 2, 4])  # in how many weeks of four Saturday is worked
    early, late = int(rng.integers(0, 3)), int(rng.integers(0, 3))
    bridges = rng.random() < 0.4
    result = np.zeros(days)
    for index in range(days):
        day = first + timedelta(days=index)
        if day.weekday() == 6 or (day.weekday() == 5 and day.isocalendar().week % 4 >= saturdays):
            continue
        closed = (
            day in public
            or (day.month == 8 and 11 + early <= day.day <= 15 + late)
            or (day.month == 12 and day.day >= 30 - early)
            or (day.month == 1 and day.day <= 3 + late)
            or (bridges and day.month in (4, 5) and (4, 29) <= (day.month, day.day) <= (5, 6))
        )
        result[index] = 0.0 if closed else hours
    return result
