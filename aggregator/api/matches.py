"""`matches`: order drafts in, proposals out, and decisions about them. For the coordinator only."""

from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field

from agent.contract.topics import valid_id
from aggregator.api.caller import Coordinator, Found
from aggregator.api.drafts import ApproveBody, DraftBody, EditBody, ReasonBody
from aggregator.api.match_rows import MatchRow, MatchSummary, match_row, match_summary
from aggregator.api.problem import responses
from aggregator.api.query import NoQuery
from aggregator.model.match import Match, MatchStatus
from aggregator.planning.errors import NoSuchMatch
from aggregator.services import Services

router = APIRouter(prefix="/api/v1/matches", tags=["matching"])

MatchId = Annotated[str, Path(description="Id of the proposal", examples=["2026-0042-p1"])]
_READS = responses(401, 403, 404, 422, 503)
_DECIDES = responses(400, 401, 403, 404, 409, 422, 503)


class MatchList(BaseModel):
    """Proposals, the newest first."""

    matches: list[MatchSummary]


class ListQuery(NoQuery):
    """How many proposals, and which."""

    limit: int = Field(100, ge=1, le=1_000, description="At most this many, the newest")


@router.post(
    "", status_code=201, responses=responses(400, 401, 403, 422, 503), summary="Propose a team for an order"
)
def propose(found: Found, caller: Coordinator, body: DraftBody, _: Annotated[NoQuery, Query()]) -> MatchRow:
    """Ranked plans with factories, weeks, backups, reasons and what is missing. Nothing is committed yet."""
    return _row(found, found.planning.propose(body.draft(), caller.name))


@router.get("", responses=responses(401, 403, 422, 503), summary="Proposals, the newest first")
def list_matches(found: Found, _: Coordinator, query: Annotated[ListQuery, Query()]) -> MatchList:
    """Every proposal in a line, with whether it still holds."""
    matches = found.planning.matches(query.limit)
    standings = found.planning.standings(matches)
    zone = found.config.zone
    return MatchList(matches=[match_summary(each, standings.get(each.id), zone) for each in matches])


@router.get("/{match}", responses=_READS, summary="One proposal")
def show_match(found: Found, _: Coordinator, match: MatchId, _query: Annotated[NoQuery, Query()]) -> MatchRow:
    """The proposal, what it rests on, and how it stands against the capacity of now."""
    return _row(found, found.planning.match(_known(match)))


@router.post("/{match}/approve", responses=_DECIDES, summary="Approve a proposal")
def approve(
    *, found: Found, caller: Coordinator, match: MatchId, body: ApproveBody, _: Annotated[NoQuery, Query()]
) -> MatchRow:
    """Commit the capacity of its best plan and create steps and jobs, all or nothing."""
    return _row(found, found.planning.approve(_known(match), caller.name, confirmed=body.confirm))


@router.post("/{match}/reject", responses=_DECIDES, summary="Reject a proposal")
def reject(
    *, found: Found, caller: Coordinator, match: MatchId, body: ReasonBody, _: Annotated[NoQuery, Query()]
) -> MatchRow:
    """Say that neither the proposal nor the order is wanted."""
    return _row(found, found.planning.reject(_known(match), caller.name, body.reason))


@router.post("/{match}/edit", status_code=201, responses=_DECIDES, summary="Change a proposal")
def edit(
    *, found: Found, caller: Coordinator, match: MatchId, body: EditBody, _: Annotated[NoQuery, Query()]
) -> MatchRow:
    """Replace an open proposal by one with other factories or weeks, checked anew on P10."""
    known, planning = _known(match), found.planning
    if body.plan is not None:
        return _row(found, planning.choose(known, caller.name, body.reason, body.plan))
    return _row(found, planning.edit(known, caller.name, body.reason, body.changes()))


@router.post("/{match}/again", status_code=201, responses=_DECIDES, summary="Propose again")
def again(*, found: Found, caller: Coordinator, match: MatchId, _: Annotated[NoQuery, Query()]) -> MatchRow:
    """Replace an open proposal by a new one on the capacity of now."""
    return _row(found, found.planning.again(_known(match), caller.name))


@router.post("/{match}/cancel", responses=_DECIDES, summary="Cancel an approved order")
def cancel(
    *, found: Found, caller: Coordinator, match: MatchId, body: ReasonBody, _: Annotated[NoQuery, Query()]
) -> MatchRow:
    """Cancel the order's open jobs; their capacity is free again."""
    known = found.planning.match(_known(match))
    found.planning.cancel(known.order, caller.name, body.reason)
    return _row(found, found.planning.match(known.id))


def _known(match: str) -> str:
    """Return the id; raises NoSuchMatch for what no id can be."""
    if not valid_id(match):
        raise NoSuchMatch("there is no such proposal")
    return match


def _row(found: Services, match: Match) -> MatchRow:
    standing = found.planning.standings([match]).get(match.id)
    decided = match.status is MatchStatus.APPROVED
    jobs = found.planning.jobs(match.order) if decided else []
    return match_row(match, standing, jobs, found.config.zone)
