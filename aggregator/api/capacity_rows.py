"""Rows of `capacity`: cells or their totals in, what the API says of them out."""

import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import BaseModel, Field

from aggregator.api.moments import text
from aggregator.capacity.bands import EDGES_H, Band
from aggregator.capacity.terms import Level, SpareSum, Term, level_of, terms_of
from aggregator.model.capacity import CellKey, NoNumber, Quantiles, SpareCell
from aggregator.model.week import Week
from aggregator.told_bands import ToldBand

DIGITS = 4


class Hours(BaseModel):
    """Machine hours that the quantity exceeds with 90, 50 and 10 percent."""

    p10: float = Field(description="Exceeded in nine of ten cases", examples=[24.5])
    p50: float = Field(description="Exceeded in every second case", examples=[36.0])
    p90: float = Field(description="Exceeded in one of ten cases", examples=[47.5])


class WhyTerm(BaseModel):
    """One term of the sum behind `spare`: each column adds up to that quantile."""

    term: str = Field(
        description="`planned` busy time, `unattended` (machines beyond the shift's people), `private` (the "
        "factory's own load), `reserve`, `committed` (placed jobs), `floor` (lifts a negative sum to 0)",
        examples=["private"],
    )
    p10: float = Field(description="Hours in the sum of P10; below 0 is taken away", examples=[-95.5])
    p50: float = Field(description="Hours in the sum of P50", examples=[-84.0])
    p90: float = Field(description="Hours in the sum of P90", examples=[-72.5])


class MachineHours(BaseModel):
    """A machine's part of the planned busy time."""

    machine: str = Field(description="Id of the machine", examples=["mc-01"])
    pbt_h: float = Field(description="Its planned busy time, hours", examples=[40.0])


class Silent(BaseModel):
    """A factory without a number."""

    factory: str = Field(description="Id of the factory", examples=["minato"])
    reason: NoNumber = Field(description="Why there is none")


class CapacityRow(BaseModel):
    """Spare machine hours of a factory's process (or of a process) in an ISO week. null is unknown, never 0.

    spare = pbt - unattended - private - reserve - committed, never below 0. Totals of a process add the
    quantiles of its factories: P10 is what can be promised factory by factory, and cautious for the whole.
    """

    factory: str | None = Field(description="Id of the factory; null by process", examples=["aoki"])
    process: str = Field(description="Process id", examples=["cutting"])
    week: str = Field(description="ISO week", examples=["2026-W48"])
    monday: date = Field(description="Its first day", examples=["2026-11-23"])
    level: Level = Field(
        description="In a word: `plenty` (P10 is 20 % of planned time or more), `some` (5 % or more), "
        "`perhaps` (P50 is), `none`, `closed` (nothing is planned), `unknown`"
    )
    pbt_h: float = Field(
        ge=0, description="Planned busy time; of the week that runs now, what is left", examples=[120]
    )
    unattended_h: float = Field(ge=0, description="Of it, machines that the shift's people cannot tend")
    private: Hours | None = Field(description="Forecast of the factory's own load")
    committed_h: float = Field(ge=0, description="What placed jobs still need", examples=[10])
    reserve_h: float = Field(ge=0, description="What the factory keeps for itself", examples=[6])
    gross: Hours | None = Field(description="Spare hours before placed jobs")
    spare: Hours | None = Field(description="Spare hours")
    declared_h: float | None = Field(
        description="What the factory declared; by process null unless all did", examples=[60]
    )
    coverage: float = Field(
        ge=0, le=1, description="Known share (0 to 1) of the last four weeks' planned time"
    )
    reason: NoNumber | None = Field(description="Why there is no number")
    measured: datetime | None = Field(
        description="End of the newest window behind it; by process that of the factory measured longest ago"
    )
    machines: list[MachineHours] = Field(description="The factory's machines; empty by process")
    silent: list[Silent] = Field(description="By process: factories without a number, not part of the hours")
    why: list[WhyTerm] = Field(description="The sum spelled out; empty without a number")


class BandRow(BaseModel):
    """Spare hours (P50) of all other factories together, as of the day's first look; null: not told.

    Nothing is told of fewer than three others that agree and have a number, nor where one of them has more
    than 70 % of the sum. Of a week the same factories are told always, or none.
    """

    process: str = Field(description="Process id", examples=["cutting"])
    week: str = Field(description="ISO week", examples=["2026-W48"])
    monday: date = Field(description="Its first day", examples=["2026-11-23"])
    band: Band | None = Field(description="In a word; null: not told")
    from_h: float | None = Field(description="At least so many hours", examples=[20])
    to_h: float | None = Field(description="Fewer than so many; null: no end, or not told", examples=[60])


def band_row(told: ToldBand) -> dict[str, Any]:
    """Return what `BandRow` describes."""
    from_h, to_h = (None, None) if told.band is None else EDGES_H[told.band]
    return {
        "process": told.process,
        "week": str(told.week),
        "monday": told.week.monday.isoformat(),
        "band": told.band,
        "from_h": from_h,
        "to_h": to_h,
    }


class Rows:
    """Rows of factories as JSON, kept while nothing of them changed but the newest window."""

    def __init__(self, zone: ZoneInfo) -> None:
        self._zone = zone
        self._kept: dict[tuple[CellKey, Week], tuple[SpareCell, str]] = {}

    def row(self, cell: SpareCell) -> str:
        """Return the row of a factory."""
        timeless = replace(cell, measured_ms=None)
        kept = self._kept.get((cell.key, cell.week))
        if kept is None or kept[0] != timeless:
            kept = self._kept[cell.key, cell.week] = (timeless, json.dumps(_cell(cell), ensure_ascii=False))
        return f"{kept[1][:-1]}, {_measured(cell.measured_ms, self._zone)}}}"


def _cell(cell: SpareCell) -> dict[str, Any]:
    own: dict[str, Any] = {
        "factory": cell.key.factory,
        "process": cell.key.process,
        "reason": cell.no_number,
        "machines": [{"machine": m.machine, "pbt_h": round(m.pbt_h, DIGITS)} for m in cell.machines],
        "silent": [],
        "why": _why(terms_of(cell)),
    }
    return own | _hours(cell)


def sum_row(total: SpareSum, zone: ZoneInfo) -> str:
    """Return the row of a process as JSON."""
    own: dict[str, Any] = {
        "factory": None,
        "process": total.process,
        "reason": None if total.spare else total.silent[0][1],
        "machines": [],
        "silent": [{"factory": factory, "reason": reason} for factory, reason in total.silent],
        "why": _why(total.terms),
    }
    row = json.dumps(own | _hours(total), ensure_ascii=False)
    return f"{row[:-1]}, {_measured(total.measured_ms, zone)}}}"


def joined(head: dict[str, Any], rows: Iterable[str]) -> bytes:
    """Return a JSON object with `rows` as its last member."""
    return f'{json.dumps(head)[:-1]}, "rows": [{",".join(rows)}]}}'.encode()


def _measured(at_ms: int | None, zone: ZoneInfo) -> str:
    return f'"measured": {"null" if at_ms is None else json.dumps(text(at_ms, zone))}'


def _hours(row: SpareCell | SpareSum) -> dict[str, Any]:
    return {
        "week": str(row.week),
        "monday": row.week.monday.isoformat(),
        "level": level_of(row.spare, row.pbt_h),
        "pbt_h": round(row.pbt_h, DIGITS),
        "unattended_h": round(row.unattended_h, DIGITS),
        "private": _quantiles(row.private),
        "committed_h": round(row.committed_h, DIGITS),
        "reserve_h": round(row.reserve_h, DIGITS),
        "gross": _quantiles(row.gross),
        "spare": _quantiles(row.spare),
        "declared_h": row.declared_h,
        "coverage": round(row.coverage, DIGITS),
    }


def _quantiles(hours: Quantiles | None) -> dict[str, float] | None:
    if hours is None:
        return None
    return {"p10": round(hours.p10, DIGITS), "p50": round(hours.p50, DIGITS), "p90": round(hours.p90, DIGITS)}


def _why(terms: Iterable[Term]) -> list[dict[str, Any]]:
    return [
        {"term": name, "p10": round(p10, DIGITS), "p50": round(p50, DIGITS), "p90": round(p90, DIGITS)}
        for name, p10, p50, p90 in terms
    ]
