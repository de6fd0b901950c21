"""What a factory agrees that others see of it, field by field; every answer can be taken back."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Field(StrEnum):
    """`name_to_buyers`: buyers read its name at the steps it works on; `name_to_partners`: so do factories
    that work on the same order; `bands`: its spare hours count in the bands that other factories see.
    """

    NAME_TO_BUYERS = "name_to_buyers"
    NAME_TO_PARTNERS = "name_to_partners"
    BANDS = "bands"


UNASKED: Mapping[Field, bool] = {
    Field.NAME_TO_BUYERS: False,
    Field.NAME_TO_PARTNERS: True,
    Field.BANDS: True,
}
"""What holds until a factory answers: partners have to know where goods come from and go to."""


@dataclass(frozen=True, slots=True)
class Consent:
    """A factory's answer to one question, the newest one; None while it was never asked."""

    factory: str
    field: Field
    granted: bool
    changed_ms: int | None = None
    changed_by: str | None = None


@dataclass(frozen=True, slots=True)
class Consents:
    """What every factory agrees to; `answers` holds only what was answered."""

    answers: Mapping[tuple[str, Field], Consent]

    def agrees(self, factory: str, field: Field) -> bool:
        """Tell whether others may see this of the factory."""
        answer = self.answers.get((factory, field))
        return UNASKED[field] if answer is None else answer.granted

    def of(self, factory: str) -> list[Consent]:
        """Return the factory's answer to every question, in the order of `Field`."""
        return [
            self.answers.get((factory, field), Consent(factory, field, UNASKED[field])) for field in Field
        ]
