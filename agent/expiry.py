"""Looks at the agent's certificate once a day, and says in the log when it will end soon."""

import asyncio
import contextlib
import logging
from collections.abc import Callable

from agent.contract.tls import TlsError, TlsFiles, about_the_end
from agent.threads import on_disk

logger = logging.getLogger(__name__)

LOOK_EVERY_S = 86_400.0


async def watch_certificate(files: TlsFiles | None, now: Callable[[], int]) -> None:
    """Look until cancelled; `now` gives UTC milliseconds. Files that cannot be read, the connection tells."""
    if files is None or files.certificate_file is None:
        return
    while True:
        with contextlib.suppress(TlsError):
            said = await on_disk(about_the_end, files.certificate_file, now())
            if said is not None:
                logger.warning("%s", said)
        await asyncio.sleep(LOOK_EVERY_S)
