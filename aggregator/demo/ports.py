"""TCP ports on this computer: is one free, and which other one is."""

import asyncio
import errno
import socket
import time
from collections.abc import Collection
from random import SystemRandom

HOST = "127.0.0.1"
CANDIDATES = range(20_000, 30_000)
"""Below the ports that systems hand out for outgoing connections, which could take ours between restarts."""

PAUSE_S = 0.1


def is_free(port: int) -> bool:
    """Tell whether a server could listen on the port now; raises PermissionError for a privileged one."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            return False
    return True


def free_port(wanted: int | None = None, taken: Collection[int] = ()) -> int:
    """Return `wanted` if it is free, else any free one not in `taken`; OSError when there is none."""
    if wanted is not None and wanted not in taken and is_free(wanted):
        return wanted
    candidates = list(CANDIDATES)
    SystemRandom().shuffle(candidates)
    for port in candidates:
        if port not in taken and is_free(port):
            return port
    raise OSError(errno.EADDRINUSE, f"no free port from {CANDIDATES.start} to {CANDIDATES.stop - 1}")


async def opened(ports: Collection[int], within_s: float) -> bool:
    """Wait until somebody listens on every port; tell whether all did before `within_s` seconds were over."""
    deadline = time.monotonic() + within_s
    for port in ports:
        while not await _listens(port):
            if time.monotonic() > deadline:
                return False
            await asyncio.sleep(PAUSE_S)
    return True


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection(HOST, port)
    except OSError:
        return False
    writer.close()
    return True
