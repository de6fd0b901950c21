"""Which machines a step's needs allow, and how many minutes pieces take there."""

from math import ceil, floor

from aggregator.matching.offer import Offer
from aggregator.model.factory_profile import Abilities
from aggregator.model.order import DraftStep, Needs

PER_MILLE = 1000


def meets(abilities: Abilities, needs: Needs) -> bool:
    """Tell whether a machine can take it; what is not said fits only what does not ask for it."""
    return not lacking(abilities, needs)


def lacking(abilities: Abilities, needs: Needs) -> tuple[str, ...]:
    """Return what the machine lacks, by name: a material or other word itself, else the field of `Needs`."""
    names = [*sorted(needs.materials - abilities.materials), *sorted(needs.others - abilities.others)]
    if needs.tolerance_um is not None and not _at_most(abilities.tolerance_um, needs.tolerance_um):
        names.append("tolerance_um")
    if needs.size_mm is not None and not _fits(abilities.size_mm, needs.size_mm):
        names.append("size_mm")
    if needs.tonnage_kn is not None and not _at_most(needs.tonnage_kn, abilities.tonnage_kn):
        names.append("tonnage_kn")
    return tuple(names)


def _at_most(small: float | None, large: float | None) -> bool:
    return small is not None and large is not None and small <= large


def _fits(room: tuple[float, float, float] | None, size: tuple[float, float, float]) -> bool:
    """A part may be turned: it fits if its longest side fits the longest, and so on."""
    return room is not None and all(
        side <= space for side, space in zip(sorted(size), sorted(room), strict=True)
    )


def eligible(offer: Offer, step: DraftStep) -> frozenset[str]:
    """Return the offer's machines that can take the step; none if the process is another."""
    if offer.key.process != step.process:
        return frozenset()
    return frozenset(machine.id for machine in offer.machines if meets(machine.abilities, step.needs))


def good_permille(offer: Offer) -> int:
    """Return the measured yield in whole per mille, rounded down, at least 1."""
    return max(1, min(PER_MILLE, floor(offer.good_share * PER_MILLE + 1e-9)))


def setup_minutes(step: DraftStep) -> int:
    """Return the minutes that every lot of the step begins with."""
    return ceil(step.setup_h * 60 - 1e-9)


def cycle_ms(step: DraftStep) -> int:
    """Return the time of a machine cycle."""
    return max(1, round(step.cycle_s * 1000))


def cycles_for(step: DraftStep, pieces: int, good: int) -> int:
    """Return the machine cycles after which `pieces` good pieces are expected; `good` is in per mille."""
    return -(-pieces * PER_MILLE // (step.pieces_per_cycle * good))


def minutes_for(step: DraftStep, pieces: int, good: int) -> int:
    """Return the machine minutes of a lot, setup included; 0 for no pieces."""
    if pieces <= 0:
        return 0
    return setup_minutes(step) - (-cycles_for(step, pieces, good) * cycle_ms(step) // 60_000)


def pieces_within(step: DraftStep, minutes: int, good: int) -> int:
    """Return the most good pieces that a lot can have after so many minutes, setup included."""
    cycles = (minutes - setup_minutes(step)) * 60_000 // cycle_ms(step)
    return max(0, cycles * step.pieces_per_cycle * good // PER_MILLE)
