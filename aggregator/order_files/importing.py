"""Orders of a file become proposals, one after the other; those that are open already are left out."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from threading import Lock

from aggregator.config import Config
from aggregator.model.match import Match
from aggregator.model.order import OrderDraft
from aggregator.order_files.known import Sorted, sort_out
from aggregator.order_files.read import FileOrder, Town
from aggregator.planning.planning import Planning
from aggregator.services import Services
from aggregator.store.order_rows import OrderRows

_one_at_a_time = Lock()
"""A button pressed twice imports once: the second import sees what the first one made."""


def town_of(found: Services) -> Town:
    """Return what a file is read against; blocks on the store."""
    processes = {machine.process for machine in found.records.machines() if machine.process}
    return Town.of(_words(found.config), processes, found.planning.today)


def sorted_out(rows: OrderRows, orders: Sequence[FileOrder]) -> Sorted:
    """Return which of the orders are new; blocks on the store."""
    return sort_out(orders, rows.open_forms())


def propose_all(
    planning: Planning, rows: OrderRows, orders: Sequence[FileOrder], who: str
) -> Iterator[tuple[FileOrder, Match]]:
    """Propose for every order that is new, and yield each when it is stored; blocks about a second each.

    Raises what `Planning.propose` does; what was yielded is stored, and is known when the file comes again.
    One that another process stored meanwhile is left out.
    """
    with _one_at_a_time:
        for order in sorted_out(rows, orders).fresh:
            try:
                made = planning.propose(order.draft, who, partial(_check_new, order))
            except _Known:
                continue
            yield order, made


class _Known(Exception):
    """An order became known between the look and the entry."""


def _check_new(order: FileOrder, open_forms: Mapping[str, Sequence[OrderDraft]]) -> None:
    if not sort_out([order], open_forms).fresh:
        raise _Known


def _words(config: Config) -> Mapping[str, tuple[str, str]]:
    return {id_: (name.ja, name.en) for id_, name in config.processes.items()}
