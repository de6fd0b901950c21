"""The words of the factory's own page: what was done, what cannot be done and why, as message ids."""

from aggregator.model.consent import Field
from aggregator.model.job import JobStatus
from aggregator.web.formats import N_
from aggregator.work.errors import NotAllowed, NotNow, ReasonNeeded, Taken, WorkError, WrongNumber

DONE_WORDS: dict[str, str] = {
    "start": N_("Started."),
    "pause": N_("Paused."),
    "finish": N_("Finished. Well done."),
    "reopen": N_("Taken back: the job is open again."),
    "report": N_("Pieces noted."),
    "send": N_("Hand-over noted. The receiver counts on arrival."),
    "receive": N_("Received."),
    "correct": N_("Put right. The numbers follow within a minute."),
    "consent": N_("Noted. It holds from now on."),
}

STATUS_WORDS: dict[JobStatus, str] = {
    JobStatus.PLANNED: N_("Not started"),
    JobStatus.RUNNING: N_("Under way"),
    JobStatus.PAUSED: N_("Paused"),
    JobStatus.DONE: N_("Finished"),
    JobStatus.CANCELLED: N_("Cancelled"),
}

KIND_WORDS: dict[str, str] = {
    "cancelled": N_("This job was cancelled. Nothing was changed; ask the coordinator."),
    "finished": N_("This job is finished already. Take that back first, if it was a mistake."),
    "not_started": N_("This job was not started yet. Start it first."),
    "not_working_there": N_("That machine does not work on this job."),
    "other_process": N_("That machine cannot do this kind of work. Choose another one."),
    "other_times": N_("The machine worked on something else at that moment. Choose another time."),
    "other_factory": N_("That job is made in another factory."),
    "request_used": N_("This form was sent before. Please look at the page again."),
    "received": N_("This delivery was counted already. Ask the coordinator to put it right."),
    "no_receiver": N_("Choose which job takes the pieces."),
}
REASON_WORDS: dict[str, str] = {
    "short": N_("Some pieces are missing. Why?"),
    "more_than_made": N_("That is more than was counted so far. Why?"),
    "correction": N_("Please say why this is put right."),
    "back": N_("Please say why it is taken back."),
}
TAKEN = N_("That machine works on another job. Stop that one and start this one?")
NUMBER = N_("Please check the numbers and times: that cannot be.")
OTHERS_DECIDE = N_("Only the coordinator can do that.")
NOT_HERE = N_("There is no such job here any more. Please look at the page again.")

REASONS: tuple[str, ...] = (
    N_("Counted again"),
    N_("Scrap found later"),
    N_("Wrong job chosen"),
    N_("Material ran out"),
)
"""Offered as a tap, so that nobody has to type with gloves on."""

CONSENT_WORDS: dict[Field, tuple[str, str]] = {
    Field.NAME_TO_BUYERS: (
        N_("Buyers may read our name"),
        N_("The buyer's page says our name at the steps we work on. If not, it stays without a name."),
    ),
    Field.NAME_TO_PARTNERS: (
        N_("Factories before and after us may read our name"),
        N_("They see who sends them parts and where theirs go. If not, they see the process only."),
    ),
    Field.BANDS: (
        N_("Our spare hours count in what others are told"),
        N_("Others see a word for all factories of a process together, never our number."),
    ),
}


def sentence(error: WorkError) -> str:
    """Return what people read about why nothing was entered."""
    if isinstance(error, Taken):
        return TAKEN
    if isinstance(error, ReasonNeeded):
        return REASON_WORDS.get(error.kind, REASON_WORDS["correction"])
    if isinstance(error, NotNow):
        return KIND_WORDS.get(error.kind, NUMBER)
    if isinstance(error, WrongNumber):
        return NUMBER
    return OTHERS_DECIDE if isinstance(error, NotAllowed) else NOT_HERE
