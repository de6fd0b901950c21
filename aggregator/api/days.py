"""`machines/{factory}/{machine}/days`: time elements and KPIs of ISO 22400-2 by local day."""

from datetime import date, timedelta
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from aggregator.api.caller import CallerScope, Found, machine_of
from aggregator.api.moments import RangeError, from_ms
from aggregator.api.problem import responses
from aggregator.api.query import NoQuery
from aggregator.capacity.kpi import Kpis, kpis
from aggregator.model.capacity import MachineDay
from aggregator.model.machine import Machine, MachineKey

router = APIRouter(prefix="/api/v1/machines/{factory}/{machine}", tags=["capacity"])

DEFAULT_DAYS = 28


class DayQuery(NoQuery):
    """A range of local days, both ends included."""

    since: date | None = Field(
        None, description="First local day (default: 27 days before `until`)", examples=["2026-11-01"]
    )
    until: date | None = Field(
        None, description="Last local day, included (default: today)", examples=["2026-11-24"]
    )


class KpiRow(BaseModel):
    """KPIs of ISO 22400-2 over known planned busy time; null where there is nothing to divide by."""

    availability: float | None = Field(ge=0, le=1, description="APT / PBT", examples=[0.5])
    allocation_efficiency: float | None = Field(ge=0, le=1, description="AUBT / PBT", examples=[0.83])
    utilization_efficiency: float | None = Field(ge=0, le=1, description="APT / AUBT", examples=[0.6])
    setup_rate: float | None = Field(ge=0, le=1, description="AUST / AUPT", examples=[0.2])
    technical_efficiency: float | None = Field(ge=0, le=1, description="APT / (APT + ADET)", examples=[0.7])


class DayRow(BaseModel):
    """A local day of a machine. null is unknown, never 0; times are milliseconds inside the calendar.

    Of a machine whose owner tells only whether it is busy, APT, AUST, ADET and their KPIs are null.
    """

    day: date = Field(description="Local date", examples=["2026-11-24"])
    pbt_ms: int | None = Field(
        ge=0,
        description="Planned busy time: APT + AUST + ADET + ADOT + unknown; null without a calendar",
        examples=[28800000],
    )
    apt_ms: int | None = Field(ge=0, description="Actual production time", examples=[14400000])
    aust_ms: int | None = Field(ge=0, description="Actual unit setup time", examples=[3600000])
    adet_ms: int | None = Field(
        ge=0, description="Delay: down, and gaps no longer than the gap rule allows", examples=[6000000]
    )
    adot_ms: int | None = Field(
        ge=0, description="Longer gaps: measured spare time, no order", examples=[4800000]
    )
    unknown_ms: int | None = Field(ge=0, description="Offline, or nothing was stored", examples=[0])
    shared_ms: int | None = Field(
        ge=0, description="The part of APT + AUST + ADET that is tagged with a job", examples=[7200000]
    )
    outside_ms: int | None = Field(ge=0, description="Busy outside the calendar", examples=[0])
    coverage: float | None = Field(
        ge=0, le=1, description="Known share of the planned busy time; null without any", examples=[1]
    )
    cycles: int | None = Field(
        ge=0, description="Machine cycles at any hour; null where the owner does not tell all", examples=[412]
    )
    good: int | None = Field(description="Good pieces; null when not counted here", examples=[412])
    scrap: int | None = Field(description="Scrapped pieces; null when not counted here", examples=[0])
    kpis: KpiRow = Field(description="KPIs of ISO 22400-2")


class Days(BaseModel):
    """Days in order, from the machine's first window on, at most 26 weeks back; today up to now."""

    factory: str
    machine: str
    days: list[DayRow]


@router.get(
    "/days", responses=responses(401, 403, 404, 422, 503), summary="Time elements of a machine by day"
)
def list_days(
    *, found: Found, scope: CallerScope, factory: str, machine: str, query: Annotated[DayQuery, Query()]
) -> Days:
    """Planned busy time by local day, what it was spent on, and the KPIs of ISO 22400-2 made from it."""
    known = machine_of(found, scope, MachineKey(factory, machine))
    key = known.key
    first, last = _range(query, from_ms(found.now(), found.config.zone).date())
    planned = found.profiles.get(key.factory).calendar is not None
    days = [day for day in found.days.days().get(key, ()) if first <= day.day <= last]
    return Days(factory=factory, machine=machine, days=[_row(day, planned, known) for day in days])


def _range(query: DayQuery, today: date) -> tuple[date, date]:
    last = query.until or today
    earliest = date.min + timedelta(days=DEFAULT_DAYS)
    first = query.since or max(last, earliest) - timedelta(days=DEFAULT_DAYS - 1)
    if first > last:
        raise RangeError("since: has to be no later than until")
    return first, last


def _row(day: MachineDay, planned: bool, machine: Machine) -> DayRow:
    known_ms = day.pbt_ms - day.unknown_ms
    told = planned and (known_ms > 0 or day.pbt_ms == 0)  # else nothing of it was measured
    seen = known_ms > 0 or day.outside_ms > 0 or day.cycles > 0 or day.good is not None

    def measured(length_ms: int) -> int | None:
        return length_ms if told else None

    def by_state(length_ms: int) -> int | None:
        return length_ms if told and machine.tells_states else None

    return DayRow(
        day=day.day,
        pbt_ms=day.pbt_ms if planned else None,
        apt_ms=by_state(day.apt_ms),
        aust_ms=by_state(day.aust_ms),
        adet_ms=by_state(day.adet_ms),
        adot_ms=measured(day.adot_ms),
        unknown_ms=day.unknown_ms if planned else None,
        shared_ms=measured(day.shared_ms),
        outside_ms=day.outside_ms if planned else None,
        coverage=known_ms / day.pbt_ms if day.pbt_ms else None,
        cycles=day.cycles if seen and machine.tells_cycles else None,
        good=day.good,
        scrap=day.scrap,
        kpis=_kpi_row(kpis(day, machine.tells_states)),
    )


def _kpi_row(found: Kpis) -> KpiRow:
    return KpiRow(
        availability=found.availability,
        allocation_efficiency=found.allocation_efficiency,
        utilization_efficiency=found.utilization_efficiency,
        setup_rate=found.setup_rate,
        technical_efficiency=found.technical_efficiency,
    )
