"""What matching works on: the free hours of a factory's machines, week by week."""

from dataclasses import dataclass

from aggregator.model.capacity import CellKey
from aggregator.model.factory_profile import Abilities
from aggregator.model.week import Week


@dataclass(frozen=True, slots=True)
class OfferedMachine:
    """A machine and what it can take; `minutes` is its planned busy time in each week of the offer."""

    id: str
    abilities: Abilities
    minutes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Taken:
    """Minutes of one week that earlier orders hold, on any of `machines`."""

    machines: frozenset[str]
    minutes: int


@dataclass(frozen=True, slots=True)
class OfferWeek:
    """Minutes that the cell has to spare in a week, before earlier orders took their part.

    So matching may use p10 - sum(taken); for work that only some machines can do, at most their share (by
    planned busy time) of p10, less what is taken of them.
    """

    week: Week
    p10: int
    p50: int
    p90: int
    taken: tuple[Taken, ...] = ()


@dataclass(frozen=True, slots=True)
class Offer:
    """A factory's capacity for a process, over consecutive weeks from the current one.

    `good_share` is the measured yield (0 to 1). A cell without a number is not offered, but named in `silent`
    of the matching's input.
    """

    key: CellKey
    machines: tuple[OfferedMachine, ...]
    weeks: tuple[OfferWeek, ...]
    good_share: float = 1.0


@dataclass(frozen=True, slots=True)
class Market:
    """All that can be chosen from; `silent` are cells that have machines, but no measured number."""

    offers: tuple[Offer, ...]
    silent: tuple[CellKey, ...] = ()
