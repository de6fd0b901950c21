"""Who works before and after a job, as its factory may see it: jobs and consent in, partners out. Pure.

Only what touches the job is told: the steps right before and after it. A factory is named where it agrees;
where it does not, the step is there without a name.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from aggregator.model.consent import Consents, Field
from aggregator.model.job import Job, JobStatus
from aggregator.model.order import OrderDraft


@dataclass(frozen=True, slots=True)
class Partner:
    """A job before or after one's own; `name` is None where the factory is not to be named."""

    job: str
    process: str
    pieces: int
    name: str | None
    own: bool


@dataclass(frozen=True, slots=True)
class Partners:
    """Those whose pieces the job takes, and those who take its pieces; nobody after it: the buyer does."""

    before: tuple[Partner, ...] = ()
    after: tuple[Partner, ...] = ()


def partners_of(
    job: Job, draft: OrderDraft, jobs: Iterable[Job], names: Mapping[str, str], consents: Consents
) -> Partners:
    """Return the partners of a job among all jobs of its order; `names` are those of factories."""
    steps = {step.id: step for step in draft.steps}
    earlier = set(steps[job.step].after) if job.step in steps else set()
    later = {step.id for step in draft.steps if job.step in step.after}
    alive = [each for each in jobs if each.status is not JobStatus.CANCELLED]

    def partner(other: Job) -> Partner:
        own = other.factory == job.factory
        named = own or consents.agrees(other.factory, Field.NAME_TO_PARTNERS)
        name = names.get(other.factory, other.factory) if named else None
        return Partner(other.id, other.process, other.pieces, name, own)

    return Partners(
        tuple(partner(each) for each in alive if each.step in earlier),
        tuple(partner(each) for each in alive if each.step in later),
    )
