"""Checks that several tables of a scenario share; each raises ConfigError with the place and the cure."""

from collections.abc import Iterable

from agent.contract.topics import ID_PATTERN, valid_id
from agent.mistakes import mistake


def check_choice(place: str, got: str, choices: Iterable[str]) -> None:
    """Raise ConfigError unless `got` is one of `choices`."""
    if got not in (allowed := list(choices)):
        raise mistake(place, f"expected one of {', '.join(allowed)}, got {got!r}")


def check_id(place: str, got: str, taken: set[str]) -> None:
    """Raise ConfigError unless `got` is an id and not in `taken`; then take it."""
    if not valid_id(got):
        raise mistake(place, f"expected letters, digits, '.', '_' or '-' ({ID_PATTERN}), got {got!r}")
    if got in taken:
        raise mistake(place, f"{got!r} is taken by an earlier one; choose another id")
    taken.add(got)
