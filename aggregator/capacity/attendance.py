"""Open machines and the people beside them in; machine time that nobody can tend out."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

from aggregator.capacity.calendar import Span


def unattended_ms(spans: Mapping[str, Sequence[Span]], since_ms: int, until_ms: int) -> dict[str, int]:
    """Return by machine how much of its open time within `[since_ms, until_ms)` nobody can tend, in ms.

    `spans` are those of all machines of one factory. While n machines are open whose shifts have people for k
    of them, (n - k) / n of each one's time is unattended; of different k the largest counts. Machines whose
    shift has people for all (`staff` None) are always tended, and take none of the others' people.
    """
    lost = dict.fromkeys(spans, 0)
    limited = [
        (max(span.start_ms, since_ms), min(span.end_ms, until_ms), span.staff, machine)
        for machine, own in spans.items()
        for span in own
        if span.staff is not None and span.start_ms < until_ms and span.end_ms > since_ms
    ]
    limited.sort(key=lambda item: item[0])
    edges = sorted({edge for start, end, _, _ in limited for edge in (start, end)})
    running: list[tuple[int, int, int, str]] = []
    upcoming = 0
    for start, end in pairwise(edges):
        running = [item for item in running if item[1] > start]
        while upcoming < len(limited) and limited[upcoming][0] <= start:
            running.append(limited[upcoming])
            upcoming += 1
        _share((end - start), running, lost)
    return lost


def _share(length_ms: int, running: Sequence[tuple[int, int, int, str]], lost: dict[str, int]) -> None:
    if not running:
        return
    machines, staff = len(running), max(item[2] for item in running)
    if machines > staff:
        each = -(-length_ms * (machines - staff) // machines)  # rounded up: never more tended than people
        for *_, machine in running:
            lost[machine] += each
