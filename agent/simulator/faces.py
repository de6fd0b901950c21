"""What machines show: a status in, the values of OPC UA nodes or Modbus registers out. All of it is pure.

Every machine has every node or register; which of them an agent reads is a matter of its rules (`rules.py`).
"""

from dataclasses import dataclass

from agent.contract.states import State
from agent.simulator.plant import Machine
from agent.simulator.status import Status

Value = bool | int | float | str

EXECUTION = {
    State.RUNNING: "ACTIVE",
    State.SETUP: "READY",
    State.IDLE: "READY",
    State.DOWN: "INTERRUPTED",
    State.PLANNED_STOP: "STOPPED",
}
OPERATION_MODE = {State.SETUP: 2, State.PLANNED_STOP: 0}
"""OPC 40001-1 OperationMode: 0 none, 1 maintenance, 2 setup, 3 processing."""
PROCESSING = 3
PACKML_STATE = {
    State.RUNNING: 6,
    State.SETUP: 15,
    State.IDLE: 5,
    State.DOWN: 9,
    State.PLANNED_STOP: 2,
}
"""PackML: 2 stopped, 5 suspended, 6 execute, 9 aborted, 15 resetting."""

STATUS_BITS = {State.RUNNING: 0, State.IDLE: 1, State.DOWN: 2, State.SETUP: 3, State.PLANNED_STOP: 4}

# Input registers, 0-based. What lies between is reserved and reads 0.
COUNTER, STATUS_WORD, CURRENT, SCRAP, WORK_ORDER, INPUT_REGISTERS = 0, 2, 10, 12, 20, 36
WORK_ORDER_REGISTERS = INPUT_REGISTERS - WORK_ORDER
# Discrete inputs: the lamps of the signal tower.
GREEN, YELLOW, RED = 0, 1, 2
BLINK_MS = 500


def load_percent(status: Status) -> float:
    """Return the spindle or motor load, 0 to 100: another value each cycle, almost none when it stands."""
    return 35.0 + status.total * 7919 % 450 / 10 if status.state is State.RUNNING else 0.4


def node_values(status: Status) -> dict[str, Value]:
    """Return the value of every OPC UA variable of a machine, by its name behind `<machine>.`."""
    state = status.state
    return {
        "Execution": EXECUTION[state],
        "OperationMode": OPERATION_MODE.get(state, PROCESSING),
        "Alarm": state is State.DOWN,
        "PlannedStop": state is State.PLANNED_STOP,
        "PackMLState": PACKML_STATE[state],
        "SpindleLoad": load_percent(status),
        "PartsCount": status.total % 2**32,
        "ScrapCount": status.scrap % 2**32,
        "WorkOrder": status.work_order,
    }


def registers_of(number: int, order: str) -> list[int]:
    """Return a 32-bit number as two registers; `order` names its bytes (A = highest) as the wire has them."""
    in_order = dict(zip("ABCD", number.to_bytes(4, "big"), strict=True))
    wire = [in_order[name] for name in order]
    return [wire[0] << 8 | wire[1], wire[2] << 8 | wire[3]]


def input_registers(machine: Machine, status: Status) -> list[int]:
    """Return all input registers: counter, status word, current in 0.1 A, scrapped pieces, work order."""
    registers = [0] * INPUT_REGISTERS
    order = machine.wiring.order
    if machine.wiring.counter_bits == 16:
        registers[COUNTER] = status.total % 2**16
    else:
        registers[COUNTER : COUNTER + 2] = registers_of(status.total % 2**32, order)
    registers[STATUS_WORD] = 1 << STATUS_BITS[status.state]
    registers[CURRENT] = round(load_percent(status) * 20)
    registers[SCRAP : SCRAP + 2] = registers_of(status.scrap % 2**32, order)
    registers[WORK_ORDER:] = text_registers(status.work_order, WORK_ORDER_REGISTERS)
    return registers


def text_registers(text: str, count: int) -> list[int]:
    """Return a text as registers, two bytes of UTF-8 each, filled up with NUL."""
    raw = text.encode()[: 2 * count].ljust(2 * count, b"\0")
    return [raw[at] << 8 | raw[at + 1] for at in range(0, 2 * count, 2)]


@dataclass(frozen=True, slots=True)
class Lamps:
    """The signal tower at one moment."""

    green: bool = False
    yellow: bool = False
    red: bool = False

    def word(self) -> int:
        """Return the discrete inputs as bits, input 0 lowest."""
        return self.green << GREEN | self.yellow << YELLOW | self.red << RED


def lamps(machine: Machine, status: Status, now_ms: int) -> Lamps:
    """Return the lamps: green runs, yellow waits, red is down, blinking yellow is set up, dark is off."""
    state = status.state
    phase = (now_ms - status.since_ms) // BLINK_MS
    testing = 0 <= now_ms - status.last_cycle_ms < machine.traits.lamp_test_ms
    return Lamps(
        green=state is State.RUNNING,
        yellow=state is State.IDLE or (state is State.SETUP and phase % 2 == 0),
        red=state is State.DOWN or testing,
    )
