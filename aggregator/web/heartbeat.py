"""What changes in, the same and a sign of life from time to time out."""

import asyncio
from collections.abc import AsyncIterator
from typing import TypeVar

T = TypeVar("T")


async def or_nothing(changes: AsyncIterator[frozenset[T]], every_s: float) -> AsyncIterator[frozenset[T]]:
    """Yield what `changes` yields, and an empty set at least `every_s` seconds apart."""
    waiting = asyncio.ensure_future(anext(changes, None))
    loop = asyncio.get_running_loop()
    due = loop.time() + every_s
    try:
        while True:
            await asyncio.wait({waiting}, timeout=max(due - loop.time(), 0))
            if waiting.done():
                changed = waiting.result()
                if changed is None:
                    return
                waiting = asyncio.ensure_future(anext(changes, None))
                yield changed
            if loop.time() >= due:
                due = loop.time() + every_s
                yield frozenset()
    finally:
        waiting.cancel()
