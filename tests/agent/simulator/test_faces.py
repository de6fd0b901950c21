"""What machines show: lamps, bits, scales, byte orders and wraps."""

import struct
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.contract.states import State
from agent.simulator.faces import (
    COUNTER,
    CURRENT,
    SCRAP,
    STATUS_WORD,
    WORK_ORDER,
    Lamps,
    input_registers,
    lamps,
    node_values,
    registers_of,
)
from agent.simulator.status import Status
from tests.agent.simulator.floors import machine

STATES = [state for state in State if state is not State.OFFLINE]
RUNNING = Status(State.RUNNING, 1_000_000, total=66_000, scrap=70_000)


@pytest.mark.parametrize(
    ("order", "wire"),
    [("ABCD", "0a0b0c0d"), ("CDAB", "0c0d0a0b"), ("BADC", "0b0a0d0c"), ("DCBA", "0d0c0b0a")],
)
def test_an_order_names_the_bytes_as_they_go_over_the_wire(order: str, wire: str) -> None:
    assert struct.pack(">2H", *registers_of(0x0A0B0C0D, order)).hex() == wire


@given(st.integers(0, 2**32 - 1), st.sampled_from(["ABCD", "CDAB", "BADC", "DCBA"]))
def test_two_registers_hold_every_number(number: int, order: str) -> None:
    sent = struct.pack(">2H", *registers_of(number, order))
    assert int.from_bytes(bytes(sent[order.index(name)] for name in "ABCD"), "big") == number


def test_a_16_bit_counter_wraps_and_leaves_the_next_register_alone() -> None:
    press = machine("press")
    assert input_registers(press, RUNNING)[COUNTER : COUNTER + 2] == [66_000 - 65_536, 0]
    assert input_registers(press, replace(RUNNING, total=65_535))[COUNTER] == 65_535


def test_input_registers_hold_counter_status_current_and_scrap() -> None:
    registers = input_registers(machine("plating_line", order="CDAB"), RUNNING)
    assert registers[COUNTER : COUNTER + 2] == [66_000 & 0xFFFF, 66_000 >> 16]
    assert registers[SCRAP : SCRAP + 2] == [70_000 & 0xFFFF, 70_000 >> 16]
    assert registers[STATUS_WORD] == 0b1
    assert 700 <= registers[CURRENT] <= 1_600
    used = {COUNTER, COUNTER + 1, STATUS_WORD, CURRENT, SCRAP, SCRAP + 1}
    assert {value for address, value in enumerate(registers) if address not in used} == {0}


@given(st.text(max_size=10))
def test_a_work_order_is_a_text_of_sixteen_registers(work_order: str) -> None:
    registers = input_registers(machine(), replace(RUNNING, work_order=work_order))[WORK_ORDER:]
    raw = struct.pack(">16H", *registers)
    assert raw.rstrip(b"\0") == work_order.encode()[:32].rstrip(b"\0")
    assert node_values(replace(RUNNING, work_order=work_order))["WorkOrder"] == work_order


def test_every_state_has_a_status_bit_of_its_own() -> None:
    words = [input_registers(machine(), replace(RUNNING, state=state))[STATUS_WORD] for state in STATES]
    assert sorted(words) == [1, 2, 4, 8, 16]


def test_the_tower_shows_every_state_but_setup_steadily() -> None:
    shown = {
        state: {
            lamps(machine(), replace(RUNNING, state=state), 1_000_000 + after) for after in range(0, 5000, 50)
        }
        for state in STATES
    }
    assert shown == {
        State.RUNNING: {Lamps(green=True)},
        State.SETUP: {Lamps(), Lamps(yellow=True)},
        State.IDLE: {Lamps(yellow=True)},
        State.DOWN: {Lamps(red=True)},
        State.PLANNED_STOP: {Lamps()},
    }


def test_setup_blinks_once_a_second_beginning_with_light() -> None:
    setup = replace(RUNNING, state=State.SETUP)
    yellow = [lamps(machine(), setup, 1_000_000 + after).yellow for after in (0, 499, 500, 999, 1000, 1500)]
    assert yellow == [True, True, False, False, True, False]


def test_the_lamp_test_of_a_plating_line_is_short() -> None:
    status = replace(RUNNING, last_cycle_ms=2_000_000)
    red = [
        lamps(machine("plating_line"), status, at).red for at in (1_999_999, 2_000_000, 2_000_399, 2_000_400)
    ]
    assert red == [False, True, True, False]
    assert not lamps(machine("press"), status, 2_000_000).red


@given(st.integers(0, 2**40), st.sampled_from(STATES))
def test_the_load_tells_running_from_standing(total: int, state: State) -> None:
    load = node_values(Status(state, 0, total))["SpindleLoad"]
    assert isinstance(load, float)
    assert (35 <= load < 80) if state is State.RUNNING else load < 1


def test_counters_stay_within_32_bits() -> None:
    values = node_values(Status(State.IDLE, 0, total=2**32 + 5, scrap=2**32 + 6))
    assert (values["PartsCount"], values["ScrapCount"]) == (5, 6)
