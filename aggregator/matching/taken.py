"""The market after an order has taken its part."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace

from aggregator.matching.offer import Market, Offer, OfferWeek, Taken
from aggregator.model.capacity import CellKey
from aggregator.model.order import OrderDraft
from aggregator.model.proposal import Lot
from aggregator.model.week import Week

Held = dict[CellKey, dict[Week, list[Taken]]]


def with_taken(market: Market, draft: OrderDraft, lots: Iterable[Lot]) -> Market:
    """Return the market where these lots of the draft hold their minutes."""
    processes = {step.id: step.process for step in draft.steps}
    held: Held = defaultdict(lambda: defaultdict(list))
    for lot in lots:
        for work in lot.work:
            taken = Taken(frozenset(lot.machines), work.minutes)
            held[CellKey(lot.factory, processes[lot.step])][work.week].append(taken)
    offers = (_held(offer, held[offer.key]) if offer.key in held else offer for offer in market.offers)
    return replace(market, offers=tuple(offers))


def _held(offer: Offer, weeks: dict[Week, list[Taken]]) -> Offer:
    return replace(offer, weeks=tuple(_held_week(each, weeks.get(each.week, [])) for each in offer.weeks))


def _held_week(week: OfferWeek, more: list[Taken]) -> OfferWeek:
    return replace(week, taken=(*week.taken, *more)) if more else week
