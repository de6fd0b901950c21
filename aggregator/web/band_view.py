"""What a factory is told of all others together: its bands in, rows of a table with words out.

Made for `/capacity` of every factory; the factory page shows with it what others are told of that factory.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from aggregator.capacity.bands import LARGEST_SHARE, LEAST_FACTORIES, PLENTY_H, SOME_H, Band
from aggregator.model.user import Role, User
from aggregator.model.week import Week
from aggregator.services import Services
from aggregator.told_bands import ToldBand
from aggregator.web.formats import N_

BAND_WORDS: dict[Band, str] = {
    Band.LITTLE: N_("Little or none"),
    Band.SOME: N_("Some"),
    Band.PLENTY: N_("Plenty"),
}
BAND_HOURS: dict[Band, str] = {
    Band.LITTLE: N_("under {some} h"),
    Band.SOME: N_("{some} to {plenty} h"),
    Band.PLENTY: N_("{plenty} h or more"),
}
EDGES = {"some": f"{SOME_H:.0f}", "plenty": f"{PLENTY_H:.0f}"}


@dataclass(frozen=True, slots=True)
class BandRow:
    """A process and its weeks, the current one first; None: not told."""

    process: str
    bands: tuple[Band | None, ...]

    @property
    def silent(self) -> bool:
        """Tell whether nothing is told of any week."""
        return all(band is None for band in self.bands)


@dataclass(frozen=True, slots=True)
class BandTable:
    """All that is told of the others; `least` factories, none with more than `largest` (0 to 1) of it."""

    weeks: tuple[Week, ...]
    rows: tuple[BandRow, ...]
    least: int = LEAST_FACTORIES
    largest: float = LARGEST_SHARE


def others_of(found: Services, user: User) -> BandTable | None:
    """Return what a factory is told of the others; None for everybody else. Blocks on the store."""
    if user.role is not Role.FACTORY or user.factory is None:
        return None
    return band_table(found.bands.seen_by(user.factory))


def band_table(told: Iterable[ToldBand]) -> BandTable:
    """Return the rows, in the order in which processes come."""
    rows: dict[str, list[Band | None]] = {}
    weeks: dict[Week, None] = {}
    for each in told:
        rows.setdefault(each.process, []).append(each.band)
        weeks[each.week] = None
    return BandTable(tuple(weeks), tuple(BandRow(process, tuple(bands)) for process, bands in rows.items()))
