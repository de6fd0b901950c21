"""The rest of a job goes to its backup or another factory: capacity is freed here and held there, at once."""

from zoneinfo import ZoneInfo

from aggregator.capacity.local_time import local_day
from aggregator.model.job import Job, JobStatus
from aggregator.model.work import EventKind
from aggregator.planning.hours import reckoned_market
from aggregator.planning.move import moved_job, next_id
from aggregator.spare import SpareHours
from aggregator.store.entries import Entries
from aggregator.work.act import Act
from aggregator.work.errors import NotNow
from aggregator.work.running import settle


class Mover:
    """Works on the spare hours of the moment, less what all other open jobs hold."""

    def __init__(self, spare: SpareHours, zone: ZoneInfo) -> None:
        self._spare = spare
        self._zone = zone

    def move(  # noqa: PLR0917 (what, how far, who, where, when)
        self, entries: Entries, old: Job, good: int, act: Act, to_factory: str | None, now_ms: int
    ) -> Job:
        """Close the job at its `good` pieces and return the new one that makes the rest elsewhere."""
        if old.status in (JobStatus.DONE, JobStatus.CANCELLED):
            raise NotNow("finished", f"job {old.id} is {old.status}: there is nothing left to move")
        rest = old.pieces - good
        if rest <= 0:
            raise NotNow("finished", f"job {old.id} has all its pieces: finish it")
        act.need_reason("back", f"the rest of job {old.id} is to be made elsewhere")
        market = reckoned_market(self._spare, [job for job in entries.open_jobs() if job.id != old.id])
        draft, today = entries.draft(old.order), local_day(now_ms, self._zone)
        new = moved_job(draft, market, today, old, rest, to_factory, next_id(old, entries.jobs(old.order)))
        for each in entries.assignments(job=old.id, open_only=True):
            entries.end(each, max(now_ms, each.since_ms))
        if good > 0:
            entries.resize_job(old.id, good, max(1, old.minutes * good // old.pieces))
        settle(entries, old, JobStatus.DONE if good > 0 else JobStatus.CANCELLED)
        entries.event(act.event(old.id, EventKind.MOVED, now_ms, now_ms, None), act.request)
        entries.add_job(new)
        detail = {
            **{"to": new.id, "factory": new.factory, "from_factory": old.factory, "reason": act.reason},
            **{"made": good, "rest": rest, "minutes": new.minutes},
        }
        entries.log(now_ms, act.by.name, "job moved", old.id, detail)
        return new

    def moved_before(self, entries: Entries, old: Job, request: str) -> Job | None:
        """Return the job that was made for the same request before."""
        known = entries.event_of(request)
        if known is None:
            return None
        if known.job != old.id or known.kind is not EventKind.MOVED:
            raise NotNow("request_used", "this request key was used for something else; take a new one")
        later = [job for job in entries.jobs(old.order) if job.step == old.step and job.id > old.id]
        return later[-1] if later else old
