"""`orders/{order}/revisions`: the forms that an order had, and the next one. For the coordinator only."""

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic.types import StrictInt

from aggregator.api.caller import Coordinator, Found
from aggregator.api.drafts import Reason, Text, only_a_day
from aggregator.api.orders import OrderId
from aggregator.api.problem import responses
from aggregator.api.query import NoQuery
from aggregator.model.match import Decision
from aggregator.model.order import OrderDraft
from aggregator.planning.revising import Revised, revise, stored_order
from aggregator.store.order_rows import OrderRows, Revision

router = APIRouter(prefix="/api/v1/orders", tags=["orders"])


class RevisionBody(BaseModel):
    """What is to be different, and why; what is left out stays."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    reason: Reason
    buyer: Text | None = Field(None, description="Who orders", examples=["大手精機"])
    part: Text | None = Field(None, description="What is made", examples=["ブラケット A-2"])
    quantity: StrictInt | None = Field(None, description="Good pieces", examples=[400])
    due: Annotated[date, BeforeValidator(only_a_day)] | None = Field(
        None, description="Day by whose end all is done", examples=["2026-12-28"]
    )

    @model_validator(mode="after")
    def _something(self) -> "RevisionBody":
        if not self.changes():
            raise ValueError("give at least one of buyer, part, quantity and due")
        return self

    def changes(self) -> dict[str, str | int | date]:
        """Return what is to be different, by its name in the draft."""
        named = {"buyer": self.buyer, "part": self.part, "quantity": self.quantity, "due": self.due}
        return {name: value for name, value in named.items() if value is not None}


class RevisionRow(BaseModel):
    """A form that the order had."""

    revision: int = Field(description="Its number; 1 is the order as it was entered", examples=[2])
    at: datetime = Field(description="When it was entered")
    who: str = Field(description="Who entered it")
    reason: str | None = Field(description="Why; null for the first one")
    buyer: str = Field(description="Who orders")
    part: str = Field(description="What is made")
    quantity: int = Field(description="Good pieces")
    due: date = Field(description="Day by whose end all is done")
    steps: list[str] = Field(description="Process ids of its routing, step by step")


class RevisionList(BaseModel):
    """The forms of an order, the first one first."""

    revisions: list[RevisionRow]


class RevisedRow(BaseModel):
    """The new form, and the proposal that was made of it."""

    revision: RevisionRow
    match: str | None = Field(description="Id of the new proposal; null after approval, or if it waits")
    old_proposal: bool = Field(
        description="True: a new proposal could not be made just now; propose again before you approve"
    )


@router.get("/{order}/revisions", responses=responses(401, 403, 404, 422, 503), summary="Forms of an order")
def list_revisions(
    found: Found, _: Coordinator, order: OrderId, _query: Annotated[NoQuery, Query()]
) -> RevisionList:
    """Every form that the order had, with who changed it, when and why; nothing is ever overwritten."""
    rows = OrderRows(found.records.engine)
    known = rows.revisions(stored_order(rows, order).id)
    return RevisionList(revisions=[_row(each, found) for each in known])


@router.post(
    "/{order}/revisions",
    status_code=201,
    responses=responses(400, 401, 403, 404, 409, 422, 503),
    summary="Revise an order",
)
def add_revision(
    *, found: Found, caller: Coordinator, order: OrderId, body: RevisionBody, _: Annotated[NoQuery, Query()]
) -> RevisedRow:
    """Before approval a new proposal is made; after it, fewer pieces shrink jobs that have not begun."""
    rows = OrderRows(found.records.engine)
    stored = stored_order(rows, order)
    draft: OrderDraft = replace(stored.draft, **body.changes())  # type: ignore[arg-type]
    by = Decision(caller.name, found.now(), body.reason)
    revised: Revised = revise(found.planning, rows, stored, draft, by)
    found.order_book.nudge()
    return RevisedRow(
        revision=_row(revised.revision, found), match=revised.match, old_proposal=revised.old_proposal
    )


def _row(each: Revision, found: Found) -> RevisionRow:
    draft = each.draft
    return RevisionRow(
        revision=each.number,
        at=datetime.fromtimestamp(each.at_ms / 1000, UTC).astimezone(found.config.zone),
        who=each.who,
        reason=each.reason,
        buyer=draft.buyer,
        part=draft.part,
        quantity=draft.quantity,
        due=draft.due,
        steps=[step.process for step in draft.steps],
    )
