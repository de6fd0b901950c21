"""A factory's profile as programs read and write it; times are RFC 3339, shifts count minutes of the day."""

from datetime import date
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field

from aggregator.api.moments import Instant, from_ms, to_ms
from aggregator.model.calendar import Break, Calendar, Closure, Overtime, PlannedStop, Shift
from aggregator.model.factory_profile import Abilities, Declared, FactoryProfile
from aggregator.model.profile_faults import MAX_ENTRIES, MAX_LENGTH, MAX_STAFF, MAX_WORDS

_LONGEST_MIN = 2 * 1440
_Name = Field("", max_length=MAX_LENGTH, description="What people call it", examples=["お盆休み"])
_Machine = Field(
    None, max_length=MAX_LENGTH, description="Id of the machine; null: the whole factory", examples=["mc-01"]
)
_Staff = Field(
    None,
    ge=0,
    le=MAX_STAFF,
    description="How many machines people can tend at once; null: all, 0: unmanned, which is no capacity",
    examples=[3],
)


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class BreakRow(_Part):
    """A pause within a shift."""

    start_min: int = Field(
        ge=0, le=_LONGEST_MIN, description="Minutes from the local midnight on which the shift began"
    )
    end_min: int = Field(ge=0, le=_LONGEST_MIN, description="Where it ends, counted likewise")


class ShiftRow(_Part):
    """Work that begins on some weekdays."""

    days: list[int] = Field(
        min_length=1, max_length=7, description="Weekdays, 0 is Monday", examples=[[0, 1, 2, 3, 4]]
    )
    start_min: int = Field(ge=0, lt=1440, description="Minutes from local midnight", examples=[480])
    end_min: int = Field(
        ge=1,
        le=_LONGEST_MIN,
        description="Minutes from the same midnight, over 1,440 where the shift ends on the next day",
        examples=[1020],
    )
    breaks: list[BreakRow] = Field([], max_length=MAX_ENTRIES, description="Pauses; nobody works in them")
    staff: int | None = _Staff


class MachineShifts(_Part):
    """Shifts of a machine that does not follow the factory's; none at all: it never works."""

    machine: str = Field(min_length=1, max_length=MAX_LENGTH, description="Id of the machine")
    shifts: list[ShiftRow] = Field(max_length=MAX_ENTRIES, description="Its shifts")


class ClosureRow(_Part):
    """Days on which no shift begins."""

    first: date = Field(description="First closed day", examples=["2026-08-13"])
    last: date = Field(description="Last closed day, itself closed", examples=["2026-08-16"])
    name: str = _Name


class StopRow(_Part):
    """A time without capacity."""

    start: Instant = Field(description="RFC 3339 with an offset", examples=["2026-11-27T13:00:00+09:00"])
    end: Instant = Field(description="RFC 3339 with an offset", examples=["2026-11-27T17:00:00+09:00"])
    machine: str | None = _Machine
    name: str = _Name


class OvertimeRow(StopRow):
    """Extra work, also on closed days."""

    staff: int | None = _Staff


class CalendarRow(_Part):
    """When a factory works."""

    shifts: list[ShiftRow] = Field([], max_length=MAX_ENTRIES, description="Shifts of the whole factory")
    machine_shifts: list[MachineShifts] = Field(
        [], max_length=MAX_ENTRIES, description="Shifts of single machines"
    )
    works_on_holidays: bool = Field(False, description="Whether shifts begin on Japanese public holidays too")
    closures: list[ClosureRow] = Field([], max_length=MAX_ENTRIES, description="Closed days")
    planned_stops: list[StopRow] = Field(
        [], max_length=MAX_ENTRIES, description="Stops, which win over everything"
    )
    overtime: list[OvertimeRow] = Field([], max_length=MAX_ENTRIES, description="One-off extra work")


class AbilitiesRow(_Part):
    """What a machine can take; what is not said fits only work that does not ask for it."""

    materials: list[str] = Field([], max_length=MAX_WORDS, description="As the town calls them")
    tolerance_um: float | None = Field(None, gt=0, description="Finest tolerance held, micrometres")
    size_mm: tuple[float, float, float] | None = Field(
        None, description="Largest part: length, width, height in millimetres"
    )
    tonnage_kn: float | None = Field(None, gt=0, description="Force of a press, kilonewtons")
    others: list[str] = Field([], max_length=MAX_WORDS, description="Further words, such as a plating")


class DeclaredRow(_Part):
    """Hours that the factory says it has free."""

    process: str = Field(min_length=1, max_length=MAX_LENGTH, description="Process id", examples=["cutting"])
    hours: float = Field(ge=0, description="Machine hours a week", examples=[40])
    week: str | None = Field(None, description="ISO week; null: every other week", examples=["2026-W48"])


class ProfileBody(_Part):
    """All that a factory says of itself."""

    revision: int = Field(
        ge=0, description="The revision that this was read as; another one means someone was faster"
    )
    calendar: CalendarRow | None = Field(
        None, description="null: nobody has entered one, so there is no spare capacity"
    )
    reserve: float = Field(0.0, ge=0, le=1, description="Share (0 to 1) of planned time kept for itself")
    abilities: dict[str, AbilitiesRow] = Field({}, description="By id of the machine")
    declared: list[DeclaredRow] = Field([], max_length=MAX_ENTRIES, description="Hours declared free")

    def profile(self, factory: str) -> FactoryProfile:
        """Return the profile of that factory."""
        return FactoryProfile(
            factory,
            None if self.calendar is None else _calendar(self.calendar),
            self.reserve,
            {machine: _abilities(row) for machine, row in self.abilities.items()},
            tuple(Declared(row.process, row.hours, row.week) for row in self.declared),
            self.revision,
        )


class ProfileRow(ProfileBody):
    """All that a factory says of itself, and whose it is."""

    factory: str = Field(description="Id of the factory", examples=["aoki"])


def profile_row(profile: FactoryProfile, zone: ZoneInfo) -> ProfileRow:
    """Return the profile as it is sent; lists that stand for sets are sorted."""
    calendar = profile.calendar
    return ProfileRow(
        factory=profile.factory,
        revision=profile.revision,
        calendar=None if calendar is None else _calendar_row(calendar, zone),
        reserve=profile.reserve,
        abilities={machine: _abilities_row(each) for machine, each in profile.abilities.items()},
        declared=[
            DeclaredRow(process=each.process, hours=each.hours, week=each.week) for each in profile.declared
        ],
    )


def _calendar(row: CalendarRow) -> Calendar:
    return Calendar(
        tuple(_shift(each) for each in row.shifts),
        tuple((own.machine, tuple(_shift(each) for each in own.shifts)) for own in row.machine_shifts),
        row.works_on_holidays,
        tuple(Closure(each.first, each.last, each.name) for each in row.closures),
        tuple(
            PlannedStop(to_ms(each.start), to_ms(each.end), each.machine, each.name)
            for each in row.planned_stops
        ),
        tuple(
            Overtime(to_ms(each.start), to_ms(each.end), each.machine, each.staff, each.name)
            for each in row.overtime
        ),
    )


def _shift(row: ShiftRow) -> Shift:
    breaks = tuple(Break(each.start_min, each.end_min) for each in row.breaks)
    return Shift(frozenset(row.days), row.start_min, row.end_min, breaks, row.staff)


def _abilities(row: AbilitiesRow) -> Abilities:
    return Abilities(
        frozenset(row.materials), row.tolerance_um, row.size_mm, row.tonnage_kn, frozenset(row.others)
    )


def _calendar_row(calendar: Calendar, zone: ZoneInfo) -> CalendarRow:
    return CalendarRow(
        shifts=[_shift_row(shift) for shift in calendar.shifts],
        machine_shifts=[
            MachineShifts(machine=machine, shifts=[_shift_row(shift) for shift in own])
            for machine, own in calendar.machine_shifts
        ],
        works_on_holidays=calendar.works_on_holidays,
        closures=[ClosureRow(first=each.first, last=each.last, name=each.name) for each in calendar.closures],
        planned_stops=[
            StopRow(
                start=from_ms(each.start_ms, zone),
                end=from_ms(each.end_ms, zone),
                machine=each.machine,
                name=each.name,
            )
            for each in calendar.planned_stops
        ],
        overtime=[
            OvertimeRow(
                start=from_ms(each.start_ms, zone),
                end=from_ms(each.end_ms, zone),
                machine=each.machine,
                name=each.name,
                staff=each.staff,
            )
            for each in calendar.overtime
        ],
    )


def _shift_row(shift: Shift) -> ShiftRow:
    return ShiftRow(
        days=sorted(shift.days),
        start_min=shift.start_min,
        end_min=shift.end_min,
        breaks=[BreakRow(start_min=rest.start_min, end_min=rest.end_min) for rest in shift.breaks],
        staff=shift.staff,
    )


def _abilities_row(abilities: Abilities) -> AbilitiesRow:
    return AbilitiesRow(
        materials=sorted(abilities.materials),
        tolerance_um=abilities.tolerance_um,
        size_mm=abilities.size_mm,
        tonnage_kn=abilities.tonnage_kn,
        others=sorted(abilities.others),
    )
