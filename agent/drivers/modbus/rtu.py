"""Modbus RTU frames: block reads in, bytes out; bytes in, the reply that can belong to a request out. Pure.

MODBUS over Serial Line V1.02, 2.5.1; MODBUS Application Protocol V1.1b3, 6.1 to 6.4. A frame carries no
number that tells which request it answers, so unit, function and length have to.
"""

from collections.abc import Sequence
from typing import NamedTuple

from .blocks import Block
from .settings import BIT_TABLES

FUNCTIONS = {"coil": 1, "discrete": 2, "holding": 3, "input": 4}
REFUSED = 0x80
_CRC_BYTES = 2
_SHORTEST = 5
"""A refusal: unit, function, code and check sum."""
_POLYNOMIAL = 0xA001


class Shape(NamedTuple):
    """What tells a reply from others: unit, function and how many bytes of values it has."""

    unit: int
    function: int
    length: int


class Refusal(NamedTuple):
    """The unit answered with an exception."""

    code: int


Reply = bytes | Refusal


def shape(unit: int, block: Block) -> Shape:
    """Return what the reply to a read of the block looks like."""
    length = -(-block.count // 8) if block.table in BIT_TABLES else 2 * block.count
    return Shape(unit, FUNCTIONS[block.table], length)


def request(unit: int, block: Block) -> bytes:
    """Return the frame that asks for the block."""
    head = bytes((unit, FUNCTIONS[block.table]))
    return sealed(head + block.address.to_bytes(2, "big") + block.count.to_bytes(2, "big"))


def cells(block: Block, values: bytes) -> Sequence[int] | Sequence[bool]:
    """Return the registers or bits of a reply's values."""
    if block.table in BIT_TABLES:
        return [bool(values[bit // 8] >> bit % 8 & 1) for bit in range(block.count)]
    return [int.from_bytes(values[at : at + 2], "big") for at in range(0, 2 * block.count, 2)]


def find_reply(buffer: bytearray, wanted: Shape) -> Reply | None:
    """Return the reply that was waited for, None if it is not there yet; what lies before it is dropped.

    Frames of another unit, function or length are replies that come late, or that others asked for. What is
    no frame is noise, or an echo of what was asked.
    """
    while (found := _first_frame(buffer)) is not None:
        start, end = found
        frame = bytes(buffer[start:end])
        del buffer[:end]
        reply = _reply(frame, wanted)
        if reply is not None:
            return reply
    return None


def _first_frame(buffer: bytearray) -> tuple[int, int] | None:
    """Return where the first sound frame begins and ends."""
    for start in range(len(buffer) - _SHORTEST + 1):
        length = _frame_length(buffer, start)
        if length is not None and start + length <= len(buffer) and _is_sound(buffer[start : start + length]):
            return start, start + length
    return None


def sealed(content: bytes) -> bytes:
    """Return a frame: the content and its check sum."""
    return content + _crc(content).to_bytes(_CRC_BYTES, "little")


def _reply(frame: bytes, wanted: Shape) -> Reply | None:
    if frame[0] != wanted.unit:
        return None
    if frame[1] == wanted.function | REFUSED:
        return Refusal(frame[2])
    if frame[1] == wanted.function and frame[2] == wanted.length:
        return frame[3:-_CRC_BYTES]
    return None


def _frame_length(buffer: bytearray, start: int) -> int | None:
    """Return how long the frame is that begins at `start`; None if none begins so."""
    function = buffer[start + 1]
    if function & ~REFUSED not in FUNCTIONS.values():
        return None
    return _SHORTEST if function & REFUSED else 3 + buffer[start + 2] + _CRC_BYTES


def _is_sound(frame: bytearray) -> bool:
    return sealed(bytes(frame[:-_CRC_BYTES])) == frame


def _crc(content: bytes) -> int:
    value = 0xFFFF
    for byte in content:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ _POLYNOMIAL if value & 1 else value >> 1
    return value
