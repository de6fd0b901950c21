"""Why a number is what it is: a cell in, the terms of its sum out; cells of a process in, their total out.

Totals add P10 to P10, P50 to P50, P90 to P90. The P10 is what matching can promise, factory by factory; as a
quantile of the whole it is cautious: that all have a bad week at once is rarer than one in ten.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from aggregator.model.capacity import NoNumber, Quantiles, SpareCell
from aggregator.model.week import Week


class Level(StrEnum):
    """A word for a cell; see `level_of`."""

    PLENTY = "plenty"
    SOME = "some"
    PERHAPS = "perhaps"
    NONE = "none"
    CLOSED = "closed"
    UNKNOWN = "unknown"


PLENTY_SHARE = 0.2
SOME_SHARE = 0.05


class Term(NamedTuple):
    """Hours that a term adds (or takes, below 0) in the sum of each quantile of spare hours."""

    name: str
    p10: float
    p50: float
    p90: float


@dataclass(frozen=True, slots=True)
class SpareSum:
    """The factories of a process in one week, or one factory. Hours are of those that have a number.

    `factories` counts them; `silent` are those without one, and why; `machines` are of all. `declared_h` is
    None unless all with a number declared. `coverage` (0 to 1) is over all, by planned time where there is
    some. `measured_ms` is that of the factory measured longest ago.
    """

    process: str
    week: Week
    factories: int
    silent: tuple[tuple[str, NoNumber], ...]
    machines: int
    pbt_h: float
    unattended_h: float
    private: Quantiles | None
    committed_h: float
    reserve_h: float
    gross: Quantiles | None
    spare: Quantiles | None
    declared_h: float | None
    coverage: float
    measured_ms: int | None
    terms: tuple[Term, ...]


def terms_of(cell: SpareCell) -> tuple[Term, ...]:
    """Return the sum spelled out, () without a number; each column adds up to that quantile of spare."""
    if cell.private is None or cell.spare is None:
        return ()
    taken = (
        _same("planned", cell.pbt_h),
        _same("unattended", -cell.unattended_h),
        Term("private", -cell.private.p90, -cell.private.p50, -cell.private.p10),
        _same("reserve", -cell.reserve_h),
        _same("committed", -cell.committed_h),
    )
    below = _columns(taken)
    spare = (cell.spare.p10, cell.spare.p50, cell.spare.p90)
    lifted = (round(hours - summed, 9) for hours, summed in zip(spare, below, strict=True))
    return (*taken, Term("floor", *(hours + 0.0 for hours in lifted)))


def level_of(spare: Quantiles | None, pbt_h: float) -> Level:
    """Return the word: plenty and some are promised (P10), perhaps is likely only (P50)."""
    if spare is None:
        return Level.UNKNOWN
    if pbt_h <= 0:
        return Level.CLOSED
    if spare.p10 >= PLENTY_SHARE * pbt_h:
        return Level.PLENTY
    if spare.p10 >= SOME_SHARE * pbt_h:
        return Level.SOME
    return Level.PERHAPS if spare.p50 >= SOME_SHARE * pbt_h else Level.NONE


def sums_by_process(cells: Iterable[SpareCell]) -> list[SpareSum]:
    """Return a total for each process and week, by process, then week."""
    groups: dict[tuple[str, Week], list[SpareCell]] = {}
    for cell in cells:
        groups.setdefault((cell.key.process, cell.week), []).append(cell)
    return [sum_of(group) for _, group in sorted(groups.items(), key=lambda item: item[0])]


def sum_of(cells: Sequence[SpareCell]) -> SpareSum:
    """Return the total of at least one cell of one process and week."""
    told = [cell for cell in cells if cell.spare is not None]
    columns = zip(*(terms_of(cell) for cell in told), strict=True)
    declared = [cell.declared_h for cell in told if cell.declared_h is not None]
    measured = [cell.measured_ms for cell in cells if cell.measured_ms is not None]
    return SpareSum(
        process=cells[0].key.process,
        week=cells[0].week,
        factories=len(told),
        silent=tuple((cell.key.factory, cell.no_number) for cell in cells if cell.no_number is not None),
        machines=sum(len(cell.machines) for cell in cells),
        pbt_h=sum(cell.pbt_h for cell in told),
        unattended_h=sum(cell.unattended_h for cell in told),
        private=_added(cell.private for cell in told),
        committed_h=sum(cell.committed_h for cell in told),
        reserve_h=sum(cell.reserve_h for cell in told),
        gross=_added(cell.gross for cell in told),
        spare=_added(cell.spare for cell in told),
        declared_h=sum(declared) if told and len(declared) == len(told) else None,
        coverage=_coverage(cells),
        measured_ms=min(measured, default=None),
        terms=tuple(Term(column[0].name, *_columns(column)) for column in columns),
    )


def _same(name: str, hours: float) -> Term:
    return Term(name, hours, hours, hours)


def _columns(terms: Sequence[Term]) -> tuple[float, float, float]:
    return sum(t.p10 for t in terms), sum(t.p50 for t in terms), sum(t.p90 for t in terms)


def _added(quantiles: Iterable[Quantiles | None]) -> Quantiles | None:
    known = [each for each in quantiles if each is not None]
    if not known:
        return None
    return Quantiles(sum(q.p10 for q in known), sum(q.p50 for q in known), sum(q.p90 for q in known))


def _coverage(cells: Sequence[SpareCell]) -> float:
    weights = [cell.pbt_h for cell in cells]
    if sum(weights) <= 0:
        weights = [1.0] * len(cells)
    return sum(w * cell.coverage for w, cell in zip(weights, cells, strict=True)) / sum(weights)
