"""A result worth plotting, on its way to where it is kept."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Point:
    """`tags` say what it is of, `fields` what is known of it at `at_ms` (UTC ms).

    What is written again replaces what was there, so that all fields are given always. `lasting` ones are
    kept for good. `described` are tags that may change for the same thing (a machine's process): at most one
    description of a thing counts at a moment.
    """

    measurement: str
    tags: Mapping[str, str]
    at_ms: int
    fields: Mapping[str, int | float | str]
    lasting: bool = False
    described: Mapping[str, str] = field(default_factory=dict)
