"""People and programs that sign in, and what each may see."""

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """`coordinator` sees the whole federation, `factory` only its own machines."""

    COORDINATOR = "coordinator"
    FACTORY = "factory"


@dataclass(frozen=True, slots=True)
class User:
    """Someone who signed in; `factory` is set for the role `factory` and None for the coordinator."""

    name: str
    role: Role
    factory: str | None = None
