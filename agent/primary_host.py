"""Whether the primary host application is there: its STATE messages in, online or not out. Pure.

Without it a node has no births, and ends its session when it leaves (Sparkplug 3.0, chapter 5). An "offline"
that is older than the host's last "online" is the will of an earlier connection, and counts for nothing.
"""

import json
from dataclasses import dataclass


@dataclass(slots=True)
class PrimaryHost:
    """What one connection has heard of the host."""

    online: bool = False
    since_ms: int = -1

    def hear(self, body: object) -> None:
        """Take a STATE message; what is none changes nothing."""
        said = _read(body)
        if said is None:
            return
        online, at_ms = said
        if at_ms >= self.since_ms:
            self.online, self.since_ms = online, at_ms


def _read(body: object) -> tuple[bool, int] | None:
    if not isinstance(body, bytes | bytearray):
        return None
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(said, dict):
        return None
    online, at_ms = said.get("online"), said.get("timestamp")
    if not isinstance(online, bool) or isinstance(at_ms, bool) or not isinstance(at_ms, int):
        return None
    return online, at_ms
