"""Who calls the API, and what they may see: a token or a session in, a scope out."""

from typing import Annotated

from fastapi import Depends, HTTPException, Request
from fastapi.security import HTTPBearer

from aggregator.access.scope import Scope, covers, visible
from aggregator.access.visitor import bearer_of, services, session_of
from aggregator.model.machine import Machine, MachineKey
from aggregator.model.user import Role, User
from aggregator.services import Services

_documented = HTTPBearer(
    auto_error=False, description="A token made by `machikoba user token`; it sees what its owner sees."
)


def anyone_of(request: Request, _: Annotated[object, Depends(_documented)]) -> User:
    """Return who calls, a buyer too; 401 without a valid token. Who is signed in needs none, to read."""
    reads = request.method in {"GET", "HEAD"}
    user = session_of(request) if reads and "authorization" not in request.headers else bearer_of(request)
    if user is None:
        raise HTTPException(401, headers={"WWW-Authenticate": "Bearer"})
    if user.reads_only and not reads:
        raise HTTPException(
            403, "This token may only read; `machikoba user token NAME` makes one that may do more."
        )
    return user


def caller_of(caller: Annotated[User, Depends(anyone_of)]) -> User:
    """Return who of the federation calls; 403 for buyers, who see no factory's inside."""
    if caller.role is Role.BUYER:
        raise HTTPException(403, "A buyer's token sees the buyer's orders only.")
    return caller


def scope_of(caller: Annotated[User, Depends(caller_of)]) -> Scope:
    """Return which factories the caller may see."""
    return visible(caller)


def coordinator(caller: Annotated[User, Depends(caller_of)]) -> User:
    """Return the coordinator who calls; 403 for everybody else."""
    if caller.role is not Role.COORDINATOR:
        raise HTTPException(403, "Orders of the whole federation are for its coordinator only.")
    return caller


Caller = Annotated[User, Depends(caller_of)]
Anyone = Annotated[User, Depends(anyone_of)]
CallerScope = Annotated[Scope, Depends(scope_of)]
Coordinator = Annotated[User, Depends(coordinator)]
Found = Annotated[Services, Depends(services)]


def machine_of(found: Services, scope: Scope, key: MachineKey) -> Machine:
    """Return the machine; 404 when there is none or it is out of the scope: both look the same."""
    if covers(scope, key.factory) and "\0" not in key.factory:  # PostgreSQL has no such text
        for machine in found.records.machines([key.factory]):
            if machine.key == key:
                return machine
    raise HTTPException(404, "There is no such machine, or none that this token may see.")
