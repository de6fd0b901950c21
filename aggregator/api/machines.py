"""`machines`: every machine that the caller may see, as it is now."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from agent.contract.states import State
from aggregator.api.caller import CallerScope, Found, machine_of
from aggregator.api.moments import from_ms
from aggregator.api.problem import responses
from aggregator.api.query import NoQuery
from aggregator.measured import cycles_today
from aggregator.model.machine import Machine, MachineKey
from aggregator.services import Services

router = APIRouter(prefix="/api/v1/machines", tags=["machines"])


class MachineNow(BaseModel):
    """A machine now. null is unknown, never 0."""

    factory: str = Field(description="Id of the factory", examples=["aoki"])
    factory_name: str = Field(description="What people call it", examples=["青木精機"])
    machine: str = Field(description="Id of the machine in its factory", examples=["mc-01"])
    name: str = Field(description="What people call it", examples=["マシニングセンタ 1号機"])
    process: str | None = Field(description="Process id", examples=["cutting"])
    trust: str = Field(description="`measured` (our agent counts) or `best-effort`", examples=["measured"])
    share: str = Field(
        description="States that its owner lets out: `full`, or `utilization` (RUNNING: any kind of busy)",
        examples=["full"],
    )
    counts: str = Field(
        description="When its cycles are told: `always`, or `shared-jobs-only`; else they are null",
        examples=["always"],
    )
    state: State = Field(description="OFFLINE: unknown", examples=["RUNNING"])
    connected: bool = Field(
        description="Whether its agent is there and reaches it; if not, the state is OFFLINE"
    )
    since: datetime | None = Field(description="Since when in this state")
    heard: datetime | None = Field(description="When the machine was last heard of")
    age_ms: int | None = Field(description="How long ago that was, milliseconds", ge=0, examples=[800])
    job: str | None = Field(description="Job that runs on it", examples=["J-1024"])
    cycles_total: int | None = Field(description="The agent's running count of cycles", examples=[182004])
    cycles_today: int | None = Field(description="Cycles since local midnight", examples=[412])
    cycles_yesterday: int | None = Field(
        description="Cycles of yesterday up to the same time of day", examples=[398]
    )
    utilization_last_hour: float | None = Field(
        description="Running time as a share (0 to 1) of known time outside planned stops, last 60 minutes",
        ge=0,
        le=1,
        examples=[0.78],
    )
    coverage_last_hour: float = Field(
        description="Share (0 to 1) of the last 60 minutes in which its state is known",
        ge=0,
        le=1,
        examples=[1],
    )


class Machines(BaseModel):
    """Machines by factory and id."""

    machines: list[MachineNow]


@router.get("", responses=responses(401, 403, 422, 503), summary="Every machine now")
def list_machines(found: Found, scope: CallerScope, _query: Annotated[NoQuery, Query()]) -> Machines:
    """Every machine that the caller may see, with its live state and today's figures."""
    names = {factory.id: factory.name for factory in found.records.factories(scope)}
    return Machines(machines=[_now(found, machine, names) for machine in found.records.machines(scope)])


@router.get(
    "/{factory}/{machine}",
    responses=responses(401, 403, 404, 422, 503),
    summary="One machine now",
)
def show_machine(
    *, found: Found, scope: CallerScope, factory: str, machine: str, _query: Annotated[NoQuery, Query()]
) -> MachineNow:
    """One machine, with its live state and today's figures."""
    known = machine_of(found, scope, MachineKey(factory, machine))
    names = {factory.id: factory.name for factory in found.records.factories([factory])}
    return _now(found, known, names)


def _now(found: Services, machine: Machine, names: dict[str, str]) -> MachineNow:
    live, measured = found.board.get(machine.key), found.measurements.get(machine.key)
    return MachineNow(
        factory=machine.key.factory,
        factory_name=names.get(machine.key.factory, machine.key.factory),
        machine=machine.key.machine,
        name=machine.name,
        process=machine.process,
        trust=machine.trust,
        share=machine.share,
        counts=machine.counts,
        state=live.state,
        connected=live.connected,
        since=_moment(found, live.since_ms),
        heard=_moment(found, live.heard_ms),
        age_ms=None if live.heard_ms is None else max(found.now() - live.heard_ms, 0),
        job=live.job or None,
        cycles_total=live.cycles_total,
        cycles_today=cycles_today(measured, live, found.config.zone),
        cycles_yesterday=measured.cycles_yesterday,
        utilization_last_hour=measured.utilization,
        coverage_last_hour=measured.coverage,
    )


def _moment(found: Services, at_ms: int | None) -> datetime | None:
    return None if at_ms is None else from_ms(at_ms, found.config.zone)
