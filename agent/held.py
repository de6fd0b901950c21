"""What an earlier process left whose times were not known yet: outbox and clock in, both brought together."""

import logging
from collections.abc import Collection

from agent.clock import SystemClock, boot_id
from agent.errors import OutboxError
from agent.outbox import Outbox

logger = logging.getLogger(__name__)


def take_up(outbox: Outbox, clock: SystemClock, machines: Collection[str]) -> int:
    """Go on holding records, begin to, or release those of before; blocks.

    Returns by how much later everything was that is remembered of the machines: the clock is right by now,
    and was wrong since the boot. What was held in an earlier run of the computer keeps its times: how long
    that was off nobody can tell.
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
        if clock.is_held:
            outbox.hold(boot, clock.base_ms)
            logger.warning("the clock is not synchronised yet: records wait for their true time")
    except OutboxError as error:
        logger.warning("what was measured before the clock is right may keep wrong times: %s", error)
        return 0
    return shift_ms
