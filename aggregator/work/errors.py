"""Why something about work was not entered: each error is one sentence that says how to go on.

WorkError
├── NoSuchJob       there is no such job, hand-over or machine, or none that this person may see
├── NotAllowed      it is there, but for others to decide
├── NotNow          it does not go with the state of things; `kind` names the case, for pages
│   └── Taken       the machine works on another job: ask to take it over
├── ReasonNeeded    it can be done with a reason
└── WrongNumber     a number or moment that cannot be; `place` names it
"""

from aggregator.errors import AggregatorError


class WorkError(AggregatorError):
    """Nothing was entered; the message says why."""


class NoSuchJob(WorkError):
    """There is none, or none that this person may see: both look the same."""


class NotAllowed(WorkError):
    """Others decide that."""


class NotNow(WorkError):
    """`kind`: cancelled, finished, not_started, not_working_there, other_process, other_times, other_factory,
    taken, request_used, received, no_receiver, not_needed.
    """  # fmt: skip

    def __init__(self, kind: str, sentence: str) -> None:
        super().__init__(sentence)
        self.kind = kind


class Taken(NotNow):
    """The machine works on `job`; with `takeover` the new job takes its place."""

    def __init__(self, machine: str, job: str) -> None:
        super().__init__(
            "taken",
            f"machine {machine} works on job {job}; ask for takeover to put the new one there",
        )
        self.machine = machine
        self.job = job


class ReasonNeeded(WorkError):
    """The same with a reason is entered; `kind`: short, more_than_made, correction, back."""

    def __init__(self, kind: str, sentence: str) -> None:
        super().__init__(f"{sentence}; say why")
        self.kind = kind


class WrongNumber(WorkError):
    """`place` is the field."""

    def __init__(self, place: str, reason: str) -> None:
        super().__init__(f"{place}: {reason}")
        self.place = place
        self.reason = reason
