"""The ledger of an order: who did what, what was accepted, who was late by himself; its sums add up.

Times are UTC milliseconds, delays are hours.
"""

from dataclasses import dataclass

from aggregator.model.progress import Delay, JobProgress
from aggregator.model.work import Handover


@dataclass(frozen=True, slots=True)
class Amounts:
    """Pieces; good = `measured` + `reported`, `sent` = `accepted` + `rejected` + `uncounted`.

    `scrap` is None where nobody counts it; a sum holds what is known of it, `scrap_partly` tells that some
    jobs are not in it.
    """

    planned: int = 0
    measured: int = 0
    reported: int = 0
    scrap: int | None = None
    scrap_partly: bool = False
    sent: int = 0
    accepted: int = 0
    rejected: int = 0

    @property
    def good(self) -> int:
        """Good pieces, whoever counted them."""
        return self.measured + self.reported

    @property
    def uncounted(self) -> int:
        """Pieces on their way, or not counted yet by who got them."""
        return self.sent - self.accepted - self.rejected


@dataclass(frozen=True, slots=True)
class JobLine:
    """One job of the ledger."""

    job: JobProgress
    amounts: Amounts


@dataclass(frozen=True, slots=True)
class StepLines:
    """A step, `position` counted from 1: its jobs, their sum, and how late it is by itself and by others."""

    position: int
    step: str
    process: str
    jobs: tuple[JobLine, ...]
    amounts: Amounts
    delay: Delay | None


@dataclass(frozen=True, slots=True)
class Ledger:
    """`factories` are the sums of each factory, in the order of the routing.

    `own_h` is the sum of all steps' own delays, None while no step's is known.
    """

    order: str
    steps: tuple[StepLines, ...]
    factories: tuple[tuple[str, Amounts], ...]
    total: Amounts
    own_h: float | None
    handovers: tuple[Handover, ...]
