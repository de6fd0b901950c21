"""What is wrong with an order draft: every fault with its place and a sentence that says what to change."""

import math
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from aggregator.matching.routing import loop_in
from aggregator.model.order import DraftStep, Needs, OrderDraft
from aggregator.model.text import shows

MOST_PIECES = 10_000_000
MOST_STEPS = 50
MOST_LOTS = 20
LONGEST_TEXT = 200
LONGEST_CYCLE_S = 1_000_000.0
LONGEST_SETUP_H = 1_000.0
LONGEST_TRANSPORT_DAYS = 60
LATEST_DUE_DAYS = 3 * 366


@dataclass(frozen=True, slots=True)
class Fault:
    """`place` reads `steps[2].after`; `code` is stable, so that pages can say `reason` in other languages.

    `values` are what the sentence names, by the names of its blanks: texts, in the order of English.
    """

    place: str
    reason: str
    code: str
    values: Mapping[str, str]


def faults(draft: OrderDraft, processes: Collection[str], today: date) -> list[Fault]:
    """Return all that has to be changed before the draft can be matched; nothing if it can.

    `processes` are those that somebody in the federation has.
    """
    found = [*_order_faults(draft, today)]
    for index, step in enumerate(draft.steps):
        found += _step_faults(f"steps[{index}]", step, draft, processes)
    return [*found, *_routing_faults(draft)]


def _fault(place: str, code: str, sentence: str, **values: object) -> Fault:
    texts = {name: str(value) for name, value in values.items()}
    return Fault(place, sentence.format(**texts), code, texts)


def _order_faults(draft: OrderDraft, today: date) -> Iterator[Fault]:
    yield from _text_faults("buyer", draft.buyer)
    yield from _text_faults("part", draft.part)
    yield from _quantity_faults(draft.quantity)
    if draft.due < today:
        yield _fault(
            "due", "due_past", "{due} is over; give a date from {today} on", due=draft.due, today=today
        )
    elif (draft.due - today).days > LATEST_DUE_DAYS:
        yield _fault("due", "due_far", "{due} is too far away; give a date within 3 years", due=draft.due)
    if not draft.steps:
        yield _fault("steps", "no_steps", "an order needs at least one step; say which process makes it")
    if len(draft.steps) > MOST_STEPS:
        yield _fault(
            "steps",
            "too_many_steps",
            "{count} steps are too many; use at most {most}",
            count=len(draft.steps),
            most=MOST_STEPS,
        )


def _quantity_faults(quantity: int) -> Iterator[Fault]:
    if not _whole(quantity):
        yield _fault("quantity", "not_whole", "give a whole number of pieces")
    elif quantity < 1:
        yield _fault(
            "quantity", "no_pieces", "{quantity} pieces cannot be made; order at least 1", quantity=quantity
        )
    elif quantity > MOST_PIECES:
        yield _fault(
            "quantity",
            "too_many_pieces",
            "{quantity} pieces are too many for one order; order at most {most} and split the rest",
            quantity=quantity,
            most=MOST_PIECES,
        )


def _text_faults(place: str, text: str) -> Iterator[Fault]:
    if not text.strip():
        yield _fault(place, "empty_text", "this must not be empty")
    elif len(text) > LONGEST_TEXT:
        yield _fault(
            place,
            "long_text",
            "{length} characters are too many; use at most {most}",
            length=len(text),
            most=LONGEST_TEXT,
        )
    elif not shows(text):
        yield _fault(
            place,
            "unshown_text",
            "this holds characters that cannot be shown, such as line breaks; leave them out",
        )


def _step_faults(
    place: str, step: DraftStep, draft: OrderDraft, processes: Collection[str]
) -> Iterator[Fault]:
    yield from _text_faults(f"{place}.id", step.id)
    if step.process not in processes:
        known = ", ".join(sorted(processes)) or "none yet"
        yield _fault(
            f"{place}.process",
            "unknown_process",
            "no factory has the process {process}; those that exist are: {known}",
            process=step.process[:LONGEST_TEXT],
            known=known,
        )
    yield from _number_faults(f"{place}.cycle_s", step.cycle_s, 0.001, LONGEST_CYCLE_S, "seconds")
    yield from _number_faults(f"{place}.setup_h", step.setup_h, 0.0, LONGEST_SETUP_H, "hours")
    yield from _count_faults(f"{place}.pieces_per_cycle", step.pieces_per_cycle, 1, MOST_PIECES)
    yield from _count_faults(f"{place}.transport_days", step.transport_days, 0, LONGEST_TRANSPORT_DAYS)
    yield from _count_faults(f"{place}.max_lots", step.max_lots, 1, MOST_LOTS)
    yield from _count_faults(f"{place}.min_lot", step.min_lot, 1, MOST_PIECES)
    if _whole(step.min_lot) and _whole(draft.quantity) and step.min_lot > draft.quantity >= 1:
        yield _fault(
            f"{place}.min_lot",
            "min_lot_over_quantity",
            "a lot of at least {lot} pieces is more than the {quantity} pieces ordered; make it smaller",
            lot=step.min_lot,
            quantity=draft.quantity,
        )
    yield from _needs_faults(f"{place}.needs", step.needs)


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _number_faults(place: str, value: float, least: float, most: float, unit: str) -> Iterator[Fault]:
    if not math.isfinite(value) or not least <= value <= most:
        yield _fault(
            place,
            "out_of_range",
            "{value} cannot be; give {least} to {most} {unit}",
            value=value,
            least=f"{least:g}",
            most=f"{most:,.0f}",
            unit=unit,
        )


def _count_faults(place: str, value: int, least: int, most: int) -> Iterator[Fault]:
    if not _whole(value) or not least <= value <= most:
        yield _fault(
            place,
            "bad_count",
            "{value} cannot be; give a whole number from {least} to {most}",
            value=value,
            least=least,
            most=most,
        )


def _needs_faults(place: str, needs: Needs) -> Iterator[Fault]:
    sizes = needs.size_mm or ()
    numbers = [("tolerance_um", needs.tolerance_um), ("tonnage_kn", needs.tonnage_kn)]
    for name, value in [*numbers, *(("size_mm", size) for size in sizes)]:
        if value is not None and not (math.isfinite(value) and 0 < value < 1e9):
            yield _fault(
                f"{place}.{name}", "bad_need", "{value} cannot be; give a number above 0", value=value
            )
    for name, words in (("materials", needs.materials), ("others", needs.others)):
        for word in sorted(words):
            yield from _text_faults(f"{place}.{name}", word)


def _routing_faults(draft: OrderDraft) -> Iterator[Fault]:
    counts = Counter(step.id for step in draft.steps)
    seen: set[str] = set()
    for index, step in enumerate(draft.steps):
        if step.id in seen:
            yield _fault(
                f"steps[{index}].id",
                "duplicate_id",
                "two steps are called {id}; give each its own",
                id=step.id[:LONGEST_TEXT],
            )
        seen.add(step.id)
        for before in step.after:
            if before not in counts:
                yield _fault(
                    f"steps[{index}].after",
                    "unknown_after",
                    "there is no step {id}; name one of: {known}",
                    id=before[:LONGEST_TEXT],
                    known=", ".join(each for each in counts if each != step.id)[:1000],
                )
    loop = loop_in(draft.steps)
    if loop:
        index = next(index for index, step in enumerate(draft.steps) if step.id == loop[0])
        yield _fault(
            f"steps[{index}].after",
            "loop",
            "the steps wait for each other: {loop}; take one of these out of `after`",
            loop=" → ".join([*loop, loop[0]]),
        )
