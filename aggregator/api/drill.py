"""`matches/drill`: what if a factory stops tomorrow? Changes nothing."""

from datetime import date, timedelta
from typing import Annotated

from fastapi import APIRouter, HTTPException, Query
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from aggregator.api.caller import Coordinator, Found
from aggregator.api.drafts import only_a_day
from aggregator.api.problem import responses
from aggregator.api.query import NoQuery
from aggregator.matching.drill import Stop

router = APIRouter(prefix="/api/v1/matches", tags=["matching"])

LONGEST_DAYS = 365


class DrillQuery(NoQuery):
    """Which factory stops, and when."""

    factory: str = Field(max_length=64, description="Id of the factory", examples=["aoki"])
    first: Annotated[date, BeforeValidator(only_a_day)] | None = Field(
        None, alias="from", description="First day without work (default: tomorrow)", examples=["2026-12-01"]
    )
    days: int = Field(1, ge=1, le=LONGEST_DAYS, description="For so many days")


class _Row(BaseModel):
    model_config = ConfigDict(from_attributes=True, frozen=True)


class HitJobRow(_Row):
    """A job that the stop hits."""

    job: str = Field(description="Id of the job")
    step: str = Field(description="Id of the step")
    minutes: int = Field(description="Minutes of planned work in these days")
    pieces: int = Field(description="Good pieces of the job")
    instead: str | None = Field(description="Id of the factory that could take over; null: nobody")
    recorded: bool = Field(description="It is the backup that was named at the approval")


class HitOrderRow(_Row):
    """An order that the stop hits, and when it is done; null: not within the weeks ahead."""

    order: str = Field(description="Id of the order")
    due: date = Field(description="Day by whose end all is to be done")
    planned: date | None = Field(description="As planned")
    waiting: date | None = Field(description="If its jobs wait for the factory")
    switched: date | None = Field(description="If others take over")
    jobs: list[HitJobRow] = Field(description="The jobs that are hit")


class DrillRow(BaseModel):
    """What the stop would do; orders that it does not hit are not named."""

    factory: str = Field(description="Id of the factory")
    first: date = Field(description="First day without work")
    last: date = Field(description="Last day without work")
    orders: list[HitOrderRow] = Field(description="The orders that are hit")


@router.get("/drill", responses=responses(401, 403, 404, 422, 503), summary="What if a factory stops?")
def show_drill(found: Found, _: Coordinator, query: Annotated[DrillQuery, Query()]) -> DrillRow:
    """Orders that are hit, who could take over, and the new dates. Nothing is changed."""
    if query.factory not in {factory.id for factory in found.records.factories()}:
        raise HTTPException(404, "There is no such factory.")
    today = found.planning.today
    since = query.first or today + timedelta(days=1)
    if not today <= since <= today + timedelta(days=LONGEST_DAYS):
        raise HTTPException(422, f"from: give a day from {today} on, within a year")
    stop = Stop(query.factory, since, query.days)
    drilled = found.planning.drill(stop)
    orders = [HitOrderRow.model_validate(order) for order in drilled.orders]
    return DrillRow(factory=stop.factory, first=stop.since, last=stop.until, orders=orders)
