"""What `[machines.modbus]` may say: where the unit answers, and which register or bit each signal is."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

REGISTERS = {
    "bool": 1,
    "uint16": 1,
    "int16": 1,
    "uint32": 2,
    "int32": 2,
    "float32": 2,
    "uint64": 4,
    "int64": 4,
    "float64": 4,
}
"""Type of a value -> how many 16-bit registers it fills."""

ORDERS = ("ABCD", "CDAB", "BADC", "DCBA")
REGISTER_TABLES = ("holding", "input")
BIT_TABLES = ("coil", "discrete")
TABLES = REGISTER_TABLES + BIT_TABLES
LAST_ADDRESS = 65_535
MAX_REGISTERS = 125  # MODBUS Application Protocol V1.1b3, 6.3: one read returns at most 125 registers


class Signal(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One signal as written: one of the four tables with a 0-based address, and how to read it.

    `type` is uint16 for registers and bool for bits unless said; a bool of a whole register is "not zero".
    A number becomes raw * scale + offset. `bit` (0 = lowest) takes one bit of a register.
    """

    holding: int | None = None
    input: int | None = None
    coil: int | None = None
    discrete: int | None = None
    type: str | None = None
    order: str = "ABCD"
    scale: float = 1.0
    offset: float = 0.0
    bit: int | None = None


@dataclass(frozen=True, slots=True)
class Point:
    """One signal, checked: `width` registers (or one bit) of `table` from `address` on, and their meaning."""

    signal: str
    table: str
    address: int
    width: int = 1
    type: str = "uint16"
    order: str = "ABCD"
    scale: float = 1.0
    offset: float = 0.0
    bit: int | None = None

    @property
    def end(self) -> int:
        """The first address behind the value."""
        return self.address + self.width


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One unit on Modbus TCP; every signal is polled once in `poll_ms`.

    A block read never asks for more than `max_registers`, and reads up to `gap` registers (or 16 x `gap`
    bits) that nobody wants when that joins two blocks. Raises ValueError naming the path of what is wrong.
    """

    host: str
    signals: dict[str, dict[str, bool | int | float | str]]
    port: int = 502
    unit: int = 1
    poll_ms: int = 250
    timeout_s: float = 1.0
    max_registers: int = MAX_REGISTERS
    gap: int = 8

    def __post_init__(self) -> None:
        """Refuse what can never work."""
        if not self.host:
            raise ValueError("host: expected a name or an address, got an empty text")
        _require("port", self.port, 1, 65_535)
        _require("unit", self.unit, 0, 255)
        _require("poll_ms", self.poll_ms, 10, 3_600_000)
        _require("timeout_s", self.timeout_s, 0.05, 60)
        _require("max_registers", self.max_registers, 1, MAX_REGISTERS)
        _require("gap", self.gap, 0, MAX_REGISTERS)
        if not self.signals:
            raise ValueError("signals: expected at least one signal, got none")
        for point in points(self.signals):
            if point.table in REGISTER_TABLES and point.width > self.max_registers:
                raise ValueError(
                    f"max_registers: expected at least {point.width} for signals.{point.signal} "
                    f"of type {point.type}, got {self.max_registers}"
                )

    @property
    def silence_s(self) -> float:
        """How long the readings may be silent before the link is taken for dead."""
        return 3 * self.poll_ms / 1000 + 10 * self.timeout_s


def points(signals: Mapping[str, Mapping[str, object]]) -> tuple[Point, ...]:
    """Check every signal; raises ValueError, as in `signals.parts.order: expected one of ABCD, ...`."""
    return tuple(_point(name, _signal(name, table)) for name, table in signals.items())


def _signal(name: str, table: Mapping[str, object]) -> Signal:
    try:
        return msgspec.convert(table, Signal)
    except msgspec.ValidationError as error:
        reason, _, path = str(error).partition(" - at `$")
        raise ValueError(f"signals.{name}{path.rstrip('`')}: {reason}") from None


def _point(name: str, signal: Signal) -> Point:
    place = f"signals.{name}"
    named = [table for table in TABLES if getattr(signal, table) is not None]
    if len(named) != 1:
        got = ", ".join(named) or "none"
        raise ValueError(f"{place}: expected exactly one of {', '.join(TABLES)}, got {got}")
    table = named[0]
    is_bit = table in BIT_TABLES
    kind = signal.type or ("bool" if is_bit or signal.bit is not None else "uint16")
    _require_one_of(f"{place}.type", kind, ("bool",) if is_bit else tuple(REGISTERS))
    _require_one_of(f"{place}.order", signal.order, ORDERS)
    width = 1 if is_bit else REGISTERS[kind]
    address: int = getattr(signal, table)
    _require(f"{place}.{table}", address, 0, LAST_ADDRESS + 1 - width)
    _require_meaning(place, kind, signal, is_bit)
    meaning = (kind, signal.order, signal.scale, signal.offset, signal.bit)
    return Point(name, table, address, width, *meaning)


def _require_meaning(place: str, kind: str, signal: Signal, is_bit: bool) -> None:
    if signal.bit is not None:
        if is_bit:
            raise ValueError(f"{place}.bit: a coil or discrete input is a bit already")
        if REGISTERS[kind] != 1:
            raise ValueError(f"{place}.bit: expected type bool or uint16 beside it, got '{kind}'")
        _require(f"{place}.bit", signal.bit, 0, 15)
    if (kind == "bool" or signal.bit is not None) and (signal.scale, signal.offset) != (1.0, 0.0):
        raise ValueError(f"{place}.scale: a bit has no scale or offset")
    if not math.isfinite(signal.scale) or signal.scale == 0:
        raise ValueError(f"{place}.scale: expected a number other than 0, got {signal.scale}")
    if not math.isfinite(signal.offset):
        raise ValueError(f"{place}.offset: expected a number, got {signal.offset}")


def _require(path: str, value: float, lowest: float, highest: float) -> None:
    if not lowest <= value <= highest:
        raise ValueError(f"{path}: expected {lowest} to {highest}, got {value}")


def _require_one_of(path: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ValueError(f"{path}: expected one of {', '.join(allowed)}, got '{value}'")
