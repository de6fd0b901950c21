"""How an installer would wire each kind of machine: the signals an agent reads, and the rules over them.

Styles differ on purpose, so that one demo floor exercises texts, numbers, thresholds, bits, lamps, debounce.
"""

from dataclasses import dataclass

from agent.contract.states import State
from agent.simulator.faces import (
    COUNTER,
    CURRENT,
    GREEN,
    RED,
    SCRAP,
    STATUS_BITS,
    STATUS_WORD,
    WORK_ORDER,
    WORK_ORDER_REGISTERS,
    YELLOW,
)
from agent.simulator.plant import MODBUS, Machine
from agent.simulator.toml import Inline

NAMESPACE = "urn:machikoba:simulator"
BLINK_S = 2.0
LAMP_TEST_S = 1.0
"""Red for so long is a breakdown; the lamp test after a cycle is shorter."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One `[[machines.rules]]`."""

    state: State
    when: dict[str, object]
    for_s: float | None = None

    def table(self) -> dict[str, object]:
        """Return the rule as it is written in `agent.toml`."""
        table: dict[str, object] = {"state": self.state.value, "when": Inline(self.when)}
        return table if self.for_s is None else table | {"for_s": self.for_s}


@dataclass(frozen=True, slots=True)
class Style:
    """Signals (name -> OPC UA variable, or Modbus table entry), rules, and the state when none matches."""

    signals: dict[str, object]
    rules: tuple[Rule, ...]
    otherwise: State | None = None


def one_of(*values: object) -> Inline:
    return Inline(one_of=list(values))


def bit(number: int) -> Inline:
    return Inline(bit=number)


EXECUTION = Style(
    {"execution": "Execution", "mode": "OperationMode", "alarm": "Alarm", "planned": "PlannedStop"},
    (
        Rule(State.PLANNED_STOP, {"planned": True}),
        Rule(State.DOWN, {"alarm": True}),
        Rule(State.SETUP, {"mode": 2}),
        Rule(State.RUNNING, {"execution": one_of("ACTIVE")}),
        Rule(State.IDLE, {"execution": one_of("READY", "FEED_HOLD", "INTERRUPTED", "STOPPED")}),
    ),
)
LOAD = Style(
    {"load": "SpindleLoad", "mode": "OperationMode", "alarm": "Alarm", "planned": "PlannedStop"},
    (
        Rule(State.PLANNED_STOP, {"planned": True}),
        Rule(State.DOWN, {"alarm": True}),
        Rule(State.SETUP, {"mode": 2}),
        Rule(State.RUNNING, {"load": Inline(above=5.0)}),
    ),
    otherwise=State.IDLE,
)
PACKML = Style(
    {"packml": "PackMLState"},
    (
        Rule(State.RUNNING, {"packml": one_of(3, 6, 16)}),
        Rule(State.SETUP, {"packml": one_of(15)}),
        Rule(State.DOWN, {"packml": one_of(1, 8, 9)}),
        Rule(State.PLANNED_STOP, {"packml": one_of(2)}),
        Rule(State.IDLE, {"packml": one_of(4, 5, 10, 11, 17)}),
    ),
)
TOWER_RULES = (
    Rule(State.DOWN, {"red": Inline(lamp="on")}),
    Rule(State.RUNNING, {"green": Inline(lamp="on")}),
    Rule(State.SETUP, {"yellow": Inline(lamp="blinking", blink_s=BLINK_S)}),
)
TOWER_SIGNALS: dict[str, object] = {
    "green": Inline(discrete=GREEN),
    "yellow": Inline(discrete=YELLOW),
    "red": Inline(discrete=RED),
}
TOWER = Style(
    TOWER_SIGNALS,
    (*TOWER_RULES, Rule(State.IDLE, {"yellow": Inline(lamp="on")})),
    otherwise=State.PLANNED_STOP,
)
TOWER_AND_BIT = Style(
    TOWER_SIGNALS | {"planned": Inline(input=STATUS_WORD, bit=STATUS_BITS[State.PLANNED_STOP])},
    (Rule(State.PLANNED_STOP, {"planned": True}), *TOWER_RULES),
    otherwise=State.IDLE,
)
RECTIFIER = Style(
    {
        "red": Inline(discrete=RED),
        "status": Inline(input=STATUS_WORD),
        "current": Inline(input=CURRENT, type="uint16", scale=0.1),
    },
    (
        Rule(State.PLANNED_STOP, {"status": bit(STATUS_BITS[State.PLANNED_STOP])}),
        Rule(State.DOWN, {"red": True}, for_s=LAMP_TEST_S),
        Rule(State.SETUP, {"status": bit(STATUS_BITS[State.SETUP])}),
        Rule(State.RUNNING, {"current": Inline(above=20.0)}),
    ),
    otherwise=State.IDLE,
)

OPCUA_STYLES = {"inspection": LOAD, "packing": PACKML}
MODBUS_STYLES = {"press": TOWER, "plating_line": RECTIFIER}


def style_of(machine: Machine) -> Style:
    """Return how this machine is wired."""
    if machine.wiring.protocol == MODBUS:
        return MODBUS_STYLES.get(machine.kind, TOWER_AND_BIT)
    return OPCUA_STYLES.get(machine.kind, EXECUTION)


def signal_table(machine: Machine) -> dict[str, object]:
    """Return the machine's signals, its counters included, as they are written in `agent.toml`."""
    modbus = machine.wiring.protocol == MODBUS
    signals = dict(style_of(machine).signals)
    signals["parts"] = _counter(machine, COUNTER, machine.wiring.counter_bits) if modbus else "PartsCount"
    if machine.counts_scrap:
        signals["rejects"] = _counter(machine, SCRAP, 32) if modbus else "ScrapCount"
    if machine.work_order is not None:
        text = Inline(input=WORK_ORDER, type="text", registers=WORK_ORDER_REGISTERS)
        signals["work_order"] = text if modbus else "WorkOrder"
    if modbus:
        return signals
    return {name: f"nsu={NAMESPACE};s={machine.id}.{variable}" for name, variable in signals.items()}


def _counter(machine: Machine, address: int, bits: int) -> Inline:
    if bits == 16:
        return Inline(input=address, type="uint16")
    return Inline(input=address, type="uint32", order=machine.wiring.order)
