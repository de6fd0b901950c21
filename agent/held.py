"""Records that wait for their true time, also over a restart: outbox and clock in, both brought together."""

import logging
from collections.abc import Collection

from agent.clock import SystemClock, boot_id
from agent.errors import OutboxError
from agent.outbox import Outbox

logger = logging.getLogger(__name__)

_WRONG_TIMES = "what was measured before the clock is right may keep wrong times: %s"


def take_up(outbox: Outbox, clock: SystemClock, machines: Collection[str], newest_ms: int) -> int:
    """Go on holding records, or release those of before; blocks.

    `newest_ms` is the newest time that is remembered of the machines: a clock that is not synchronised and
    shows an earlier one counts from there. Returns by how much later everything was that is remembered: the
    clock is right by now, and was wrong since the boot. What was held in an earlier run of the computer keeps
    its times: how long that was off nobody can tell.
    """
    boot = boot_id()
    try:
        found = outbox.held
        same = found is not None and found[0] == boot
        if found is not None and same and clock.is_held:
            clock.count_from(found[1])
            return 0
        shift_ms = clock.base_ms - found[1] if found is not None and same else 0
        if found is not None:
            outbox.append((), {}, (shift_ms, machines))
    except OutboxError as error:
        logger.warning(_WRONG_TIMES, error)
        shift_ms = 0
    if clock.is_held and clock() <= newest_ms:
        clock.count_from(clock.base_ms + newest_ms + 1 - clock())
    return shift_ms


def hold(outbox: Outbox, clock: SystemClock) -> None:
    """Hold what is recorded from here on, unless that is done already; blocks."""
    try:
        if outbox.held is None:
            outbox.hold(boot_id(), clock.base_ms)
            logger.warning("the clock is not synchronised yet: records wait for their true time")
    except OutboxError as error:
        logger.warning(_WRONG_TIMES, error)
