"""What the pages of matching share: who may see them, and the words with the names that go in."""

from collections.abc import Mapping
from functools import partial
from typing import Annotated

from fastapi import Depends, HTTPException, Request

from aggregator.access.visitor import services, signed_in
from aggregator.model.user import Role, User
from aggregator.services import Services
from aggregator.web.match_say import Say
from aggregator.web.order import in_order
from aggregator.web.pages import formats_of, language_of, process_name


def coordinator(user: Annotated[User, Depends(signed_in)]) -> User:
    """Return the coordinator who is signed in; 403 for everybody else."""
    if user.role is not Role.COORDINATOR:
        raise HTTPException(403)
    return user


CoordinatorUser = Annotated[User, Depends(coordinator)]


def say_of(request: Request) -> Say:
    """Return how things are said for this request; blocks on the store."""
    found = services(request)
    name = partial(process_name, found.config.processes, language_of(request))
    factories = {factory.id: factory.name for factory in found.records.factories()}
    return Say(formats_of(request), factories, name, found.planning.today)


def processes_of(found: Services) -> list[str]:
    """Return the processes that somebody has, in the order of the configuration; else all of it."""
    known = in_order((machine.process for machine in found.records.machines()), found.config)
    return known or list(found.config.processes)


def able_factories(found: Services) -> Mapping[str, list[str]]:
    """Return the ids of the factories that have machines of a process, by process."""
    able: dict[str, list[str]] = {}
    for machine in found.records.machines():
        if machine.process and machine.key.factory not in able.setdefault(machine.process, []):
            able[machine.process].append(machine.key.factory)
    return able
