"""The store against the ground truth: windows of the API in, differences in words out."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

from tests.system.running import RunningDemo, until
from tests.system.truth import Key, Life

MINUTE_MS = 60_000
SEEN_LATE_MS = 1_500
"""A cycle just before a window's end may be seen, and counted, after it: polling, a busy computer."""
SEEN_EARLY_MS = 250
"""Clocks of the simulator and the agent are one, but their readings are rounded."""


def minute_before(at_ms: int) -> int:
    return at_ms // MINUTE_MS * MINUTE_MS


def delivered_until(demo: RunningDemo, keys: Iterable[Key], since_ms: int, until_ms: int) -> None:
    """Wait until every machine's windows reach `until_ms`."""
    for key in keys:

        def delivered(key: Key = key) -> bool:
            windows = demo.windows(key, since_ms, until_ms + MINUTE_MS)
            return bool(windows) and bool(windows[-1]["end_ms"] >= until_ms)

        until(delivered, f"windows of {key} up to the next minute")


def uneven(windows: Sequence[dict[str, Any]]) -> list[str]:
    """Return where windows leave a gap, overlap, or do not add up."""
    wrong = []
    for before, after in pairwise(windows):
        if before["end_ms"] != after["start_ms"]:
            kind = "gap" if before["end_ms"] < after["start_ms"] else "overlap"
            wrong.append(f"{kind} between {before['end']} and {after['start']}")
    return wrong + [
        f"states of {window['start']} do not add up"
        for window in windows
        if sum(window["state_ms"].values()) != window["end_ms"] - window["start_ms"]
    ]


def uncounted(windows: Sequence[dict[str, Any]]) -> list[str]:
    """Return where a window's cycles are not what the machine's counter grew by since the window before."""
    counted = [window for window in windows if window["cycles_total"] is not None]
    return [
        f"{after['cycles']} cycles in {after['start']}, but the counter went from {before['cycles_total']} "
        f"to {after['cycles_total']}"
        for before, after in pairwise(counted)
        if after["cycles_total"] - before["cycles_total"] != after["cycles"]
    ]


def told(windows: Sequence[dict[str, Any]]) -> list[str]:
    """Return where windows tell counts, of a machine whose owner tells those of shared jobs only."""
    counts = ("cycles", "good", "scrap", "cycles_total")
    return [
        f"{name} of {window['start']}, without a job, is told: {window[name]}"
        for window in windows
        for name in counts
        if not window["job"] and window[name] is not None
    ]


def within(windows: Sequence[dict[str, Any]], since_ms: int, until_ms: int) -> list[dict[str, Any]]:
    return [window for window in windows if since_ms <= window["start_ms"] < until_ms]


def wrong_count(
    times: Sequence[int], counts: Mapping[int, int], since: Sequence[int], until: Sequence[int], each: int = 1
) -> str | None:
    """Compare what happened at `times` with what windows counted, by their start; return what differs.

    The range is from the quietest of the minutes `since` to the quietest of `until`. Where nothing happened
    near either end the two are equal, or something was lost or doubled; otherwise those few may be on either
    side.
    `each` is how much one event counts.
    """
    since_ms = min(since, key=lambda at_ms: unsure(times, at_ms))
    until_ms = min(until, key=lambda at_ms: unsure(times, at_ms))
    stored = sum(count for start_ms, count in counts.items() if since_ms <= start_ms < until_ms)
    true = bisect_left(times, until_ms) - bisect_left(times, since_ms)
    least, most = true - unsure(times, until_ms), true + unsure(times, since_ms)
    if each * least <= stored <= each * most:
        return None
    return f"{stored} counted, {each * true} true ({each * least} to {each * most}), {since_ms} to {until_ms}"


def unsure(times: Sequence[int], at_ms: int) -> int:
    """Return how many events are so near to the moment that they may be counted on either side of it."""
    return bisect_right(times, at_ms + SEEN_EARLY_MS) - bisect_left(times, at_ms - SEEN_LATE_MS)


def wrong_states(
    life: Life, windows: Sequence[dict[str, Any]], since_ms: int, until_ms: int, share: float
) -> list[str]:
    """Return the states whose time is off by more than `share` of the time between the two moments."""
    true = life.state_ms(since_ms, until_ms)
    stored: dict[str, int] = {}
    for window in within(windows, since_ms, until_ms):
        for state, length_ms in window["state_ms"].items():
            stored[state] = stored.get(state, 0) + length_ms
    most_ms = share * (until_ms - since_ms)
    return [
        f"{state}: {stored.get(state, 0)} ms stored, {true.get(state, 0)} ms true, {most_ms:.0f} ms allowed"
        for state in sorted(stored | true)
        if abs(stored.get(state, 0) - true.get(state, 0)) > most_ms
    ]
