import math
import struct
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.drivers.modbus.blocks import coalesce
from agent.drivers.modbus.decode import FORMATS, NOT_A_NUMBER, NOT_TEXT, decode, values
from agent.drivers.modbus.settings import REGISTERS, Kind, Order, Point
from agent.measuring.reading import GOOD, Value

# What each order means, byte by byte, as device manuals draw it: A is the most significant byte.
ON_THE_LINE = {
    1: {"ABCD": "AB", "CDAB": "AB", "BADC": "BA", "DCBA": "BA"},
    2: {"ABCD": "ABCD", "CDAB": "CDAB", "BADC": "BADC", "DCBA": "DCBA"},
    4: {"ABCD": "ABCDEFGH", "CDAB": "GHEFCDAB", "BADC": "BADCFEHG", "DCBA": "HGFEDCBA"},
}
NUMBERS: dict[Kind, st.SearchStrategy[int | float]] = {
    "uint16": st.integers(0, 2**16 - 1),
    "int16": st.integers(-(2**15), 2**15 - 1),
    "uint32": st.integers(0, 2**32 - 1),
    "int32": st.integers(-(2**31), 2**31 - 1),
    "uint64": st.integers(0, 2**64 - 1),
    "int64": st.integers(-(2**63), 2**63 - 1),
    "float32": st.floats(width=32, allow_nan=False, allow_infinity=False),
    "float64": st.floats(allow_nan=False, allow_infinity=False),
}


def on_the_line(number: int | float, kind: Kind, order: Order) -> list[int]:
    raw = struct.pack(FORMATS[kind], number)
    letters = ON_THE_LINE[REGISTERS[kind]][order]
    line = bytes(raw["ABCDEFGH".index(letter)] for letter in letters)
    return [line[at] << 8 | line[at + 1] for at in range(0, len(line), 2)]


def point(kind: Kind, **changes: object) -> Point:
    return Point("s", "holding", 0, REGISTERS[kind], kind, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize("order", get_args(Order))
@pytest.mark.parametrize("kind", NUMBERS)
@given(data=st.data())
def test_every_type_in_every_order_comes_back(kind: Kind, order: Order, data: st.DataObject) -> None:
    number = data.draw(NUMBERS[kind])
    value = decode(point(kind, order=order), on_the_line(number, kind, order))
    assert value == number
    assert isinstance(value, type(number))


def test_known_registers_of_a_known_float() -> None:
    assert decode(point("float32", order="CDAB"), [0x0000, 0x42F6]) == 123.0


@given(st.integers(0, 2**16 - 1))
def test_the_sixteen_bits_make_up_the_register(register: int) -> None:
    bits = [decode(point("bool", bit=bit), [register]) for bit in range(16)]
    assert all(isinstance(bit, bool) for bit in bits)
    assert sum(bool(bit) << place for place, bit in enumerate(bits)) == register


def test_a_bool_of_a_register_is_not_zero() -> None:
    assert decode(point("bool"), [0]) is False
    assert decode(point("bool"), [256]) is True


def test_scale_and_offset_make_a_float() -> None:
    assert decode(point("int16", scale=0.1, offset=-40.0), [0xFFFF]) == pytest.approx(-40.1)


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_a_float_that_is_no_number_is_unknown_never_zero(number: float) -> None:
    block = coalesce([point("float32")])[0]
    assert list(values(block, on_the_line(number, "float32", "ABCD"))) == [("s", None, NOT_A_NUMBER)]


def test_a_block_gives_each_signal_its_own_cells() -> None:
    wanted = [Point("a", "input", 10), Point("b", "input", 12, 2, "uint32"), Point("c", "input", 12)]
    block = coalesce(wanted, gap=8)[0]
    seen: dict[str, tuple[Value | None, str]] = {s: (v, q) for s, v, q in values(block, [1, 2, 3, 4])}
    assert seen == {"a": (1, GOOD), "b": (3 << 16 | 4, GOOD), "c": (3, GOOD)}


def test_bits_of_a_coil_block_are_bools() -> None:
    block = coalesce([Point("a", "coil", 5, 1, "bool"), Point("b", "coil", 7, 1, "bool")], gap=8)[0]
    assert list(values(block, [True, False, False])) == [("a", True, GOOD), ("b", False, GOOD)]


def text(*registers: int, order: Order = "ABCD") -> tuple[Value | None, str]:
    block = coalesce([Point("s", "holding", 0, len(registers), "text", order)])[0]
    ((_, value, quality),) = values(block, registers)
    return value, quality


def test_a_text_ends_at_nul_and_sheds_the_spaces_around_it() -> None:
    assert text(0x574F, 0x2D31, 0x3200, 0x4142) == ("WO-12", GOOD)
    assert text(0x574F, 0x2D31, 0x3220, 0x2020) == ("WO-12", GOOD)
    assert text(0x4F57, 0x312D, 0x0032, order="BADC") == ("WO-12", GOOD)
    assert text(0, 0) == ("", GOOD)
    assert text(0xE6B3, 0xA800) == ("注", GOOD)


def test_bytes_that_are_no_text_are_unknown_never_a_guess() -> None:
    assert text(0x92E8, 0x8FFF) == (None, NOT_TEXT)
