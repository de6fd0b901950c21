"""Larger random federations and orders for them: for the speed and the fairness of matching."""

import random
from collections.abc import Sequence
from datetime import timedelta

from aggregator.matching.offer import Market, Offer, OfferedMachine, OfferWeek
from aggregator.model.capacity import CellKey
from aggregator.model.factory_profile import Abilities
from aggregator.model.order import DraftStep, Needs, OrderDraft
from tests.aggregator.matching.small_markets import TODAY, weeks

PROCESSES = ("cutting", "pressing", "surface_treatment", "inspection", "assembly", "shipping")
MATERIALS = ("SUS304", "A5052", "S45C", "C1100")
MACHINE_WEEK = 2400  # planned minutes of a machine in a week


def federation(seed: int, factories: int = 100, machines: int = 10, horizon: int = 12) -> Market:
    """Return factories with two to four processes each; their spare share differs from place to place."""
    chance = random.Random(seed)
    offers: list[Offer] = []
    for number in range(factories):
        processes = chance.sample(PROCESSES, chance.randint(2, 4))
        counts = [machines // len(processes)] * len(processes)
        counts[0] += machines - sum(counts)
        for process, count in zip(processes, counts, strict=True):
            offers.append(_offer(chance, f"factory-{number:03}", process, count, horizon))
    return Market(tuple(offers))


def equal_federation(factories: int, processes: Sequence[str], horizon: int, p10: int = 2000) -> Market:
    """Return factories that are alike in all but their name, two machines a process."""
    able = Abilities(frozenset(MATERIALS), 1.0, (900.0, 900.0, 900.0), 9000.0)
    found = tuple(OfferedMachine(f"m{each}", able, (MACHINE_WEEK,) * horizon) for each in range(2))
    rows = tuple(OfferWeek(week, p10, p10 * 13 // 10, p10 * 16 // 10) for week in weeks(horizon))
    return Market(
        tuple(
            Offer(CellKey(f"factory-{number:03}", process), found, rows)
            for number in range(factories)
            for process in processes
        )
    )


def _offer(chance: random.Random, factory: str, process: str, count: int, horizon: int) -> Offer:
    minutes = [0.4 * MACHINE_WEEK, *[MACHINE_WEEK] * (horizon - 1)]
    machines = tuple(
        OfferedMachine(f"{process}-{each}", _abilities(chance), tuple(round(week) for week in minutes))
        for each in range(count)
    )
    level = chance.uniform(0.05, 0.5)
    rows = []
    for week, planned in zip(weeks(horizon), minutes, strict=True):
        p50 = planned * count * min(0.9, max(0.0, chance.gauss(level, 0.08)))
        rows.append(OfferWeek(week, round(0.7 * p50), round(p50), round(1.25 * p50)))
    return Offer(CellKey(factory, process), machines, tuple(rows), round(chance.uniform(0.93, 1.0), 3))


def _abilities(chance: random.Random) -> Abilities:
    return Abilities(
        materials=frozenset(chance.sample(MATERIALS, chance.randint(1, 4))),
        tolerance_um=chance.choice([None, 5.0, 20.0]),
        size_mm=chance.choice([(300.0, 200.0, 100.0), (800.0, 400.0, 300.0)]),
        tonnage_kn=chance.choice([None, 500.0, 2000.0]),
    )


def order(seed: int, processes: Sequence[str] = PROCESSES, largest: int = 800) -> OrderDraft:
    """Return an order with a step for each process; one in three steps may be split into two lots."""
    chance = random.Random(seed)
    quantity = chance.randint(50, largest)
    steps = tuple(
        DraftStep(
            id=f"{index + 1}-{process}",
            process=process,
            cycle_s=chance.choice([30.0, 60.0, 90.0, 150.0]),
            after=(f"{index}-{processes[index - 1]}",) if index else (),
            pieces_per_cycle=chance.choice([1, 1, 1, 4]),
            setup_h=chance.choice([0.0, 0.5, 1.0]),
            transport_days=chance.choice([0, 1, 1, 2]),
            max_lots=chance.choice([1, 1, 2]),
            min_lot=max(1, quantity // 5),
            needs=_needs(chance, process),
        )
        for index, process in enumerate(processes)
    )
    return OrderDraft("Buyer", "Part", quantity, TODAY + timedelta(days=chance.randint(24, 70)), steps)


def _needs(chance: random.Random, process: str) -> Needs:
    if process in ("cutting", "pressing") and chance.random() < 0.6:
        return Needs(
            materials=frozenset({chance.choice(MATERIALS)}), tolerance_um=chance.choice([None, 20.0])
        )
    return Needs()
