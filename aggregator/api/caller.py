"""Who calls the API, and what they may see: a token or a session in, a scope out."""

from typing import Annotated

from fastapi import Depends, HTTPException, Request
from fastapi.security import HTTPBearer

from aggregator.access.scope import Scope, covers, visible
from aggregator.access.visitor import bearer_of, services, session_of
from aggregator.model.machine import Machine, MachineKey
from aggregator.services import Services

_documented = HTTPBearer(
    auto_error=False, description="A token made by `machikoba user token`; it sees what its owner sees."
)


def scope_of(request: Request, _: Annotated[object, Depends(_documented)]) -> Scope:
    """Return what the caller may see; 401 without a valid token. People who are signed in need none."""
    user = bearer_of(request) if "authorization" in request.headers else session_of(request)
    if user is None:
        raise HTTPException(401, headers={"WWW-Authenticate": "Bearer"})
    return visible(user)


CallerScope = Annotated[Scope, Depends(scope_of)]
Found = Annotated[Services, Depends(services)]


def machine_of(found: Services, scope: Scope, key: MachineKey) -> Machine:
    """Return the machine; 404 when there is none or it is out of the scope: both look the same."""
    if covers(scope, key.factory) and "\0" not in key.factory:  # PostgreSQL has no such text
        for machine in found.records.machines([key.factory]):
            if machine.key == key:
                return machine
    raise HTTPException(404, "There is no such machine, or none that this token may see.")
