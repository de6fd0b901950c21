"""`factories/{factory}/profile`: when a factory works, what its machines can take, what it declares."""

from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response

from aggregator.access.scope import Scope, covers, visible
from aggregator.api.caller import CallerScope, Found, caller_of
from aggregator.api.problem import WrongParameter, problem, responses
from aggregator.api.profile_rows import ProfileBody, ProfileRow, profile_row
from aggregator.api.query import NoQuery
from aggregator.model.user import User
from aggregator.services import Services
from aggregator.store.profiles import ProfileConflict, ProfileRefused

router = APIRouter(prefix="/api/v1/factories", tags=["factories"])

Caller = Annotated[User, Depends(caller_of)]


@router.get(
    "/{factory}/profile",
    responses=responses(401, 403, 404, 422, 503),
    summary="What a factory says of itself",
)
def show_profile(
    *, found: Found, scope: CallerScope, factory: str, _query: Annotated[NoQuery, Query()]
) -> ProfileRow:
    """Calendar, reserve, abilities and declared hours; revision 0 when nothing was entered yet."""
    _check(found, scope, factory)
    return profile_row(found.profiles.get(factory), found.config.zone)


@router.put(
    "/{factory}/profile",
    response_model=ProfileRow,
    responses=responses(400, 401, 403, 404, 409, 422, 503),
    summary="Change what a factory says of itself",
)
def change_profile(
    *,
    request: Request,
    found: Found,
    caller: Caller,
    factory: str,
    body: ProfileBody,
    _query: Annotated[NoQuery, Query()],
) -> ProfileRow | Response:
    """Replace the profile as a whole. Read it first: `revision` has to be the one that is stored."""
    _check(found, visible(caller), factory)
    try:
        saved = found.profiles.save(body.profile(factory), body.revision, caller.name, found.now())
    except ProfileConflict as conflict:
        return problem(request, 409, str(conflict))
    except ProfileRefused as refused:
        wrong = [
            WrongParameter(parameter=fault.place, reason=fault.reason.format(**fault.values))
            for fault in refused.faults
        ]
        return problem(request, 422, str(refused), wrong)
    return profile_row(saved, found.config.zone)


def _check(found: Services, scope: Scope, factory: str) -> None:
    """Raise 404 when there is no such factory, or it is out of the scope: both look the same."""
    known = covers(scope, factory) and "\0" not in factory  # PostgreSQL has no such text
    if not known or not (found.records.factories([factory]) or found.records.machines([factory])):
        raise HTTPException(404, "There is no such factory, or none that this token may see.")
