"""People and programs that sign in, and what each may see."""

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """`coordinator` sees the whole federation, `factory` its own machines, `buyer` its own orders."""

    COORDINATOR = "coordinator"
    FACTORY = "factory"
    BUYER = "buyer"


@dataclass(frozen=True, slots=True)
class User:
    """Someone who signed in; only the role `factory` has a `factory`, only the role `buyer` a `buyer`.

    `buyer` is the name that stands on the orders. `reads_only`: who speaks is a program that may only see.
    """

    name: str
    role: Role
    factory: str | None = None
    buyer: str | None = None
    reads_only: bool = False
