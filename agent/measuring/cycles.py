"""Cycles: the values of a counter or switch enter, whole cycles leave; never negative, never invented.

What a counter does, and what is made of it:

- It grows: the growth is counted, if the machine can have made it in the time since the last good value
  (`min_cycle_s`, plus 2 s for readings that came late). So cycles made while the agent was away are counted.
- It wraps at 16 or 32 bits: counted like growth, if that is plausible and less than half its range (beyond
  that, a reset is more likely than so many cycles).
- It is reset, set back, or replaced by a PLC with another count: what it shows is a new base line and counts
  nothing. Cycles between the last reading and the reset are lost: nobody can tell them from invented ones.
- It returns to where it was before such a jump (a glitch, a torn read, a PLC that shows 0 while it starts):
  counted from where it was. The old value is remembered until the new base line proves itself by growing.
- It is unknown, or no whole number: nothing happens; the next good value is compared with the last good one.
- Its first value ever is the base line, and the total starts there, so that the number on the machine's
  own panel and ours agree.

A switch counts at its rising or falling edge. An edge across unknown is none. A second edge within half of
`min_cycle_s` is contact bounce.
"""

from typing import Annotated, Literal

import msgspec
from msgspec.structs import replace

from agent.measuring.reading import Value, as_number, as_switch

SLACK_MS = 2_000
_HIGHEST = 1 << 53
"""A float holds no greater whole number; and the total, which begins there, never bursts 64 bits."""


class Counting(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a machine counts: a `counter` (the signal's name) or the `edge` of a switch.

    `bits` is where a counter wraps (absent: never). `min_cycle_s` is the shortest time a cycle can take.
    """

    counter: str | None = None
    edge: str | None = None
    direction: Literal["rising", "falling"] | None = None
    bits: Literal[16, 32] | None = None
    min_cycle_s: Annotated[float, msgspec.Meta(ge=0.001, le=86_400)] = 0.1

    def __post_init__(self) -> None:
        if (self.counter is None) == (self.edge is None):
            raise ValueError("expected exactly one of: counter, edge")
        if self.direction is not None and self.edge is None:
            raise ValueError("`direction` goes with `edge` only")
        if self.bits is not None and self.counter is None:
            raise ValueError("`bits` goes with `counter` only")

    @property
    def signal(self) -> str:
        """The name of the signal that is counted."""
        return self.counter or self.edge or ""

    @property
    def source(self) -> str:
        """What is counted, as text: a memory of another source is worth nothing."""
        return f"counter {self.counter}" if self.counter else f"edge {self.edge}"


class Memory(msgspec.Struct, frozen=True):
    """What counting has to remember, also over a restart.

    `value` is the last good value (a switch: 0, 1 or None for unknown), `at_ms` its time (a switch: that of
    the last edge counted), `before` and `before_ms` value and time before a jump that has not proven itself
    yet, `total` all cycles so far: None before the base line.
    """

    source: str
    value: int | None = None
    at_ms: int | None = None
    before: int | None = None
    before_ms: int = 0
    total: int | None = None


def first_memory(counting: Counting) -> Memory:
    """Return the memory before any value was heard."""
    return Memory(counting.source, total=None if counting.counter else 0)


def count(counting: Counting, memory: Memory, value: Value | None, at_ms: int) -> tuple[Memory, int]:
    """Take the counted signal's value at `at_ms`; return the new memory and the cycles it tells of (>= 0)."""
    if counting.edge is not None:
        return _count_edge(counting, memory, as_switch(value), at_ms)
    number = _whole(value, counting.bits)
    if number is None:
        return memory, 0
    if memory.value is None:
        return replace(memory, value=number, at_ms=at_ms, total=number), 0
    return _count_growth(counting, memory, number, at_ms)


def _whole(value: Value | None, bits: int | None) -> int | None:
    """Return a counter's value; None if it is none. A signed one that wraps is negative in its upper half."""
    number = as_number(value)
    if number is None or number != int(number) or abs(number) > _HIGHEST:
        return None
    whole = int(number)
    if bits is not None and -(1 << bits - 1) <= whole < 0:
        whole += 1 << bits
    return whole if whole >= 0 else None


def _count_growth(counting: Counting, memory: Memory, value: int, at_ms: int) -> tuple[Memory, int]:
    grown = back = _back_from_jump(counting, memory, value, at_ms)
    if grown is None:
        grown = _growth(counting, memory, value, at_ms)
    if grown is None:
        return replace(_doubting(memory), value=value, at_ms=at_ms), 0
    before = memory.before if back is None and grown == 0 else None
    total = (memory.total or 0) + grown
    return replace(memory, value=value, at_ms=at_ms, before=before, total=total), grown


def _doubting(memory: Memory) -> Memory:
    """Return the memory with its last value kept as the one before a jump; an older such value stays."""
    if memory.before is not None:
        return memory
    return replace(memory, before=memory.value, before_ms=memory.at_ms or 0)


def _back_from_jump(counting: Counting, memory: Memory, value: int, at_ms: int) -> int | None:
    """Return the growth since before the jump, if the counter is back from it; else None.

    One more than the new base line is a cycle, wherever it leads: hardly any glitch is out by one.
    """
    last, before = memory.value or 0, memory.before
    if before is None or value < before or before <= last <= value or value == last + 1:
        return None
    grown = value - before
    return grown if _plausible(counting, grown, at_ms - memory.before_ms) else None


def _growth(counting: Counting, memory: Memory, value: int, at_ms: int) -> int | None:
    """Return the growth since the last value, over a wrap if need be; None if it is not plausible."""
    last, elapsed_ms = memory.value or 0, at_ms - (memory.at_ms or 0)
    grown = value - last
    if grown < 0 and counting.bits is not None and last < 1 << counting.bits:
        grown += 1 << counting.bits
        if grown >= 1 << counting.bits - 1:
            return None
    return grown if grown >= 0 and _plausible(counting, grown, elapsed_ms) else None


def _plausible(counting: Counting, cycles: int, elapsed_ms: int) -> bool:
    """Tell whether that many cycles fit into that time; the first may have begun long before."""
    return (cycles - 1) * counting.min_cycle_s * 1000 <= elapsed_ms + SLACK_MS


def _count_edge(counting: Counting, memory: Memory, on: bool | None, at_ms: int) -> tuple[Memory, int]:
    """Count the change to on (rising) or off (falling), unless it follows the last one too soon."""
    towards = counting.direction != "falling"
    is_edge = on is towards and memory.value is not None and bool(memory.value) is not towards
    value = None if on is None else int(on)
    if not is_edge or (memory.at_ms is not None and _bounces(counting, at_ms - memory.at_ms)):
        return (memory if value == memory.value else replace(memory, value=value)), 0
    return replace(memory, value=value, at_ms=at_ms, total=(memory.total or 0) + 1), 1


def _bounces(counting: Counting, elapsed_ms: int) -> bool:
    return elapsed_ms < counting.min_cycle_s * 500
