"""Looks around on Modbus TCP: which unit ids answer, and which registers of a unit can be read."""

import contextlib
from collections.abc import AsyncIterator

import msgspec

from agent.drivers.finding import Finding
from agent.errors import LinkError

from .blocks import Block
from .connection import Unit, connected
from .refusals import BlockRefused
from .settings import BIT_TABLES, Settings

STEP = 64
"""Registers or bits asked for at once; halved wherever the unit refuses."""


async def discover(
    settings: Settings, table: str = "holding", first: int = 0, count: int = 100
) -> tuple[Finding, ...]:
    """Return what answers among `count` addresses of one table from `first` on; raises LinkError."""
    findings: list[Finding] = []
    async with connected(settings) as unit:
        for start in range(first, first + count, STEP):
            block = Block(table, start, min(STEP, first + count - start), ())
            findings += [finding async for finding in _readable(unit, block)]
    return tuple(findings)


async def answering_units(settings: Settings, last: int = 16) -> dict[int, str]:
    """Try the unit ids 1 to `last`, and return what those say that answer; raises LinkError.

    Every id gets a connection of its own: a gateway may close it when a unit is away.
    """
    answers: dict[int, str] = {}
    for number in range(1, last + 1):
        async with connected(msgspec.structs.replace(settings, unit=number)) as unit:
            with contextlib.suppress(LinkError):
                answers[number] = await _greeting(unit)
    return answers


async def _greeting(unit: Unit) -> str:
    """Any answer will do: an exception, too, comes from a unit that is there."""
    try:
        cells = await unit.read(Block("holding", 0, 1, ()))
    except BlockRefused as refusal:
        return refusal.quality
    return f"holding 0 is {cells[0]}"


async def _readable(unit: Unit, block: Block) -> AsyncIterator[Finding]:
    try:
        cells = await unit.read(block)
    except BlockRefused as refusal:
        if refusal.divisible and block.count > 1:
            half = block.count // 2
            for part in (
                Block(block.table, block.address, half, ()),
                Block(block.table, block.address + half, block.count - half, ()),
            ):
                async for finding in _readable(unit, part):
                    yield finding
        return
    kind = "bool" if block.table in BIT_TABLES else "uint16"
    for offset, cell in enumerate(cells):
        address = block.address + offset
        yield Finding(
            f"{block.table}_{address}",
            f"{{ {block.table} = {address} }}",
            f"{block.table} {address}",
            kind,
            cell,
        )
