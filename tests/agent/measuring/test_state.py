"""measuring/state.py: case folders, and the rules against a second, slow reading of their definition."""

from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.contract.states import State
from agent.measuring.machine import MachineRules
from agent.measuring.reading import Reading, Value
from agent.measuring.state import Condition, Look, Rule, StateWatch, Truth, holds
from tests.case_files import cases, table, value_of


@pytest.mark.parametrize("case", cases("state"), ids=lambda case: case.name)
def test_states_of_the_case(case: Path) -> None:
    config = msgspec.toml.decode((case / "config.toml").read_bytes(), type=MachineRules)
    watch = StateWatch(config.rules, config.otherwise)
    batches: dict[int, list[Reading]] = {}
    for row in table(case / "readings.csv"):
        at_ms = int(row["at_ms"])
        batches.setdefault(at_ms, []).append(Reading(row["signal"], value_of(row["value"]), at_ms))
    changes = [change for at_ms, batch in batches.items() for change in watch.hear(batch, at_ms)]
    changes += watch.advance(max(batches) + 3_600_000)
    assert changes == [(int(row["at_ms"]), State(row["state"])) for row in table(case / "expected.csv")]


def test_before_anything_is_heard_the_state_is_offline() -> None:
    watch = StateWatch([Rule(State.RUNNING, {"run": True})], State.IDLE)
    assert (watch.state, watch.next_due_ms) == (State.OFFLINE, None)
    assert watch.advance(10**12) == []


def test_the_next_change_without_a_reading_is_announced() -> None:
    watch = StateWatch([Rule(State.DOWN, {"alarm": True}, for_s=2.0)], State.IDLE)
    watch.hear([Reading("alarm", False, 1_000)], 1_000)
    assert watch.next_due_ms is None
    watch.hear([Reading("alarm", True, 5_000)], 5_000)
    assert watch.next_due_ms == 7_000
    assert watch.advance(6_999) == []
    assert watch.advance(7_000) == [(7_000, State.DOWN)]
    assert watch.next_due_ms is None


def test_time_running_backwards_is_the_callers_error() -> None:
    watch = StateWatch([Rule(State.DOWN, {"alarm": True})])
    watch.advance(5_000)
    with pytest.raises(ValueError, match="backwards"):
        watch.advance(4_999)


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        ('state = "RUNING"\nwhen = {a = 1}', r"RUNING.*state"),
        ('state = "DOWN"\nwhen = {}', "`when` is empty"),
        ('state = "DOWN"', "when"),
        ('state = "DOWN"\nwhen = {a = 1}\nfor = 2', "unknown field `for`"),
        ('state = "DOWN"\nwhen = {a = 1}\nfor_s = -1', "for_s"),
        ('state = "DOWN"\nwhen = {a = { on_of = [1] } }', r"unknown field `on_of`.*rules\[0\].when"),
        ('state = "DOWN"\nwhen = {a = {} }', "exactly one of"),
        ('state = "DOWN"\nwhen = {a = { above = 1, bit = 2 } }', "exactly one of"),
        ('state = "DOWN"\nwhen = {a = { bit = 64 } }', r"rules\[0\].when"),
        ('state = "DOWN"\nwhen = {a = { above = 1, set = false } }', "`set` goes with `bit`"),
        ('state = "DOWN"\nwhen = {a = { bit = 1, blink_s = 2 } }', "`blink_s` goes with `lamp`"),
        ('state = "DOWN"\nwhen = {a = { lamp = "flashing" } }', "flashing"),
        ('state = "DOWN"\nwhen = {a = [1] }', r"array.*rules\[0\].when"),
    ],
)
def test_a_rule_that_cannot_be_meant_is_refused_with_its_place(rule: str, says: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=says):
        msgspec.toml.decode("[[rules]]\n" + rule, type=MachineRules)


def test_otherwise_without_rules_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError, match="otherwise"):
        msgspec.toml.decode('otherwise = "IDLE"', type=MachineRules)


# --- against the definition, millisecond by millisecond ---

END_MS = 40
SIGNALS = ("a", "b", "lamp")
Timeline = dict[int, dict[str, Value | None]]

plain = st.sampled_from([True, 1, Condition(one_of=(0, 2)), Condition(above=0.5), Condition(bit=1)])
lamps = st.sampled_from([Condition(lamp=look, blink_s=0.006) for look in ("on", "off", "blinking")])
whens = st.fixed_dictionaries({}, optional={"a": plain, "b": plain, "lamp": lamps}).filter(bool)
rules = st.lists(
    st.builds(Rule, st.sampled_from([*State]), whens, st.sampled_from([0.0, 0.003, 0.007])),
    min_size=1,
    max_size=3,
)
heard = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(("a", "b"), st.none() | st.integers(0, 2)) | {"lamp": st.none() | st.booleans()},
)
timelines = st.dictionaries(st.integers(0, END_MS - 12), heard, max_size=14)


def states_by_definition(rules: Sequence[Rule], otherwise: State, timeline: Timeline) -> list[State]:
    """Return the state at each millisecond, worked out from the whole history anew each time."""
    values = {signal: _values(timeline, signal) for signal in SIGNALS}
    used = {signal for rule in rules for signal in rule.when}
    raw = [[_truth(rule, values, at) for at in range(END_MS)] for rule in rules]
    states = []
    for at in range(END_MS):
        state = State.OFFLINE if any(values[signal][at] is None for signal in used) else otherwise
        for rule, truths in zip(rules, raw, strict=True):
            for_ms = round(rule.for_s * 1000)
            span = [None] * max(0, for_ms - at) + truths[max(0, at - for_ms) : at + 1]
            if False not in span:
                state = State.OFFLINE if None in span else rule.state
                break
        states.append(state)
    return states


def _values(timeline: Timeline, signal: str) -> list[Value | None]:
    values: list[Value | None] = []
    for at in range(END_MS):
        before = values[-1] if values else None
        values.append(timeline.get(at, {}).get(signal, before))
    return values


def _truth(rule: Rule, values: dict[str, list[Value | None]], at: int) -> Truth:
    found = [
        holds(expected, values[name][at], _look(values[name], at)) for name, expected in rule.when.items()
    ]
    return False if False in found else None if None in found else True


def _look(values: list[Value | None], at: int) -> Look | None:
    since = [i for i in range(at + 1) if values[i] is None]
    first = since[-1] + 1 if since else 0
    if values[at] is None:
        return None
    changes = [i for i in range(max(first, 0) + 1, at + 1) if values[i] != values[i - 1]]
    until = -1
    for place, change in enumerate(changes):
        if change < until or (place >= 2 and change < changes[place - 2] + 6):
            until = changes[place - 1] + 6
    if at < until:
        return "blinking"
    return "on" if values[at] else "off"


@given(rules=rules, otherwise=st.sampled_from([State.IDLE, State.OFFLINE]), timeline=timelines)
def test_the_state_at_every_millisecond_is_what_the_rules_define(
    rules: list[Rule], otherwise: State, timeline: Timeline
) -> None:
    watch = StateWatch(rules, otherwise)
    states = []
    for at in range(END_MS):
        watch.advance(at)
        watch.hear([Reading(signal, value, at) for signal, value in timeline.get(at, {}).items()], at)
        states.append(watch.state)
    first = min(timeline, default=END_MS)
    assert states[first:] == states_by_definition(rules, otherwise, timeline)[first:]


@given(rules=rules, timeline=timelines, asked=st.sets(st.integers(0, END_MS)))
def test_the_changes_do_not_depend_on_how_often_time_is_told(
    rules: list[Rule], timeline: Timeline, asked: set[int]
) -> None:
    seldom, often = StateWatch(rules, State.IDLE), StateWatch(rules, State.IDLE)
    changes, same = [], []
    for at in sorted({*timeline, *asked}):
        if at in asked:
            same += often.advance(at)
        if at in timeline:
            batch = [Reading(signal, value, at) for signal, value in timeline[at].items()]
            changes += seldom.hear(batch, at)
            same += often.hear(batch, at)
    assert changes + seldom.advance(END_MS) == same + often.advance(END_MS)
