"""An order as someone drafts it: what is to be made, and the steps that make it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class Needs:
    """What a step asks of a machine; None or empty asks for nothing. See `Abilities`."""

    materials: frozenset[str] = frozenset()
    tolerance_um: float | None = None
    size_mm: tuple[float, float, float] | None = None
    tonnage_kn: float | None = None
    others: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class DraftStep:
    """One process of the routing.

    `after` are the ids of the steps whose pieces it takes. `cycle_s` is the time of one machine cycle, which
    makes `pieces_per_cycle`; `setup_h` is spent once a lot. `transport_days` pass before the next step can
    begin. A step is split into at most `max_lots` lots of at least `min_lot` pieces each, one factory a lot.
    """

    id: str
    process: str
    cycle_s: float
    after: tuple[str, ...] = ()
    pieces_per_cycle: int = 1
    setup_h: float = 0.0
    transport_days: int = 1
    max_lots: int = 1
    min_lot: int = 1
    needs: Needs = Needs()


@dataclass(frozen=True, slots=True)
class OrderDraft:
    """`quantity` good pieces of `part` for `buyer`, the last of them finished by the end of the day `due`."""

    buyer: str
    part: str
    quantity: int
    due: date
    steps: tuple[DraftStep, ...]


OpenForms = Mapping[str, Sequence[OrderDraft]]
"""Every form that orders had that are not over, by the order's id."""
