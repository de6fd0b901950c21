"""What `[machines.modbus]` may say: where the unit answers, and which register or bit each signal is."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import msgspec

Kind = Literal[
    "bool", "uint16", "int16", "uint32", "int32", "float32", "uint64", "int64", "float64", "text"
]  # fmt: skip
Order = Literal["ABCD", "CDAB", "BADC", "DCBA"]

REGISTERS: dict[Kind, int] = {
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
"""Type of a value -> how many 16-bit registers it fills; a text says so itself."""
TEXT = "text"

REGISTER_TABLES = ("holding", "input")
BIT_TABLES = ("coil", "discrete")
TABLES = REGISTER_TABLES + BIT_TABLES
LAST_ADDRESS = 65_535
LONGEST_PAUSE_S, MOST_PAUSE_S = 10.0, 600.0
PAUSE_PER_TIMEOUT = 120
"""A hundred, and what chance takes off a pause."""
BAUDS = (1_200, 2_400, 4_800, 9_600, 19_200, 38_400, 57_600, 115_200)
MAX_REGISTERS = 125  # MODBUS Application Protocol V1.1b3, 6.3: one read returns at most 125 registers


class Signal(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One signal as written: exactly one of the four tables with its 0-based address, and how to read it.

    `type` is uint16 for registers and bool for bits unless said; a bool of a whole register is "not zero".
    A number becomes raw * scale + offset. `bit` (0 = lowest) takes one bit of a register. A text fills
    `registers`, two characters each.
    """

    holding: int | None = None
    input: int | None = None
    coil: int | None = None
    discrete: int | None = None
    type: Kind | None = None
    order: Order = "ABCD"
    scale: float = 1.0
    offset: float = 0.0
    bit: int | None = None
    registers: int | None = None

    def __post_init__(self) -> None:
        """Refuse what can never work."""
        named = [table for table in TABLES if getattr(self, table) is not None]
        if len(named) != 1:
            got = ", ".join(named) or "none"
            raise ValueError(f"expected exactly one of {', '.join(TABLES)}, got {got}")
        self._require_registers()
        _require(self.table, self.address, 0, LAST_ADDRESS + 1 - self.width)
        if self.table in BIT_TABLES:
            self._require_bit()
        elif self.bit is not None:
            _require("bit", self.bit, 0, 15)
            if self.kind not in ("bool", "uint16"):
                raise ValueError(f"bit: expected type bool or uint16 beside it, got '{self.kind}'")
        self._require_scale()

    @property
    def table(self) -> str:
        """The one table that is named."""
        return next(table for table in TABLES if getattr(self, table) is not None)

    @property
    def address(self) -> int:
        """The first address in that table."""
        address: int = getattr(self, self.table)
        return address

    @property
    def kind(self) -> Kind:
        """The type as written or as understood."""
        is_bool = self.table in BIT_TABLES or self.bit is not None
        return self.type or ("bool" if is_bool else "uint16")

    @property
    def width(self) -> int:
        """How many registers, or bits, it fills."""
        return self.registers or (1 if self.table in BIT_TABLES else REGISTERS[self.kind])

    def _require_registers(self) -> None:
        if (self.kind == TEXT) != (self.registers is not None):
            raise ValueError("registers: goes with type text, which needs it: how many registers it fills")
        if self.registers is None:
            return
        if self.table in BIT_TABLES:
            raise ValueError("type: expected bool for a coil or discrete input, got 'text'")
        _require("registers", self.registers, 1, MAX_REGISTERS)
        if self.order not in ("ABCD", "BADC"):
            raise ValueError(f"order: expected ABCD or BADC for a text, got '{self.order}'")

    def _require_bit(self) -> None:
        if self.bit is not None:
            raise ValueError("bit: a coil or discrete input is a bit already")
        if self.kind != "bool":
            raise ValueError(f"type: expected bool for a coil or discrete input, got '{self.kind}'")

    def _require_scale(self) -> None:
        if self.kind == TEXT and (self.scale, self.offset) != (1.0, 0.0):
            raise ValueError("scale: a text has no scale or offset")
        if (self.kind == "bool" or self.bit is not None) and (self.scale, self.offset) != (1.0, 0.0):
            raise ValueError("scale: a bit has no scale or offset")
        if not math.isfinite(self.scale) or self.scale == 0:
            raise ValueError(f"scale: expected a number other than 0, got {self.scale}")
        if not math.isfinite(self.offset):
            raise ValueError(f"offset: expected a number, got {self.offset}")


@dataclass(frozen=True, slots=True)
class Point:
    """One signal, understood: `width` registers (or one bit) of `table` from `address` on."""

    signal: str
    table: str
    address: int
    width: int = 1
    type: Kind = "uint16"
    order: Order = "ABCD"
    scale: float = 1.0
    offset: float = 0.0
    bit: int | None = None

    @property
    def end(self) -> int:
        """The first address behind the value."""
        return self.address + self.width


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One unit, at `host` or on the port `serial`; every signal is polled once in `poll_ms`.

    A block read never asks for more than `max_registers`, and reads up to `gap` registers (or 16 x `gap`
    bits) that nobody wants when that joins two blocks. Raises ValueError naming the path of what is wrong.
    """

    signals: dict[str, Signal]
    host: str | None = None
    port: int = 502
    framing: Literal["tcp", "rtu"] | None = None
    serial: str | None = None
    baud: int = 9_600
    parity: Literal["none", "even", "odd"] = "none"
    stop_bits: Literal[1, 2] = 1
    pause_ms: int = 5
    unit: int = 1
    poll_ms: int = 250
    timeout_s: float = 1.0
    max_registers: int = MAX_REGISTERS
    gap: int = 8

    def __post_init__(self) -> None:
        """Refuse what can never work."""
        self._require_place()
        _require("port", self.port, 1, 65_535)
        _require("pause_ms", self.pause_ms, 0, 1_000)
        _require("unit", self.unit, 0, 255)
        _require("poll_ms", self.poll_ms, 10, 3_600_000)
        _require("timeout_s", self.timeout_s, 0.05, 60)
        _require("max_registers", self.max_registers, 1, MAX_REGISTERS)
        _require("gap", self.gap, 0, MAX_REGISTERS)
        if not self.signals:
            raise ValueError("signals: expected at least one signal, got none")
        for name, signal in self.signals.items():
            if signal.width > self.max_registers:
                raise ValueError(
                    f"max_registers: expected at least {signal.width} for signals.{name} "
                    f"of type {signal.kind}, got {self.max_registers}"
                )

    def _require_place(self) -> None:
        if self.host is None and self.serial is None:
            raise ValueError("host: is missing (or serial, for a line at this computer)")
        if self.host is not None and self.serial is not None:
            raise ValueError("serial: expected either host or serial, got both")
        if self.host == "":
            raise ValueError("host: expected a name or an address, got an empty text")
        if self.host is not None:
            _require_name(self.host)
        if self.serial is not None:
            if not self.serial:
                raise ValueError("serial: expected a port like /dev/ttyUSB0, got an empty text")
            if self.framing == "tcp":
                raise ValueError("framing: expected rtu on a serial line, got 'tcp'")
        if self.baud not in BAUDS:
            raise ValueError(f"baud: expected one of {', '.join(map(str, BAUDS))}, got {self.baud}")

    @property
    def is_rtu(self) -> bool:
        """Tell whether frames are RTU: on a serial line, or in a TCP connection to one."""
        return self.serial is not None or self.framing == "rtu"

    @property
    def port_name(self) -> str:
        """Where the line or the server is, as a person names it."""
        return self.serial or f"{self.host}:{self.port}"

    @property
    def place(self) -> str:
        """Name the unit as the person who wired it does."""
        return f"Modbus {self.port_name} unit {self.unit}"

    @property
    def line(self) -> tuple[object, ...]:
        """What all units on one line have in common."""
        return (self.baud, self.parity, self.stop_bits)

    @property
    def silence_s(self) -> float:
        """How long the readings may be silent before the link is taken for dead."""
        return 3 * self.poll_ms / 1000 + 10 * self.timeout_s

    @property
    def longest_pause_s(self) -> float:
        """How long to wait at most before a unit that is away is tried again.

        Others on its line wait for `timeout_s` meanwhile: of their time it takes less than a hundredth.
        """
        if not self.is_rtu:
            return LONGEST_PAUSE_S
        return min(max(LONGEST_PAUSE_S, PAUSE_PER_TIMEOUT * self.timeout_s), MOST_PAUSE_S)


def points(signals: Mapping[str, Signal]) -> tuple[Point, ...]:
    """Return what to read, one point a signal."""
    return tuple(
        Point(
            name,
            signal.table,
            signal.address,
            signal.width,
            signal.kind,
            signal.order,
            signal.scale,
            signal.offset,
            signal.bit,
        )
        for name, signal in signals.items()
    )


def _require_name(host: str) -> None:
    try:
        host.encode("idna")
    except UnicodeError:
        raise ValueError(f"host: expected a name or an address, got '{host}'") from None


def _require(path: str, value: float, lowest: float, highest: float) -> None:
    if not lowest <= value <= highest:
        raise ValueError(f"{path}: expected {lowest} to {highest}, got {value}")
