"""Registers or bits of one block in, values with quality out; knows types, byte orders, scales and bits."""

import math
import struct
from collections.abc import Iterator, Sequence

from agent.measuring.reading import GOOD, Value

from .blocks import Block
from .settings import BIT_TABLES, TEXT, Point

NOT_A_NUMBER = "not a number"
NOT_TEXT = "not UTF-8 text"
FORMATS = {
    "uint16": ">H",
    "int16": ">h",
    "uint32": ">I",
    "int32": ">i",
    "float32": ">f",
    "uint64": ">Q",
    "int64": ">q",
    "float64": ">d",
}
WORDS_REVERSED = ("CDAB", "DCBA")
BYTES_SWAPPED = ("BADC", "DCBA")


def values(block: Block, cells: Sequence[int] | Sequence[bool]) -> Iterator[tuple[str, Value | None, str]]:
    """Yield (signal, value, quality) for every point of the block; `cells` are its registers or bits."""
    for point in block.points:
        first = point.address - block.address
        if point.table in BIT_TABLES:
            yield point.signal, bool(cells[first]), GOOD
        else:
            value = decode(point, cells[first : first + point.width])
            bad = NOT_TEXT if point.type == TEXT else NOT_A_NUMBER
            yield point.signal, value, bad if value is None else GOOD


def decode(point: Point, registers: Sequence[int]) -> Value | None:
    """Return the value of `point.width` registers; None when a float is no finite number, a text no UTF-8.

    Orders name the bytes as they come over the line, A the most significant; 64-bit values follow the
    same pattern (CDAB = registers reversed, BADC = bytes swapped in each register, DCBA = both).
    """
    raw = _in_order(registers, point.order)
    if point.bit is not None:
        return bool(int.from_bytes(raw, "big") >> point.bit & 1)
    if point.type == "bool":
        return any(raw)
    if point.type == TEXT:
        return _text(raw)
    number: int | float = struct.unpack(FORMATS[point.type], raw)[0]
    if (point.scale, point.offset) != (1.0, 0.0):
        number = number * point.scale + point.offset
    return number if math.isfinite(number) else None


def _text(raw: bytes) -> str | None:
    """Return what stands before the first NUL, without the spaces that PLCs fill up with."""
    try:
        return raw.partition(b"\0")[0].decode().strip()
    except UnicodeDecodeError:
        return None


def _in_order(registers: Sequence[int], order: str) -> bytes:
    words = reversed(registers) if order in WORDS_REVERSED else registers
    byte_order = "<" if order in BYTES_SWAPPED else ">"
    return struct.pack(f"{byte_order}{len(registers)}H", *words)
