"""Small random orders and markets, and short ways to write larger ones down."""

import random
from collections.abc import Sequence
from datetime import date

from aggregator.matching.offer import Market, Offer, OfferedMachine, OfferWeek, Taken
from aggregator.model.capacity import CellKey
from aggregator.model.factory_profile import Abilities
from aggregator.model.order import DraftStep, Needs, OrderDraft
from aggregator.model.week import Week

TODAY = date(2026, 11, 25)  # a Wednesday: five days of this week are left
STEEL = frozenset({"SUS304"})


def weeks(count: int, today: date = TODAY) -> list[Week]:
    return [Week.of(today).later(index) for index in range(count)]


def offer(
    factory: str,
    process: str,
    p10: Sequence[int],
    *,
    machines: Sequence[OfferedMachine] | None = None,
    taken: Sequence[Sequence[Taken]] | None = None,
    good_share: float = 1.0,
    spread: tuple[float, float] = (1.2, 1.5),
) -> Offer:
    """Return an offer; P50 and P90 are P10 times `spread`."""
    found = tuple(machines or [OfferedMachine("m1", Abilities(), (1000,) * len(p10))])
    rows = tuple(
        OfferWeek(
            week,
            minutes,
            round(minutes * spread[0]),
            round(minutes * spread[1]),
            tuple(taken[index]) if taken else (),
        )
        for index, (week, minutes) in enumerate(zip(weeks(len(p10)), p10, strict=True))
    )
    return Offer(CellKey(factory, process), found, rows, good_share)


def step(id: str, process: str, *, after: Sequence[str] = (), **more: object) -> DraftStep:
    return DraftStep(**{"id": id, "process": process, "cycle_s": 60.0, "after": tuple(after), **more})  # type: ignore[arg-type]


def draft(quantity: int, due: date, *steps: DraftStep) -> OrderDraft:
    return OrderDraft("Buyer", "Part", quantity, due, steps)


def random_case(seed: int) -> tuple[OrderDraft, Market]:
    """Return an order of two or three steps and two or three factories, small enough to try everything."""
    chance = random.Random(seed)
    long = chance.random() < 0.3
    horizon, factories = (3, 2) if long else (2, chance.choice([2, 3]))
    count = 3 if factories == 2 and not long and chance.random() < 0.5 else 2
    quantity = chance.choice([2, 3]) if not long else 2
    processes = ["cutting", chance.choice(["cutting", "assembly"]), "assembly"][:count]
    offers = [
        _random_offer(chance, f"f{number}", process, horizon)
        for number in range(factories)
        for process in sorted(set(processes))
        if chance.random() < 0.85
    ]
    steps = tuple(_random_step(chance, index, process) for index, process in enumerate(processes))
    days = chance.randrange(0, 8 * horizon)
    return OrderDraft("Buyer", "Part", quantity, date.fromordinal(TODAY.toordinal() + days), steps), Market(
        tuple(offers)
    )


def _random_step(chance: random.Random, index: int, process: str) -> DraftStep:
    after: tuple[str, ...] = (f"s{index - 1}",) if index else ()
    if index == 2:
        after = chance.choice([("s1",), ("s0",), ("s0", "s1"), ()])
    return DraftStep(
        id=f"s{index}",
        process=process,
        cycle_s=chance.choice([60.0, 90.0, 120.0, 400.0]),
        after=after,
        pieces_per_cycle=chance.choice([1, 1, 2]),
        setup_h=chance.choice([0.0, 0.0, 0.05]),
        transport_days=chance.choice([0, 1, 1, 4]),
        max_lots=chance.choice([1, 1, 2]),
        min_lot=chance.choice([1, 1, 2]),
        needs=Needs(materials=STEEL) if chance.random() < 0.25 else Needs(),
    )


def _random_offer(chance: random.Random, factory: str, process: str, horizon: int) -> Offer:
    machines = [OfferedMachine("m1", Abilities(STEEL), (chance.choice([100, 300]),) * horizon)]
    if chance.random() < 0.5:
        abilities = Abilities(STEEL) if chance.random() < 0.5 else Abilities()
        machines.append(OfferedMachine("m2", abilities, (100,) * horizon))
    taken = [_random_taken(chance, machines) for _ in range(horizon)]
    p10 = [chance.choice([0, 3, 6, 9, 15, 30]) for _ in range(horizon)]
    good_share = chance.choice([1.0, 1.0, 0.75])
    return offer(factory, process, p10, machines=machines, taken=taken, good_share=good_share)


def _random_taken(chance: random.Random, machines: Sequence[OfferedMachine]) -> list[Taken]:
    if chance.random() < 0.7:
        return []
    some = chance.sample(machines, chance.randint(1, len(machines)))
    return [Taken(frozenset(each.id for each in some), chance.choice([1, 4]))]
