"""What a factory says of itself: calendar, reserve, abilities of its machines, declared hours."""

from dataclasses import dataclass, field

from aggregator.model.calendar import Calendar


@dataclass(frozen=True, slots=True)
class Abilities:
    """What a machine can take; None or empty means not said, which fits only what does not ask for it.

    `materials` are words as the town uses them (SUS304, A5052, …), `tolerance_um` the finest tolerance held,
    `size_mm` the largest part (length, width, height), `tonnage_kn` the force of a press; `others` are
    further words, such as a plating.
    """

    materials: frozenset[str] = frozenset()
    tolerance_um: float | None = None
    size_mm: tuple[float, float, float] | None = None
    tonnage_kn: float | None = None
    others: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Declared:
    """Hours a week that the factory says it has free for a process; `week` None is for every other week."""

    process: str
    hours: float
    week: str | None = None


@dataclass(frozen=True, slots=True)
class FactoryProfile:
    """`reserve` is the share (0 to 1) of planned busy time that the factory keeps for itself.

    `calendar` is None until someone entered one: until then there is no capacity, and pages say why.
    `abilities` are by machine id. `revision` counts changes, so that two people who edit at once notice
    each other.
    """

    factory: str
    calendar: Calendar | None = None
    reserve: float = 0.0
    abilities: dict[str, Abilities] = field(default_factory=dict)
    declared: tuple[Declared, ...] = ()
    revision: int = 0
