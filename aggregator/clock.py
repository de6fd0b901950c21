"""The wall clock; only the edges call it, everything else is handed `now`."""

import time


def now_ms() -> int:
    """Return UTC milliseconds since the epoch."""
    return time.time_ns() // 1_000_000
