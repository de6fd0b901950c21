"""`utilization`: how busy machines, factories and processes were, and how much of it is known."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import AwareDatetime, BaseModel, Field

from aggregator.api.caller import CallerScope, Found
from aggregator.api.moments import from_ms, range_ms
from aggregator.api.problem import responses
from aggregator.api.query import By, UtilizationQuery
from aggregator.api.states import StateMilliseconds, by_name
from aggregator.measured import Load, load_of
from aggregator.model.machine import Machine, untold_cycles

router = APIRouter(prefix="/api/v1/utilization", tags=["history"])


class UtilizationRow(BaseModel):
    """How busy a machine, a factory or a process was. null is unknown, never 0."""

    factory: str | None = Field(description="Id of the factory; null by process", examples=["aoki"])
    machine: str | None = Field(description="Id of the machine; only by machine", examples=["mc-01"])
    process: str | None = Field(
        description="Process id; null by factory, and where unknown", examples=["cutting"]
    )
    machines: int = Field(ge=1, description="How many machines", examples=[1])
    utilization: float | None = Field(
        ge=0,
        le=1,
        description="RUNNING / (RUNNING + SETUP + IDLE + DOWN), 0 to 1; null when nothing is known",
        examples=[0.62],
    )
    coverage: float = Field(
        ge=0,
        le=1,
        description="Share (0 to 1) of the machines' time in which their state is known",
        examples=[0.98],
    )
    state_ms: StateMilliseconds = Field(description="Milliseconds in each state, of all its machines")
    cycles: int | None = Field(
        description="Machine cycles; null when nothing was measured, or a machine does not tell all",
        examples=[1820],
    )


class Utilization(BaseModel):
    """Utilization over `[since, until)`."""

    since: AwareDatetime
    until: AwareDatetime
    by: By
    rows: list[UtilizationRow]


@router.get(
    "",
    responses=responses(401, 403, 422, 503),
    summary="Utilization by machine, factory or process",
)
def show_utilization(
    found: Found, scope: CallerScope, query: Annotated[UtilizationQuery, Query()]
) -> Utilization:
    """Measured utilization, the milliseconds behind it, and how much of the time is known."""
    since_ms, until_ms = range_ms(query.since, query.until, found.now())
    machines = found.records.machines(scope)
    totals = found.timeseries.totals([machine.key for machine in machines], since_ms, until_ms)
    groups: dict[tuple[str | None, str | None, str | None], list[Machine]] = {}
    for machine in machines:
        groups.setdefault(_group(machine, query.by), []).append(machine)
    rows = []
    for (factory, name, process), own in groups.items():
        measured = [totals[machine.key] for machine in own if machine.key in totals]
        load = load_of(len(own), measured, until_ms - since_ms, untold_cycles(own))
        rows.append(_row((factory, name, process), load))
    zone = found.config.zone
    return Utilization(since=from_ms(since_ms, zone), until=from_ms(until_ms, zone), by=query.by, rows=rows)


def _group(machine: Machine, by: By) -> tuple[str | None, str | None, str | None]:
    if by is By.MACHINE:
        return machine.key.factory, machine.key.machine, machine.process
    if by is By.FACTORY:
        return machine.key.factory, None, None
    return None, None, machine.process


def _row(group: tuple[str | None, str | None, str | None], load: Load) -> UtilizationRow:
    factory, machine, process = group
    return UtilizationRow(
        factory=factory,
        machine=machine,
        process=process,
        machines=load.machines,
        utilization=load.utilization,
        coverage=load.coverage,
        state_ms=StateMilliseconds(**by_name(load.state_ms)),
        cycles=load.cycles,
    )
