"""What a job can count on from now on: working time, its share of machines, queues, breakdowns."""

from dataclasses import dataclass
from typing import NamedTuple

from agent.contract.states import State


class MachineNow(NamedTuple):
    """What a machine does now and since when (UTC ms); `repairs_h` are lengths of its past breakdowns."""

    state: State
    since_ms: int | None
    repairs_h: tuple[float, ...] = ()


class Share(NamedTuple):
    """Machine hours for each hour of working time until `until_ms`, with 10, 50 and 90 percent."""

    until_ms: int
    p10: float
    p50: float
    p90: float


@dataclass(frozen=True, slots=True)
class JobSupply:
    """What a job can count on.

    `spans` are working time of its machines (UTC ms), sorted, from long before now to the horizon; `shares`
    what the job gets of it, week by week. `queue_h` hours of working time pass before one of its machines is
    free. `good_share` is the measured yield of its cell. `now` are its machines. `unknown` says why nothing
    can be told.
    """

    spans: tuple[tuple[int, int], ...] = ()
    shares: tuple[Share, ...] = ()
    queue_h: float = 0.0
    good_share: float | None = None
    now: tuple[MachineNow, ...] = ()
    unknown: str | None = None
