"""Asks the pages whether they answer: a port and paths in, yes or no out."""

import asyncio
import time
from collections.abc import Sequence

from aggregator.demo.ports import HOST

ANSWER_WITHIN_S = 5.0
PAUSE_S = 0.2


async def answered(port: int, paths: Sequence[str], within_s: float) -> bool:
    """Ask each path until it answers 200; tell whether all did before `within_s` seconds were over."""
    deadline = time.monotonic() + within_s
    for path in paths:
        while await status(port, path) != 200:
            if time.monotonic() > deadline:
                return False
            await asyncio.sleep(PAUSE_S)
    return True


async def status(port: int, path: str) -> int | None:
    """Return the HTTP status with which `path` answers; None when nobody does in time."""
    try:
        async with asyncio.timeout(ANSWER_WITHIN_S):
            return await _ask(port, path)
    except (OSError, TimeoutError):
        return None


async def _ask(port: int, path: str) -> int | None:
    reader, writer = await asyncio.open_connection(HOST, port)
    try:
        writer.write(f"GET {path} HTTP/1.0\r\nHost: {HOST}:{port}\r\n\r\n".encode())
        words = (await reader.readline()).split()
    finally:
        writer.close()
    return int(words[1]) if len(words) > 1 and words[1].isdigit() else None
