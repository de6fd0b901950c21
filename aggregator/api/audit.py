"""`audit`: who decided what, when and why. For the coordinator only."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import AwareDatetime, BaseModel, Field

from aggregator.api.caller import Coordinator, Found
from aggregator.api.moments import from_ms
from aggregator.api.problem import responses
from aggregator.api.query import NoQuery

router = APIRouter(prefix="/api/v1/audit", tags=["audit"])


class AuditQuery(NoQuery):
    """Which entries."""

    subject: str | None = Field(
        None,
        max_length=200,
        pattern=r"^[^\x00-\x1f]*$",
        description="Only of this proposal, order or factory (default: all)",
        examples=["2026-0042-p1"],
    )
    limit: int = Field(100, ge=1, le=1_000, description="At most this many, the newest")


class EntryRow(BaseModel):
    """One decision."""

    sequence: int = Field(description="Counts up by one; every entry's hash covers the one before")
    at: AwareDatetime = Field(description="RFC 3339")
    who: str = Field(description="Name of the account")
    action: str = Field(description="What was done", examples=["proposal approved"])
    subject: str = Field(description="To what", examples=["2026-0042-p1"])
    detail: Mapping[str, Any] = Field(description="With `reason` where one was given")


class AuditLog(BaseModel):
    """Entries, the newest first."""

    entries: list[EntryRow]


@router.get("", responses=responses(401, 403, 422, 503), summary="Who decided what, when and why")
def list_entries(found: Found, _: Coordinator, query: Annotated[AuditQuery, Query()]) -> AuditLog:
    """Entries of the audit log, which only grows."""
    zone = found.config.zone
    entries = found.audit.entries(query.subject, query.limit)
    rows = [
        EntryRow(
            sequence=each.sequence,
            at=from_ms(each.at_ms, zone),
            who=each.who,
            action=each.action,
            subject=each.subject,
            detail=each.detail,
        )
        for each in entries
    ]
    return AuditLog(entries=rows)
