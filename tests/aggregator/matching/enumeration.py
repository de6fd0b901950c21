"""The best answer found by trying every one: only for very small orders."""

from collections.abc import Iterator
from itertools import combinations, product
from math import prod

from aggregator.matching.tiers import in_order_of_weight
from aggregator.model.order import DraftStep
from aggregator.model.proposal import Tiers
from tests.aggregator.matching.rules import Made, Town, able, alone, judge, weekly_minutes


def best_of_all(town: Town) -> Tiers:
    """Return the cost of the best plan that keeps the rules."""
    costs = (
        judge(town, {key: row for rows in choice for key, row in rows.items()})
        for choice in product(*(list(_rows(town, step)) for step in town.draft.steps))
    )
    return min((each for each in costs if each is not None), key=in_order_of_weight)


def plans_of(town: Town) -> int:
    """Return how many plans there are to be tried."""
    return prod(len(list(_rows(town, step))) for step in town.draft.steps)


def _rows(town: Town, step: DraftStep) -> Iterator[Made]:
    """Yield every way to make up to all pieces of one step, each factory within its own minutes."""
    offers = [each for each in town.market.offers if each.key.process == step.process and able(each, step)]
    count = len(town.weeks)
    places = [(offer, week) for offer in offers for week in range(count)]
    for pieces in range(town.draft.quantity + 1):
        for parts in _parts(pieces, len(places)):
            made: Made = {}
            for (offer, week), part in zip(places, parts, strict=True):
                if part:
                    made.setdefault((step.id, offer.key.factory), [0] * count)[week] = part
            if len(made) <= step.max_lots and _within(town, step, made):
                yield made


def _parts(whole: int, places: int) -> Iterator[tuple[int, ...]]:
    """Yield every way to share out `whole` among places."""
    if not places:
        if not whole:
            yield ()
        return
    for bars in combinations(range(whole + places - 1), places - 1):
        edges = [-1, *bars, whole + places - 1]
        yield tuple(edges[index + 1] - edges[index] - 1 for index in range(places))


def _within(town: Town, step: DraftStep, made: Made) -> bool:
    for (_, factory), row in made.items():
        if sum(row) < step.min_lot:
            return False
        offer = town.offer(factory, step.process)
        assert offer is not None
        for week, spent in enumerate(weekly_minutes(step, offer, row)):
            free = alone(offer, town.weeks[week], able(offer, step))
            if spent > free or (row[week] and not free):
                return False
    return True
