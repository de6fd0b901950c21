"""The form of an order draft as text: what a browser posted in, rows of fields and an order draft out.

A field's name is its way through the rows: `steps.0.process`. Steps are called by their number.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from aggregator.matching.faults import Fault
from aggregator.model.order import DraftStep, Needs, OrderDraft
from aggregator.web.entered_text import NO_SIZE, EnteredText, Wrong, number_text, words

MOST_STEPS = 50
_FIELD = re.compile(r"steps\.(\d{1,2})\.(\w+)")
_TEMPLATE = {
    "cutting": ("90", "2"),
    "pressing": ("6", "1"),
    "surface_treatment": ("20", "0.5"),
    "inspection": ("15", "0"),
    "assembly": ("45", "0.5"),
    "shipping": ("5", "0"),
}
"""Seconds of a cycle and hours of setup to start from."""


@dataclass(slots=True)
class StepRow:
    """One step; `after` are the numbers of the steps before it, between commas."""

    process: str = ""
    cycle: str = "60"
    pieces_per_cycle: str = "1"
    setup: str = "0"
    transport: str = "1"
    after: str = ""
    max_lots: str = "1"
    min_lot: str = "1"
    materials: str = ""
    tolerance: str = ""
    length: str = ""
    width: str = ""
    height: str = ""
    tonnage: str = ""
    others: str = ""

    @property
    def asks(self) -> bool:
        """Tell whether anything beyond the everyday fields is entered."""
        needs = (
            self.materials,
            self.tolerance,
            self.length,
            self.width,
            self.height,
            self.tonnage,
            self.others,
        )
        return any(needs) or self.max_lots not in {"", "1"}


@dataclass(slots=True)
class DraftForm:
    """The whole form."""

    buyer: str = ""
    part: str = ""
    quantity: str = ""
    due: str = ""
    steps: list[StepRow] = field(default_factory=list)


def new_form(processes: Sequence[str], today: date) -> DraftForm:
    """Return a routing to start from: a step for each process, and a due date six weeks from now."""
    steps = []
    for number, process in enumerate(processes):
        cycle, setup = _TEMPLATE.get(process, ("60", "0"))
        steps.append(StepRow(process, cycle, setup=setup, after=str(number) if number else ""))
    if steps:
        steps[-1].transport = "0"
    return DraftForm(due=(today + timedelta(weeks=6)).isoformat(), steps=steps)


def form_of(draft: OrderDraft) -> DraftForm:
    """Return the form that an order was drafted with, for another try; its steps go by number."""
    numbers = {step.id: str(number) for number, step in enumerate(draft.steps, 1)}
    steps = [_row(step, numbers) for step in draft.steps]
    return DraftForm(draft.buyer, draft.part, str(draft.quantity), draft.due.isoformat(), steps)


def _row(step: DraftStep, numbers: Mapping[str, str]) -> StepRow:
    length, width, height = (number_text(side) for side in step.needs.size_mm or (None, None, None))
    return StepRow(
        process=step.process,
        cycle=number_text(step.cycle_s),
        pieces_per_cycle=str(step.pieces_per_cycle),
        setup=number_text(step.setup_h),
        transport=str(step.transport_days),
        after=", ".join(numbers.get(each, each) for each in step.after),
        max_lots=str(step.max_lots),
        min_lot=str(step.min_lot),
        materials=", ".join(sorted(step.needs.materials)),
        tolerance=number_text(step.needs.tolerance_um),
        length=length,
        width=width,
        height=height,
        tonnage=number_text(step.needs.tonnage_kn),
        others=", ".join(sorted(step.needs.others)),
    )


def read_form(posted: Mapping[str, str]) -> DraftForm:
    """Return what was posted; fields that the form does not have are left out."""
    buyer, part, quantity, due = (
        posted.get(name, "").strip() for name in ("buyer", "part", "quantity", "due")
    )
    form = DraftForm(buyer, part, quantity, due)
    rows: dict[int, StepRow] = {}
    names = {each.name for each in fields(StepRow)}
    for name, text in posted.items():
        match = _FIELD.fullmatch(name)
        if match and match[2] in names and int(match[1]) < MOST_STEPS:
            setattr(rows.setdefault(int(match[1]), StepRow()), match[2], text.strip())
    form.steps = [rows[index] for index in sorted(rows)]
    return form


def press(form: DraftForm, button: str, template: DraftForm) -> None:
    """Do what a button says: `add`, `template`, `drop.2`, `up.2` or `down.2` (counted from 0)."""
    what, _, number = button.partition(".")
    at = int(number) if number.isdecimal() and len(number) < 4 else -1
    if what == "add" and len(form.steps) < MOST_STEPS:
        form.steps.append(StepRow(after=str(len(form.steps)) if form.steps else ""))
    elif what == "template":
        form.steps = template.steps
    elif what == "drop" and 0 <= at < len(form.steps):
        order = [*range(len(form.steps))]
        order.pop(at)
        _reorder(form, order)
    elif what in {"up", "down"}:
        other = at - 1 if what == "up" else at + 1
        if min(at, other) >= 0 and max(at, other) < len(form.steps):
            order = [*range(len(form.steps))]
            order[at], order[other] = order[other], order[at]
            _reorder(form, order)


def entered(form: DraftForm, zone: ZoneInfo) -> tuple[OrderDraft, dict[str, Wrong]]:
    """Return the draft, and what could not be understood by the field's name; it then means nothing."""
    text = EnteredText(zone)
    quantity = text.needed_count("quantity", form.quantity)
    due = text.date("due", form.due)
    steps = tuple(_step(text, index, row) for index, row in enumerate(form.steps))
    return OrderDraft(form.buyer, form.part, quantity, due, steps), text.wrong


def field_of(fault: Fault) -> str:
    """Return the name of the field that a fault is about: `steps[2].needs.size_mm` is `steps.2.length`."""
    place = re.sub(r"\[(\d+)\]", r".\1", fault.place).replace(".needs.", ".")
    names = {
        "cycle_s": "cycle",
        "setup_h": "setup",
        "transport_days": "transport",
        "tolerance_um": "tolerance",
    }
    names |= {"size_mm": "length", "tonnage_kn": "tonnage"}
    way, _, last = place.rpartition(".")
    return f"{way}.{names.get(last, last)}" if way else place


def _step(text: EnteredText, index: int, row: StepRow) -> DraftStep:
    at = f"steps.{index}"
    cycle = text.needed_number(f"{at}.cycle", row.cycle)
    return DraftStep(
        id=str(index + 1),
        process=row.process,
        cycle_s=cycle,
        after=tuple(sorted(words(row.after))),
        pieces_per_cycle=text.needed_count(f"{at}.pieces_per_cycle", row.pieces_per_cycle),
        setup_h=text.needed_number(f"{at}.setup", row.setup or "0"),
        transport_days=text.needed_count(f"{at}.transport", row.transport or "0"),
        max_lots=text.needed_count(f"{at}.max_lots", row.max_lots or "1"),
        min_lot=text.needed_count(f"{at}.min_lot", row.min_lot or "1"),
        needs=_needs(text, at, row),
    )


def _needs(text: EnteredText, at: str, row: StepRow) -> Needs:
    sides = [text.number(f"{at}.{name}", getattr(row, name)) for name in ("length", "width", "height")]
    length, width, height = sides
    size = None
    if length is not None and width is not None and height is not None:
        size = (length, width, height)
    elif any(side is not None for side in sides):
        text.wrong.setdefault(f"{at}.length", Wrong(NO_SIZE))
    return Needs(
        materials=words(row.materials),
        tolerance_um=text.number(f"{at}.tolerance", row.tolerance),
        size_mm=size,
        tonnage_kn=text.number(f"{at}.tonnage", row.tonnage),
        others=words(row.others),
    )


def _reorder(form: DraftForm, order: Sequence[int]) -> None:
    """Put the steps into another order; `order` are their old indices. References keep to their steps."""
    new = {str(old + 1): str(place + 1) for place, old in enumerate(order)}
    form.steps = [form.steps[old] for old in order]
    for row in form.steps:
        row.after = ", ".join(new[each] for each in sorted(words(row.after)) if each in new)
