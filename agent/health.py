"""The agent's own health: what the kernel says of this process out, and word to systemd."""

import logging
import os
import resource
import socket
from collections.abc import Mapping
from pathlib import Path

logger = logging.getLogger(__name__)

READY = "READY=1"
WATCHDOG = "WATCHDOG=1"
STOPPING = "STOPPING=1"


def memory_bytes() -> int:
    """Return the memory this process holds now (resident set); its peak where the present is not told."""
    try:
        pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return pages * resource.getpagesize()


class Systemd:
    """Word to the service manager, over the socket it names (sd_notify(3)); silent where there is none."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        self._address = environment.get("NOTIFY_SOCKET")
        self._watchdog_us = environment.get("WATCHDOG_USEC", "")

    @property
    def watchdog_s(self) -> float | None:
        """How often the watchdog wants a sign of life, twice as often as it must have one; None without."""
        if self._address is None or not self._watchdog_us.isdecimal() or not int(self._watchdog_us):
            return None
        return int(self._watchdog_us) / 2_000_000

    def tell(self, word: str) -> None:
        """Send `READY`, `WATCHDOG` or `STOPPING`; a manager that does not listen is no reason to fail."""
        if not self._address:
            return
        # A name that begins with @ is in Linux's abstract namespace, spelt with a zero byte.
        address = f"\0{self._address[1:]}" if self._address.startswith("@") else self._address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as notify:
                notify.sendto(word.encode(), address)
        except OSError as error:
            logger.debug("systemd was not told %s: %s", word, error)
