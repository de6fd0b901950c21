"""When a job was worked on: a machine's newest windows in, the stretch that made its pieces out. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from aggregator.model.window import Window


@dataclass(frozen=True, slots=True)
class Stretch:
    """Windows from `start_ms` to `end_ms` (UTC ms) that made `good` pieces."""

    start_ms: int
    end_ms: int
    good: int


def good_of(window: Window, pieces_per_cycle: int) -> int:
    """Return the good pieces of a window."""
    return window.cycles * pieces_per_cycle if window.good is None else window.good


def walk_back(
    newest_first: Iterable[Window], until_ms: int, pieces: int, pieces_per_cycle: int
) -> Stretch | None:
    """Return the shortest stretch up to the last cycle before `until_ms` that made the pieces.

    Where the windows do not reach back so far it is all they have; None where nothing was made.
    """
    end_ms, start_ms, good = None, 0, 0
    for window in newest_first:
        if window.start_ms + window.length_ms > until_ms:
            continue
        made = good_of(window, pieces_per_cycle)
        if end_ms is None:
            if not made:
                continue
            end_ms = window.start_ms + window.length_ms
        start_ms, good = window.start_ms, good + made
        if good >= pieces:
            break
    return None if end_ms is None else Stretch(start_ms, end_ms, good)
