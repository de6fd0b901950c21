"""Simulated federations of several characters, each with three processes of five factories, and their truth.

A fleet is what machines really did (`Truth`), and what the aggregator saw of it (`History`): the same where
all data arrived. Characters differ in how orders come, not in how anything is forecast.
"""

from dataclasses import dataclass
from datetime import date, timedelta

import holidays
import numpy as np
from numpy.typing import NDArray

from aggregator.capacity.load import History, Hours
from aggregator.model.capacity import CellKey
from tests.bench.shop import Order, Shop, open_hours, orders_by_day, work

CHARACTERS = ("steady", "lumpy", "seasonal", "trending", "outages", "missing")
FLEETS = (*CHARACTERS, "mixed")
PROCESSES = ("cutting", "pressing", "surface_treatment")
FACTORIES = 5
FIRST_DAY = date(2024, 10, 7)
WEEKS = 26 + 53


@dataclass(frozen=True, slots=True)
class Truth:
    """What was seen of a cell, what really happened, and the share of time its owner declares free.

    `private_h` is (days,); `judged` (weeks,) tells of which weeks it is known what really happened.
    """

    seen: History
    private_h: Hours
    declared: float
    judged: NDArray[np.bool_]


def fleet(character: str, seed: int, weeks: int = WEEKS) -> list[Truth]:
    """Return the cells of a federation of one character; in `mixed` each factory has its own."""
    rng = np.random.default_rng([seed, FLEETS.index(character)])
    public = frozenset(holidays.country_holidays("JP", years=range(2024, 2028)))
    cells = []
    for process in PROCESSES:
        for number in range(FACTORIES):
            own = str(rng.choice(CHARACTERS)) if character == "mixed" else character
            cells.append(_cell(CellKey(f"{character}-{number}", process), own, 7 * weeks, public, rng))
    return cells


def _cell(
    key: CellKey, character: str, days: int, public: frozenset[date], rng: np.random.Generator
) -> Truth:
    machines = int(rng.integers(1, 4) if character == "lumpy" else rng.integers(2, 7))
    open_h = open_hours(FIRST_DAY, days, public, float(rng.choice([7.5, 8.0, 15.0])), rng)
    used = float(rng.uniform(0.35, 0.85))
    shop = _shop(character, machines, open_h, used, rng)
    busy = work(shop, rng)
    shared = _shared(open_h - busy, rng)
    known = 1 - _lost(machines, days, rng) if character == "missing" else np.ones_like(busy)
    known = known * (1 - _blips(busy.shape, rng))
    planned = np.broadcast_to(open_h, busy.shape)
    seen = History(
        key=key,
        first_day=FIRST_DAY,
        pbt_h=planned.sum(0),
        private_h=(busy * known).sum(0),
        shared_h=(shared * known).sum(0),
        unknown_h=(planned * (1 - known)).sum(0),
    )
    idle = 1 - busy.sum() / planned.sum()
    declared = float(np.clip(idle * rng.lognormal(0.1, 0.5) + rng.normal(0, 0.05), 0, 1))
    return Truth(seen, busy.sum(0), declared, judged=np.ones(days // 7, dtype=bool))


def _shop(character: str, machines: int, open_h: Hours, used: float, rng: np.random.Generator) -> Shop:
    """Return a shop whose orders fill the share `used` of its time on average, in the character's own way."""
    per_day = used * machines * float(open_h.max())
    mood = _mood(len(open_h), rng)
    lead_days = float(rng.uniform(2, 10))
    match character:
        case "steady":
            return Shop(machines, open_h, _call_offs(per_day, open_h, rng), lead_days / 2)
        case "lumpy":
            size_h = float(rng.uniform(40, 160))
            return Shop(machines, open_h, orders_by_day(0.9 * per_day * mood, size_h, 0.6, open_h, rng))
        case "seasonal":
            swing, phase = rng.uniform(0.2, 0.45), rng.uniform(0, 365)
            season = 1 + swing * np.sin(2 * np.pi * (np.arange(len(open_h)) - phase) / 365)
            rush = _month_end(len(open_h), float(rng.uniform(1.2, 1.8)))
            wanted_h = 0.9 * per_day * season * rush * mood
        case "trending":
            wanted_h = 0.9 * per_day * _trend(len(open_h), rng) * mood
        case "outages":
            orders = orders_by_day(0.85 * per_day * mood, 12, 0.7, open_h, rng)
            return Shop(machines, open_h, orders, lead_days, breakdowns_per_year=1.5, breakdown_days=7)
        case _:
            wanted_h = 0.9 * per_day * mood
    return Shop(machines, open_h, orders_by_day(wanted_h, 12, 0.7, open_h, rng), lead_days)


def _call_offs(per_day: float, open_h: Hours, rng: np.random.Generator) -> list[Order]:
    """Return repeat work: a few customers who call off a lot every day, much as in the weeks before."""
    customers = rng.dirichlet(np.full(int(rng.integers(3, 7)), 3.0))
    weekday = rng.uniform(0.8, 1.2, 7)
    orders = []
    for share in customers:
        mood = _mood(len(open_h), rng)
        week = rng.lognormal(0, 0.15, len(open_h) // 7 + 1)
        for day in np.flatnonzero(open_h > 0):
            wanted_h = per_day * share * mood[day] * week[day // 7] * weekday[day % 7]
            orders.append(Order(int(day), float(wanted_h * rng.lognormal(0, 0.2))))
    return orders


def _mood(days: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return a factor a day that wanders slowly about 1: months in which customers order more, or less."""
    value, values = float(rng.normal(0, 0.2)), []
    for _ in range(days // 7 + 1):
        value = 0.93 * value + float(rng.normal(0, 0.075))
        values.append(value)
    return np.repeat(np.exp(values), 7)[:days]


def _month_end(days: int, factor: float) -> NDArray[np.float64]:
    """Return a factor a day: more work towards the end of each month, and of the business year in March."""
    result = np.ones(days)
    for index in range(days):
        day = FIRST_DAY + timedelta(days=index)
        if (day + timedelta(days=8)).month != day.month:
            result[index] = factor * (1.2 if day.month == 3 else 1.0)
    return result


def _trend(days: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return a factor a day: growth or decline over the whole time, and a customer won or lost."""
    ends = rng.uniform(0.5, 1.6)
    factor = np.linspace(1, ends, days)
    factor[int(rng.integers(days // 4, days)) :] *= rng.choice([0.75, 1.25])
    return np.asarray(factor / factor.mean())


def _shared(idle_h: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """Return hours of shared orders: some weeks of some machines, within the time that is left."""
    machines, days = idle_h.shape
    placed = np.zeros_like(idle_h)
    for _ in range(rng.poisson(days / 120)):
        machine, first = int(rng.integers(machines)), int(rng.integers(days))
        stretch = slice(first, first + int(rng.integers(3, 20)))
        placed[machine, stretch] = idle_h[machine, stretch] * rng.uniform(0.3, 1)
    return placed


def _lost(machines: int, days: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return the share of each machine's day that never arrives: dead agents, and lines that are down."""
    lost = np.zeros((machines, days))
    for machine in range(machines):
        for _ in range(rng.poisson(days / 110)):
            first = int(rng.integers(days))
            lost[machine, first : first + int(rng.integers(1, 16))] = 1
    for _ in range(rng.poisson(days / 180)):
        first = int(rng.integers(days))
        lost[:, first : first + int(rng.integers(1, 6))] = 1
    return lost


def _blips(shape: tuple[int, ...], rng: np.random.Generator) -> NDArray[np.float64]:
    """Return small losses that every line has: on some days minutes to hours of a machine."""
    return np.where(rng.random(shape) < 0.05, rng.uniform(0, 0.3, shape), 0.0)
