"""The words of orders under way: states, causes of delay, kinds of alerts and revisions, as message ids."""

from aggregator.model.match import OrderStatus
from aggregator.model.progress import Cause, Progress
from aggregator.web.formats import N_

PROGRESS: dict[Progress, str] = {
    Progress.WAITING: N_("Waiting for the step before"),
    Progress.READY: N_("Ready to begin"),
    Progress.RUNNING: N_("Being made"),
    Progress.PAUSED: N_("Resting"),
    Progress.DONE: N_("Finished"),
    Progress.CANCELLED: N_("Called off"),
}
CAUSES: dict[Cause, str] = {
    Cause.BREAKDOWN: N_("a breakdown"),
    Cause.LATE_START: N_("a late start"),
    Cause.SLOW: N_("slower work than planned"),
    Cause.SCRAP: N_("scrap made again"),
    Cause.WAITING: N_("waiting for material"),
    Cause.OTHER_WORK: N_("other work before it"),
    Cause.UNKNOWN: N_("machines that were not heard"),
}

ORDER_STATUS: dict[str, str] = {
    OrderStatus.DRAFT.value: N_("Draft"),
    OrderStatus.PROPOSED.value: N_("Team proposed, to be decided"),
    OrderStatus.APPROVED.value: N_("Under way"),
    OrderStatus.REJECTED.value: N_("Turned down"),
    OrderStatus.CANCELLED.value: N_("Called off by the coordinator"),
    "done": N_("Shipped"),
}

RISKS: dict[str, str] = {
    "late": N_("Likely late"),
    "risk": N_("At risk"),
    "good": N_("On its way"),
    "unknown": N_("Cannot be told"),
    "done": N_("Shipped in full"),
}

AUDIT: dict[str, str] = {
    "proposal made": N_("Team proposed"),
    "proposal approved": N_("Team approved"),
    "proposal rejected": N_("Proposal turned down"),
    "proposal replaced": N_("Proposal replaced"),
    "order cancelled": N_("Order called off"),
    "order revised": N_("Order revised"),
    "alert raised": N_("Alert raised"),
    "alert cleared": N_("Alert over"),
    "alert seen": N_("Alert seen"),
    "link made": N_("Buyer's link made"),
    "link revoked": N_("Buyer's link revoked"),
    "job started": N_("Job begun"),
    "job paused": N_("Job paused"),
    "job finished": N_("Job finished"),
    "job reopened": N_("Job taken up again"),
    "job moved": N_("Rest of a job moved"),
    "pieces reported": N_("Pieces reported"),
    "goods sent": N_("Goods handed on"),
    "goods received": N_("Goods counted"),
}

DELAY_OWN = N_("{hours} h late by itself: {causes}")
DELAY_PLAIN = N_("{hours} h late by itself")
INHERITED = N_("{hours} h inherited from step {number}")
INHERITED_PLAIN = N_("{hours} h inherited")
CAUSE_HOURS = N_("{cause} {hours} h")
ON_PLAN = N_("on plan")
NO_DELAY = N_("not known")
