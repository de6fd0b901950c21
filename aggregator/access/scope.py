"""Scopes: who may see the machines of which factories. Queries take a scope; templates never filter."""

from collections.abc import Collection

from aggregator.model.user import Role, User

Scope = Collection[str] | None
"""Ids of the factories whose machines may be seen; None means all of the federation's."""


def visible(user: User) -> Scope:
    """Return what the user may see; a factory account without a factory sees nothing."""
    if user.role is Role.COORDINATOR:
        return None
    return frozenset({user.factory} if user.factory else ())


def covers(scope: Scope, factory: str) -> bool:
    """Tell whether the factory's machines are within the scope."""
    return scope is None or factory in scope
