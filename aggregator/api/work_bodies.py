"""What is entered about work, as it comes in: JSON whose shape is checked here, and its sense by `work`."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from pydantic.types import StrictInt

from aggregator.api.drafts import Reason, Text
from aggregator.api.moments import Instant, to_ms
from aggregator.model.user import User
from aggregator.work.act import Act

Pieces = Annotated[StrictInt, Field(ge=-1_000_000_000, le=1_000_000_000)]
Count = Annotated[StrictInt, Field(ge=0, le=1_000_000_000)]
Id = Annotated[Text, Field(min_length=1, max_length=64)]


class ActBody(BaseModel):
    """What is entered; all of it may be left out."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    at: Instant | None = Field(
        None, description="When it happened, at most 48 hours ago (default: now)",
        examples=["2026-11-24T09:30:00+09:00"],
    )  # fmt: skip
    reason: Reason | None = Field(None, description="Why; some things need it", examples=["材料の不足"])
    request: Annotated[Text, Field(min_length=8, max_length=100)] | None = Field(
        None,
        description="A key of your own: what comes again with it is entered once",
        examples=["tablet-3-000117"],
    )

    def act(self, by: User) -> Act:
        """Return the value that work acts on."""
        return Act(by, None if self.at is None else to_ms(self.at), self.reason, self.request)


class StartBody(ActBody):
    """A start."""

    machine: Id | None = Field(
        None, description="Id of one of the factory's machines; left out: by hand", examples=["mc-01"]
    )
    takeover: bool = Field(
        False, strict=True, description="Put it in the place of the job that the machine works on"
    )


class PauseBody(ActBody):
    """A pause."""

    machine: Id | None = Field(None, description="Only on this machine; left out: on all", examples=["mc-01"])


class MoveBody(ActBody):
    """The rest of a job goes to another factory."""

    to_factory: Id | None = Field(
        None, description="Id of the factory; left out: the backup", examples=["kitamura"]
    )


class CorrectBody(ActBody):
    """A machine's time was counted for the wrong job; windows that begin in `[since, until)` are meant."""

    machine: Id = Field(description="Id of the machine", examples=["mc-01"])
    since: Instant = Field(description="From here, RFC 3339", examples=["2026-11-24T09:00:00+09:00"])
    until: Instant = Field(
        description="Up to here, not included", examples=["2026-11-24T10:00:00+09:00"]
    )  # fmt: skip
    right: Id | None = Field(
        None, description="Id of the job that it was; null: of none", examples=["2026-0042-1a"]
    )


class HandoverBody(ActBody):
    """Good pieces leave."""

    sent: Count = Field(description="So many", examples=[120])
    to_job: Id | None = Field(
        None, description="Id of the job that takes them; left out: the only one, or the buyer"
    )


class ReceivedBody(ActBody):
    """What the receiver counted."""

    accepted: Count = Field(description="Good pieces", examples=[118])
    rejected: Count = Field(0, description="Pieces that are sent back", examples=[2])


class ReportBody(ActBody):
    """Pieces that a person counted."""

    job: Id = Field(description="Id of the job", examples=["2026-0042-5a"])
    good: Pieces = Field(description="Good pieces; below zero, with a reason: put right", examples=[40])
    scrap: Pieces = Field(0, description="Scrapped pieces", examples=[1])
