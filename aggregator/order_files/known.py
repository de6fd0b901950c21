"""Which orders of a file are there already: orders of the file and open ones in, new and known ones out."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from aggregator.model.order import OrderDraft
from aggregator.order_files.read import FileOrder


@dataclass(frozen=True, slots=True)
class Sorted:
    """`fresh` are to be imported; `known` are there, each with the order or line that is the same."""

    fresh: tuple[FileOrder, ...]
    known: tuple[tuple[FileOrder, str], ...]


def sort_out(orders: Iterable[FileOrder], open_forms: Mapping[str, Sequence[OrderDraft]]) -> Sorted:
    """Tell new orders from those that are open, by buyer, part, quantity, due date and routing.

    `open_forms` are all forms that an open order had, by its id: one that was revised since it was imported
    is known by the form it was imported in. Of two that are the same within the file the first is new.
    """
    there = {same_work(form): id_ for id_, forms in open_forms.items() for form in forms}
    fresh: list[FileOrder] = []
    known: list[tuple[FileOrder, str]] = []
    for order in orders:
        work = same_work(order.draft)
        if work in there:
            known.append((order, there[work]))
        else:
            there[work] = order.key
            fresh.append(order)
    return Sorted(tuple(fresh), tuple(known))


def same_work(draft: OrderDraft) -> OrderDraft:
    """Return the draft with steps called by their number, as whatever calls them otherwise is the same."""
    numbers = {step.id: str(number) for number, step in enumerate(draft.steps, 1)}
    steps = (
        replace(
            step, id=numbers[step.id], after=tuple(sorted(numbers.get(each, each) for each in step.after))
        )
        for step in draft.steps
    )
    return replace(draft, steps=tuple(steps))
