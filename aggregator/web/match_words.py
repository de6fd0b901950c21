"""The words of matching: faults, tiers, what is missing and what cures it, as message ids."""

from aggregator.model.job import JobStatus
from aggregator.model.match import MatchStatus
from aggregator.web.formats import N_

FAULTS: dict[str, str] = {
    "due_past": N_("{due} is over. Enter a day from {today} on."),
    "due_far": N_("{due} is too far away. Enter a day within three years."),
    "no_steps": N_("Add at least one step."),
    "too_many_steps": N_("{count} steps are too many. At most {most} are possible."),
    "not_whole": N_("Enter a whole number."),
    "no_pieces": N_("Enter at least 1 piece."),
    "too_many_pieces": N_(
        "That is too many for one order: at most {most}. Split the rest into further orders."
    ),
    "empty_text": N_("This must not be empty."),
    "long_text": N_("{length} characters are too many. At most {most} are possible."),
    "unshown_text": N_("This holds characters that cannot be shown. Type it anew."),
    "unknown_process": N_("No factory has this process. Choose another one."),
    "out_of_range": N_("Enter a number from {least} to {most}."),
    "bad_count": N_("Enter a whole number from {least} to {most}."),
    "min_lot_over_quantity": N_(
        "A lot of {lot} pieces is more than the {quantity} pieces ordered. Make it smaller."
    ),
    "bad_need": N_("Enter a number above 0."),
    "duplicate_id": N_("Two steps are called {id}."),
    "unknown_after": N_("There is no step {id}. Enter one of: {known}."),
    "loop": N_("These steps wait for each other: {loop}. Take one of these numbers out."),
}

STATUS: dict[MatchStatus, str] = {
    MatchStatus.OPEN: N_("To be decided"),
    MatchStatus.APPROVED: N_("Approved"),
    MatchStatus.REJECTED: N_("Rejected"),
    MatchStatus.REPLACED: N_("Replaced by a newer one"),
}
JOB_STATUS: dict[JobStatus, str] = {
    JobStatus.PLANNED: N_("Planned"),
    JobStatus.RUNNING: N_("Started"),
    JobStatus.PAUSED: N_("Paused"),
    JobStatus.DONE: N_("Done"),
    JobStatus.CANCELLED: N_("Cancelled"),
}
CANCELLED = N_("Order cancelled")

TIERS: dict[str, str] = {
    "unplaced_minutes": N_("Work without a place"),
    "late_orders": N_("Late"),
    "late_days": N_("Days late"),
    "without_backup": N_("Lots without a backup"),
    "largest_share_permille": N_("Largest share of one factory's spare hours"),
    "transport_days": N_("Days on the road"),
}

RULES: tuple[str, ...] = (
    N_("As little work as possible stays without a place."),
    N_("The order is on time."),
    N_("If it has to be late, then by as few days as possible."),
    N_("For as many lots as possible another factory stands ready that could do the work in the same weeks."),
    N_("No factory is given more of its spare hours than needed: the largest share is kept small."),
    N_("As few days as possible are spent on the road."),
)

REASONS: dict[str, str] = {
    "no_such_process": N_("No factory has this process."),
    "no_such_ability": N_("No machine of this process is known to take it: {lacking}."),
    "no_number": N_("The factories of this process have no measured capacity yet."),
    "not_enough_hours": N_("There are not enough hours: {hours} h are missing, first in the {week}."),
    "too_late": N_("There are only hours behind the due date: {hours} h, from the {week} on."),
}
LACKING: dict[str, str] = {
    "tolerance_um": N_("the tolerance"),
    "size_mm": N_("the size of the part"),
    "tonnage_kn": N_("the force of the press"),
}
CURES: dict[str, str] = {
    "overtime_minutes": N_("{hours} h of overtime"),
    "later_days": N_("a due date {amount} days later"),
    "split_lots": N_("splitting the step into up to {amount} lots"),
    "factory": N_("one more factory with this process"),
}

# What an alternative costs more, in the first tier that tells the two apart.
COSTS: dict[str, tuple[str, str]] = {
    "unplaced_minutes": (N_("{more} h of work would have no place"),) * 2,
    "late_orders": (N_("the order would be one day late"), N_("the order would be {there} days late")),
    "late_days": (N_("the order would be one day later"), N_("the order would be {more} days later")),
    "without_backup": (
        N_("one more lot would have no backup"),
        N_("{more} more lots would have no backup"),
    ),
    "largest_share_permille": (N_("one factory would give {there} of its spare hours instead of {here}"),)
    * 2,
    "transport_days": (
        N_("parts would be one day longer on the road"),
        N_("parts would be {more} days longer on the road"),
    ),
}
"""For one, and for several."""
AS_GOOD = N_("by these rules it would be as good; who was given less goes first, then the draw decides")

HOURS = N_("{hours} h")
YES, NO, SURE, HARDLY = N_("yes"), N_("no"), N_("over 99%"), N_("under 1%")
