"""Polls one Modbus unit on a fixed grid of time; yields the readings that changed."""

import asyncio
import math
from collections.abc import AsyncGenerator, Callable

from agent.measuring.reading import Batch, Reading, Value

from .blocks import Block, coalesce, rejoin, split
from .connection import Unit, connected
from .decode import values
from .refusals import BlockRefused
from .settings import Settings, points

RETRY_REFUSED_S = 10.0

Found = dict[str, tuple[Value | None, str]]
"""Signal -> value and quality."""


async def readings(settings: Settings, now: Callable[[], int]) -> AsyncGenerator[Batch, None]:
    """Yield once a poll: every signal at first, then those whose value or quality changed, perhaps none.

    Raises LinkError when the unit cannot be reached, does not answer in time or closes the connection.
    """
    clock = asyncio.get_running_loop().time
    period_s = settings.poll_ms / 1000
    known: Found = {}
    async with connected(settings) as unit:
        poll = Poll(unit, settings, clock)
        start = clock()
        while True:
            found = await poll.read()
            at_ms = now()
            changed = {name: seen for name, seen in found.items() if known.get(name) != seen}
            known |= changed
            yield tuple(Reading(name, value, at_ms, quality) for name, (value, quality) in changed.items())
            await asyncio.sleep(next_slot(start, period_s, clock()) - clock())


def next_slot(start: float, period_s: float, at: float) -> float:
    """Return the first point of the grid `start` + n x `period_s` after `at`; missed points are left out."""
    return start + (math.floor((at - start) / period_s) + 1) * period_s


class Poll:
    """Reads all blocks once; learns which addresses the unit refuses, so that they harm no other signal.

    A block refused as too much (illegal address, illegal count) is read value by value once. Values that
    answer are joined again around those that do not; the latter are tried again every RETRY_REFUSED_S. When
    one of them answers, the block is asked for as a whole again: a PLC refuses everything while it is loaded.
    """

    def __init__(self, unit: Unit, settings: Settings, clock: Callable[[], float]) -> None:
        self._unit = unit
        self._max_registers = settings.max_registers
        self._clock = clock
        self._blocks = list(coalesce(points(settings.signals), settings.max_registers, settings.gap))
        self._refused: dict[Block, float] = {}
        """Single values that the unit refuses -> when to try again."""
        self._taken_from: dict[Block, Block] = {}
        """Single values that were refused when a block was taken apart -> that block."""

    async def read(self) -> Found:
        """Return the value and quality of every signal whose block was due."""
        found: Found = {}
        wholes: list[Block] = []
        for block in tuple(self._blocks):
            if self._clock() < self._refused.get(block, 0.0):
                continue
            try:
                found |= await self._read(block)
            except BlockRefused as refusal:
                found |= await self._cope(block, refusal)
            else:
                self._refused.pop(block, None)
                if (whole := self._taken_from.get(block)) is not None:
                    wholes.append(whole)
        for whole in wholes:
            self._put_together(whole)
        return found

    async def _read(self, block: Block) -> Found:
        cells = await self._unit.read(block)
        return {signal: (value, quality) for signal, value, quality in values(block, cells)}

    async def _cope(self, block: Block, refusal: BlockRefused) -> Found:
        singles = split(block, self._max_registers) if refusal.divisible else ()
        if len(singles) > 1:
            return await self._take_apart(block, singles)
        if refusal.divisible:
            self._refused[block] = self._clock() + RETRY_REFUSED_S
        return dict.fromkeys((point.signal for point in block.points), (None, refusal.quality))

    async def _take_apart(self, block: Block, singles: tuple[Block, ...]) -> Found:
        found: Found = {}
        good: list[Block] = []
        for single in singles:
            try:
                found |= await self._read(single)
                good.append(single)
            except BlockRefused as refusal:
                self._taken_from[single] = block
                found |= await self._cope(single, refusal)
        self._blocks.remove(block)
        self._blocks.extend(rejoin(good, block, self._max_registers))
        self._blocks.extend(single for single in singles if single not in good)
        return found

    def _put_together(self, whole: Block) -> None:
        points = frozenset(whole.points)
        for part in [block for block in self._blocks if points.issuperset(block.points)]:
            self._blocks.remove(part)
            self._refused.pop(part, None)
            self._taken_from.pop(part, None)
        self._blocks.append(whole)
