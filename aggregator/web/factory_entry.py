"""What a person entered, understood: rows of fields in, a profile and the fields that are wrong out."""

import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TypeVar
from zoneinfo import ZoneInfo

from aggregator.model.calendar import (
    DAY_MIN,
    Calendar,
    Closure,
    Overtime,
    PlannedStop,
    Shift,
    over_midnight,
)
from aggregator.model.factory_profile import Abilities, Declared, FactoryProfile
from aggregator.model.profile_faults import Fault, faults_of
from aggregator.web.entered_text import NO_SIZE, EnteredText, Wrong, words
from aggregator.web.factory_form import Draft, EventRow, MachineRow, ShiftRow, shown_part
from aggregator.web.formats import N_

NO_MACHINE = N_("There is no such machine here.")

Entry = TypeVar("Entry", Closure, PlannedStop, Overtime)
OwnShifts = tuple[tuple[str, tuple[Shift, ...]], ...]


def entered(draft: Draft, stored: FactoryProfile, zone: ZoneInfo) -> tuple[FactoryProfile, dict[str, Wrong]]:
    """Return the profile that the form means, and what is wrong with it by the name of the field.

    Whatever the form did not show is taken from `stored`. With anything wrong the profile holds only what
    could be understood.
    """
    reader = _Reader(draft, stored, zone)
    profile = reader.profile()
    wrong = reader.text.wrong
    if not wrong:
        for fault in faults_of(profile):
            wrong.setdefault(reader.field_of(fault), Wrong(fault.reason, dict(fault.values)))
    return profile, wrong


def work_of(row: ShiftRow) -> tuple[float, bool] | None:
    """Return the hours between the breaks of a row, and whether it ends on the next day; None when wrong."""
    text = EnteredText(ZoneInfo("UTC"))
    shift = _shift_of("", row, text)
    if text.wrong or shift.work_min < 0:
        return None
    return shift.work_min / 60, shift.end_min > DAY_MIN


class _Reader:
    """Reads the rows one after the other, and remembers where in the profile each of them went."""

    def __init__(self, draft: Draft, stored: FactoryProfile, zone: ZoneInfo) -> None:
        self._draft = draft
        self._stored = stored
        self._zone = zone
        self._ids = {row.id for row in draft.machines}
        self._places: dict[str, str] = {}
        self.text = EnteredText(zone)

    def profile(self) -> FactoryProfile:
        draft = self._draft
        calendar = self._calendar()
        abilities = {id_: each for id_, each in self._stored.abilities.items() if id_ not in self._ids}
        for index, row in enumerate(draft.machines):
            self._places[f"abilities.{row.id}."] = f"machines.{index}."
            said = self._abilities(f"machines.{index}", row)
            if said != Abilities():
                abilities[row.id] = said
        reserve = self.text.number("reserve", draft.reserve) or 0.0
        return replace(
            self._stored,
            calendar=None if calendar == Calendar() else calendar,
            reserve=round(reserve / 100, 6),
            abilities=abilities,
            declared=tuple(self._all_declared()),
        )

    def field_of(self, fault: Fault) -> str:
        """Return the name of the field that a fault of the profile belongs to."""
        place = fault.place
        for known, row in self._places.items():
            if place.startswith(known):
                place = row + place.removeprefix(known)
                break
        place = re.sub(r"_(min|um|kn)$", "", place.replace("size_mm", "length"))
        return re.sub(r"\[(\d+)\]", r".\1", place)

    def _calendar(self) -> Calendar:
        draft, before = self._draft, self._stored.calendar or Calendar()
        shown = shown_part(before, draft.shown_from, self._zone)
        shifts, own = self._all_shifts(before)
        closures = [
            (index, self._closure(index))
            for index, row in enumerate(draft.closures)
            if row.first or row.last or row.name
        ]
        stops = [(index, self._stop(index, row)) for index, row in enumerate(draft.stops) if _filled(row)]
        extra = [
            (index, self._overtime(index, row)) for index, row in enumerate(draft.overtime) if _filled(row)
        ]
        return Calendar(
            shifts,
            own,
            bool(draft.works_on_holidays),
            self._placed("closures", closures, before.closures, shown.closures, lambda each: each.first),
            self._placed(
                "planned_stops", stops, before.planned_stops, shown.planned_stops, lambda each: each.start_ms
            ),
            self._placed("overtime", extra, before.overtime, shown.overtime, lambda each: each.start_ms),
        )

    def _placed(
        self,
        name: str,
        entries: Iterable[tuple[int, Entry]],
        before: tuple[Entry, ...],
        shown: tuple[Entry, ...],
        begins: Callable[[Entry], object],
    ) -> tuple[Entry, ...]:
        """Return the entries of the form and those that it did not show, by their start."""
        both: list[tuple[int | None, Entry]] = [(None, each) for each in before if each not in shown]
        both += entries
        both.sort(key=lambda item: begins(item[1]))  # type: ignore[arg-type,return-value]
        section = "stops" if name == "planned_stops" else name
        for place, (index, _) in enumerate(both):
            if index is not None:
                self._places[f"calendar.{name}[{place}]"] = f"{section}.{index}"
        return tuple(each for _, each in both)

    def _all_shifts(self, before: Calendar) -> tuple[tuple[Shift, ...], OwnShifts]:
        """Return the factory's shifts, and those of single machines; an idle machine has none of its own."""
        factory: list[Shift] = []
        kept = {id_: list(shifts) for id_, shifts in before.machine_shifts if id_ not in self._ids}
        own: dict[str, list[Shift]] = kept | {row.id: [] for row in self._draft.machines if row.idle}
        rows: dict[tuple[str, int], int] = {}
        for index, row in enumerate(self._draft.shifts):
            shifts = own.setdefault(row.machine, []) if row.machine else factory
            rows[row.machine, len(shifts)] = index
            shifts.append(self._shift(f"shifts.{index}", row))
        numbers = {machine: number for number, machine in enumerate(sorted(own))}
        for (machine, position), index in rows.items():
            owner = f"machine_shifts[{numbers[machine]}].shifts" if machine else "shifts"
            self._places[f"calendar.{owner}[{position}]"] = f"shifts.{index}"
        return tuple(factory), tuple((machine, tuple(own[machine])) for machine in sorted(own))

    def _shift(self, name: str, row: ShiftRow) -> Shift:
        self._check_machine(name, row.machine)
        return _shift_of(name, row, self.text)

    def _closure(self, index: int) -> Closure:
        row, name = self._draft.closures[index], f"closures.{index}"
        first = self.text.date(f"{name}.first", row.first)
        last = self.text.date(f"{name}.last", row.last) if row.last else first
        return Closure(first, last, row.name)

    def _stop(self, index: int, row: EventRow) -> PlannedStop:
        return PlannedStop(*self._times(f"stops.{index}", row), row.machine or None, row.name)

    def _overtime(self, index: int, row: EventRow) -> Overtime:
        name = f"overtime.{index}"
        staff = self.text.count(f"{name}.staff", row.staff)
        return Overtime(*self._times(name, row), row.machine or None, staff, row.name)

    def _times(self, name: str, row: EventRow) -> tuple[int, int]:
        self._check_machine(name, row.machine)
        start = self.text.moment_ms(f"{name}.start", row.start)
        return start, self.text.moment_ms(f"{name}.end", row.end)

    def _abilities(self, name: str, row: MachineRow) -> Abilities:
        texts = [text for text in (row.length, row.width, row.height) if text]
        sizes = [size for text in texts if (size := self.text.number(f"{name}.length", text)) is not None]
        if len(texts) not in {0, 3}:
            self.text.wrong[f"{name}.length"] = Wrong(NO_SIZE)
        return Abilities(
            words(row.materials),
            self.text.number(f"{name}.tolerance", row.tolerance),
            (sizes[0], sizes[1], sizes[2]) if len(sizes) == 3 else None,
            self.text.number(f"{name}.tonnage", row.tonnage),
            words(row.others),
        )

    def _all_declared(self) -> Iterable[Declared]:
        place = 0
        for index, row in enumerate(self._draft.declared):
            if not (row.hours or row.week):
                continue
            name = f"declared.{index}"
            self._places[f"declared[{place}]"] = name
            place += 1
            hours = self.text.needed_number(f"{name}.hours", row.hours)
            yield Declared(row.process, hours, row.week or None)

    def _check_machine(self, name: str, machine: str) -> None:
        if machine and machine not in self._ids:
            self.text.wrong[f"{name}.machine"] = Wrong(NO_MACHINE)


def _shift_of(name: str, row: ShiftRow, text: EnteredText) -> Shift:
    """Return the shift of a row; what ends earlier than it starts ends on the next day."""
    start, end = text.clock(f"{name}.start", row.start), text.clock(f"{name}.end", row.end)
    rests = [
        (
            text.clock(f"{name}.breaks.{index}.start", rest.start),
            text.clock(f"{name}.breaks.{index}.end", rest.end),
        )
        for index, rest in enumerate(row.breaks)
        if rest.start or rest.end
    ]
    end, breaks = over_midnight(start, end, rests)
    staff = 0 if row.unmanned else text.count(f"{name}.staff", row.staff)
    days = frozenset(int(day) for day in row.days if day in set("0123456"))
    return Shift(days, start, end, breaks, staff)


def _filled(row: EventRow) -> bool:
    return bool(row.start or row.end or row.name)
