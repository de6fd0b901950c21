"""Why something was not planned: each error holds what a person needs to go on.

PlanningError
├── DraftRefused    the draft has faults
├── NoRoom          the plan's hours are no longer there
├── Stale           the plan still fits, but costs something else than proposed: confirm, or propose again
├── Outdated        the order was revised since: propose again
├── Unplaced        work of the plan has no place
├── EditRefused     the change cannot be made
├── NoSuchMatch     there is no proposal or order of that id
├── TooBusy         too many are being computed now
└── NotReckoned     the spare hours were not reckoned yet since the start
"""

from collections.abc import Sequence

from aggregator.errors import AggregatorError
from aggregator.matching.faults import Fault
from aggregator.matching.room import Shortage
from aggregator.model.proposal import Missing


class PlanningError(AggregatorError):
    """Nothing was planned or decided; the message says why."""


class DraftRefused(PlanningError):
    """`faults` say what to change in the draft."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("; ".join(f"{fault.place}: {fault.reason}" for fault in faults))
        self.faults = tuple(faults)


class NoRoom(PlanningError):
    """`shortages` say in which factory and week how much is lacking."""

    def __init__(self, shortages: Sequence[Shortage]) -> None:
        super().__init__("; ".join(sentence(each) for each in shortages))
        self.shortages = tuple(shortages)


class Stale(PlanningError):
    """Capacity changed under the proposal; it still fits."""


class Outdated(PlanningError):
    """The plan makes another quantity than the order asks for by now."""

    def __init__(self) -> None:
        super().__init__("the order was revised since this was proposed; propose it again")


class Unplaced(PlanningError):
    """`missing` work has no place, so there is no whole order to approve."""

    def __init__(self, missing: Sequence[Missing]) -> None:
        steps = ", ".join(each.step for each in missing)
        super().__init__(f"some work has no place yet ({steps}); cure what is missing and propose it again")
        self.missing = tuple(missing)


class EditRefused(PlanningError):
    """What was to be changed cannot be; `place` names it."""

    def __init__(self, place: str, reason: str) -> None:
        super().__init__(f"{place}: {reason}")
        self.place = place
        self.reason = reason


class NoSuchMatch(PlanningError):
    """There is no proposal or order of that id."""


class TooBusy(PlanningError):
    """Try again after `retry_after_s`."""

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(f"too many proposals are being computed now; try again in {retry_after_s} seconds")
        self.retry_after_s = retry_after_s


class NotReckoned(PlanningError):
    """Nothing is known of anybody's hours yet; try again after `retry_after_s`."""

    retry_after_s = 3

    def __init__(self) -> None:
        super().__init__(f"the spare hours are being calculated; try again in {self.retry_after_s} seconds")


def sentence(shortage: Shortage) -> str:
    """Return the shortage in English words."""
    where = f"{shortage.factory}, {shortage.process}, {shortage.week}"
    machines = f" on {', '.join(shortage.machines)}" if shortage.machines else ""
    return f"{where}: {shortage.minutes / 60:.1f} hours are lacking{machines}"
