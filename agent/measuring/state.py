"""State rules: readings enter, the machine's state leaves, changed at the exact millisecond it changes.

Logic is three-valued, because a signal may be unknown: a condition on an unknown signal is unknown; a rule is
false if one of its conditions is false, else unknown if one is unknown, else true. The first rule that is not
false decides: true gives its state, unknown gives OFFLINE. When every rule is false, `otherwise` holds if all
signals the rules use are known, else OFFLINE.

Two things change with time alone: a debounce that runs out and a lamp that stops blinking. Both happen at
`StateWatch.next_due_ms`, whether or not anybody asks at that moment.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import Annotated, Literal

import msgspec

from agent.contract.states import State
from agent.measuring.reading import Reading, Value, as_number, as_switch

Truth = bool | None
"""None is unknown."""
Look = Literal["on", "off", "blinking"]
BLINK_S = 3.0

_NEVER = 1 << 62


class Condition(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One form of test on one signal: `one_of`, `above`/`below` (strict), `bit` (with `set`) or `lamp`.

    A lamp blinks from its third change within `blink_s` on, while at least two lie within it; then it is
    neither on nor off. The longest `blink_s` given for a signal holds for all conditions on it.
    """

    one_of: Annotated[tuple[bool | int | float | str, ...], msgspec.Meta(min_length=1)] | None = None
    above: float | None = None
    below: float | None = None
    bit: Annotated[int, msgspec.Meta(ge=0, le=63)] | None = None
    set: bool | None = None
    lamp: Look | None = None
    blink_s: Annotated[float, msgspec.Meta(gt=0, le=3_600)] | None = None

    def __post_init__(self) -> None:
        between = self.above is not None or self.below is not None
        if [self.one_of is not None, between, self.bit is not None, self.lamp is not None].count(True) != 1:
            raise ValueError("expected exactly one of: one_of, above and/or below, bit, lamp")
        if self.set is not None and self.bit is None:
            raise ValueError("`set` goes with `bit` only")
        if self.blink_s is not None and self.lamp is None:
            raise ValueError("`blink_s` goes with `lamp` only")
        for name, bound in (("above", self.above), ("below", self.below)):
            if bound is not None and not isfinite(bound):
                raise ValueError(f"{name}: expected a number, got {bound}")
        if self.above is not None and self.below is not None and self.above >= self.below:
            raise ValueError(f"above: nothing is above {self.above} and below {self.below}")


Expected = bool | int | float | str | Condition


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`state` holds when all conditions in `when` (signal -> value or condition) have held for `for_s`."""

    state: State
    when: dict[str, Expected]
    for_s: Annotated[float, msgspec.Meta(ge=0, le=86_400)] = 0.0

    def __post_init__(self) -> None:
        if not self.when:
            raise ValueError("`when` is empty: use `otherwise` for the state when no rule matches")
        for signal, expected in self.when.items():
            if isinstance(expected, float) and not isfinite(expected):
                raise ValueError(f"when.{signal}: expected a value that can come, got {expected}")


def holds(expected: Expected, value: Value | None, look: Look | None = None) -> Truth:
    """Tell whether a signal's `value` (a lamp's `look`) meets what is expected; None if that is unknown."""
    if value is None:
        return None
    if not isinstance(expected, Condition):
        return _equals(value, expected)
    if expected.one_of is not None:
        return any_of(_equals(value, one) for one in expected.one_of)
    if expected.lamp is not None:
        return None if look is None else look == expected.lamp
    number = as_number(value)
    return None if number is None else _in_range(expected, number)


def _in_range(expected: Condition, number: float) -> Truth:
    """Test a number for its bit, or for lying above and below; a bit of a fraction is unknown."""
    if expected.bit is not None:
        is_set = None if number != int(number) else bool(int(number) >> expected.bit & 1)
        return None if is_set is None else is_set == (expected.set is not False)
    above = expected.above is None or number > expected.above
    return above and (expected.below is None or number < expected.below)


def _equals(value: Value, expected: bool | int | float | str) -> Truth:
    """Compare as `expected` is meant: on or off, text, or a number (recorded logs hold numbers as text)."""
    if isinstance(expected, bool):
        switch = as_switch(value)
        return None if switch is None else switch == expected
    if isinstance(expected, str):
        return value == expected
    return as_number(value) == expected


def all_of(truths: Iterable[Truth]) -> Truth:
    """Return three-valued AND: false if any is false, else unknown if any is unknown, else true."""
    found = list(truths)
    if False in found:
        return False
    return None if None in found else True


def any_of(truths: Iterable[Truth]) -> Truth:
    """Return three-valued OR: true if any is true, else unknown if any is unknown, else false."""
    found = list(truths)
    if True in found:
        return True
    return None if None in found else False


@dataclass(slots=True)
class _Lamp:
    """A signal lamp, its last three changes (the newest last) and how long it blinks if no other follows."""

    blink_ms: int
    on: bool | None = None
    changed_ms: deque[int] = field(default_factory=lambda: deque(maxlen=3))
    blinks_until_ms: int = -_NEVER

    def hear(self, value: Value | None, at_ms: int) -> None:
        on = as_switch(value)
        if on is None:
            self.changed_ms.clear()
            self.blinks_until_ms = -_NEVER
        elif self.on is not None and on != self.on:
            self.changed_ms.append(at_ms)
            self._note_change(at_ms)
        self.on = on

    def _note_change(self, at_ms: int) -> None:
        # A lamp that goes out and comes back is a short stop; the third change makes it blinking.
        begins = len(self.changed_ms) == 3 and at_ms < self.changed_ms[0] + self.blink_ms
        if begins or at_ms < self.blinks_until_ms:
            self.blinks_until_ms = self.changed_ms[-2] + self.blink_ms

    def shift(self, shift_ms: int) -> None:
        self.changed_ms = deque((at_ms + shift_ms for at_ms in self.changed_ms), maxlen=3)
        if self.blinks_until_ms != -_NEVER:
            self.blinks_until_ms += shift_ms

    def look(self, at_ms: int) -> Look | None:
        if self.on is None:
            return None
        if at_ms < self.blinks_until_ms:
            return "blinking"
        return "on" if self.on else "off"


@dataclass(slots=True)
class _Hold:
    """A debounce: three-valued AND over the last `for_ms` of a rule's truth."""

    for_ms: int
    not_false_since_ms: int = -_NEVER
    true_since_ms: int = _NEVER

    def shift(self, shift_ms: int) -> None:
        if abs(self.not_false_since_ms) != _NEVER:
            self.not_false_since_ms += shift_ms
        if self.true_since_ms != _NEVER:
            self.true_since_ms += shift_ms

    def hear(self, truth: Truth, at_ms: int) -> None:
        self.not_false_since_ms = _NEVER if truth is False else min(self.not_false_since_ms, at_ms)
        self.true_since_ms = min(self.true_since_ms, at_ms) if truth else _NEVER

    def truth(self, at_ms: int) -> Truth:
        if at_ms < self.not_false_since_ms + self.for_ms:
            return False
        return True if at_ms >= self.true_since_ms + self.for_ms else None


class StateWatch:
    """What the signals say, and the state that the rules make of it; before anything is heard: OFFLINE.

    Time enters with `hear` and `advance` only and never runs backwards (ValueError).
    """

    def __init__(self, rules: Sequence[Rule], otherwise: State = State.OFFLINE) -> None:
        self.state = State.OFFLINE
        self.next_due_ms: int | None = None
        self._at_ms = -_NEVER
        self._rules = tuple(rules)
        self._otherwise = otherwise
        self._values: dict[str, Value | None] = dict.fromkeys(
            signal for rule in self._rules for signal in rule.when
        )
        self._lamps = {signal: _Lamp(blink_ms) for signal, blink_ms in _blink_ms(self._rules).items()}
        self._holds = {
            index: _Hold(round(rule.for_s * 1000)) for index, rule in enumerate(rules) if rule.for_s
        }

    def hear(self, readings: Iterable[Reading], at_ms: int) -> list[tuple[int, State]]:
        """Take readings as of `at_ms`; return the changes of state up to then as (at_ms, state)."""
        changes = self.advance(at_ms)
        heard = False
        for reading in readings:
            signal, value = reading.signal, reading.value
            if signal not in self._values or self._values[signal] == value:
                continue
            heard = True
            self._values[signal] = value
            if signal in self._lamps:
                self._lamps[signal].hear(value, at_ms)
        return [*changes, *self._judge(at_ms)] if heard else changes

    def advance(self, at_ms: int) -> list[tuple[int, State]]:
        """Let time pass; return the changes of state on the way as (at_ms, state)."""
        if at_ms < self._at_ms:
            raise ValueError(f"time ran backwards: {at_ms} after {self._at_ms}")
        changes = []
        while self.next_due_ms is not None and self.next_due_ms <= at_ms:
            changes += self._judge(self.next_due_ms)
        self._at_ms = at_ms
        return changes

    def shift(self, shift_ms: int) -> None:
        """The clock was put right: all that was so far was `shift_ms` later."""
        if self._at_ms != -_NEVER:
            self._at_ms += shift_ms
        if self.next_due_ms is not None:
            self.next_due_ms += shift_ms
        for lamp in self._lamps.values():
            lamp.shift(shift_ms)
        for hold in self._holds.values():
            hold.shift(shift_ms)

    def _judge(self, at_ms: int) -> list[tuple[int, State]]:
        looks = {signal: lamp.look(at_ms) for signal, lamp in self._lamps.items()}
        truths = []
        for index, rule in enumerate(self._rules):
            truth = all_of(
                holds(expected, self._values[signal], looks.get(signal))
                for signal, expected in rule.when.items()
            )
            if index in self._holds:
                self._holds[index].hear(truth, at_ms)
                truth = self._holds[index].truth(at_ms)
            truths.append(truth)
        before, self.state = self.state, self._decide(truths)
        self.next_due_ms = self._next_due(at_ms)
        return [] if self.state is before else [(at_ms, self.state)]

    def _decide(self, truths: Sequence[Truth]) -> State:
        for rule, truth in zip(self._rules, truths, strict=True):
            if truth is not False:
                return rule.state if truth else State.OFFLINE
        return State.OFFLINE if None in self._values.values() else self._otherwise

    def _next_due(self, at_ms: int) -> int | None:
        blinks = [lamp.blinks_until_ms for lamp in self._lamps.values()]
        possible = [hold.not_false_since_ms + hold.for_ms for hold in self._holds.values()]
        certain = [hold.true_since_ms + hold.for_ms for hold in self._holds.values()]
        return min((due for due in (*blinks, *possible, *certain) if at_ms < due < _NEVER), default=None)


def _blink_ms(rules: Sequence[Rule]) -> dict[str, int]:
    """Return the blink time of every signal that a rule looks at as a lamp; the longest given for it wins."""
    given: dict[str, list[float]] = {}
    for rule in rules:
        for signal, expected in rule.when.items():
            if isinstance(expected, Condition) and expected.lamp is not None:
                given.setdefault(signal, []).extend([expected.blink_s] if expected.blink_s else [])
    return {signal: round(max(blinks, default=BLINK_S) * 1000) for signal, blinks in given.items()}
