"""Signals in, block reads out: as few requests as the limits of the device and of the protocol allow."""

from collections.abc import Iterable
from dataclasses import dataclass

from .settings import BIT_TABLES, MAX_REGISTERS, TABLES, Point

MAX_BITS = 2_000  # MODBUS Application Protocol V1.1b3, 6.1: one read returns at most 2,000 bits
BITS_PER_REGISTER = 16
ONLY_OVERLAPPING = -1


@dataclass(frozen=True, slots=True)
class Block:
    """One request: `count` registers or bits of `table` from `address` on, which hold all of `points`."""

    table: str
    address: int
    count: int
    points: tuple[Point, ...]

    @property
    def place(self) -> str:
        """Table and addresses as a person names them."""
        if self.count == 1:
            return f"{self.table} {self.address}"
        return f"{self.table} {self.address} to {self.address + self.count - 1}"


def coalesce(points: Iterable[Point], max_registers: int = MAX_REGISTERS, gap: int = 0) -> tuple[Block, ...]:
    """Cover every point by block reads of at most `max_registers`, across at most `gap` unwanted registers.

    For coils and discrete inputs the limits are 2,000 bits and 16 x `gap` bits. `gap` = ONLY_OVERLAPPING
    keeps neighbours apart too: only points that share a register or bit are read together.
    """
    by_table: dict[str, list[Point]] = {table: [] for table in TABLES}
    for point in points:
        by_table[point.table].append(point)
    blocks: list[Block] = []
    for table, wanted in by_table.items():
        is_bit = table in BIT_TABLES
        limit = MAX_BITS if is_bit else max_registers
        reach = gap * BITS_PER_REGISTER if is_bit and gap > 0 else gap
        blocks.extend(_join(sorted(wanted, key=lambda point: (point.address, point.end)), limit, reach))
    return tuple(blocks)


def split(block: Block, max_registers: int = MAX_REGISTERS) -> tuple[Block, ...]:
    """Take a block that a device refused apart, down to single values."""
    return coalesce(block.points, max_registers, ONLY_OVERLAPPING)


def rejoin(good: Iterable[Block], refused: Block, max_registers: int) -> tuple[Block, ...]:
    """Join what could be read alone without touching any address that nobody asked for.

    When that is the very block which was refused, the device wants single reads: `good` is returned as it is.
    """
    singles = tuple(good)
    joined = coalesce((point for block in singles for point in block.points), max_registers)
    span = (refused.address, refused.count)
    return singles if any((block.address, block.count) == span for block in joined) else joined


def _join(points: list[Point], limit: int, reach: int) -> list[Block]:
    blocks: list[Block] = []
    held: list[Point] = []
    end = 0
    for point in points:
        fits = held and point.address <= end + reach and max(end, point.end) - held[0].address <= limit
        if held and not fits:
            blocks.append(_block(held, end))
            held, end = [], 0
        held.append(point)
        end = max(end, point.end)
    if held:
        blocks.append(_block(held, end))
    return blocks


def _block(points: list[Point], end: int) -> Block:
    first = points[0]
    return Block(first.table, first.address, end - first.address, tuple(points))
