"""What a job gets from those before it: batches on their way in, when it is done with them out."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from agent.contract.records import HOUR_MS
from aggregator.model.order import DraftStep
from aggregator.model.progress import JobProgress
from aggregator.progress.draws import DRAWS, JobDraws
from aggregator.progress.worktime import Floats

MOST_BATCHES = 8
DAY_MS = 24 * HOUR_MS


@dataclass(frozen=True, slots=True)
class Batches:
    """A job's pieces as it passes them on: `at_ms` is (DRAWS, batches), `pieces` (batches,).

    `road_ms` is how long they are on the road to another factory than `factory`.
    """

    factory: str
    road_ms: int
    at_ms: Floats
    pieces: Floats

    @classmethod
    def whole(cls, job: JobProgress, step: DraftStep, end: Floats) -> "Batches":
        """Return all pieces at once."""
        return cls(
            job.job.factory,
            step.transport_days * DAY_MS,
            end[:, None],
            np.array([float(max(job.job.pieces, 1))]),
        )


def ends_with(
    draws: JobDraws, job: JobProgress, fed: Sequence[Sequence[Batches]]
) -> tuple[Floats, list[tuple[Floats, Floats]]]:
    """Return when the job is done, and the batches it waits for: when they come, which share is there before.

    Pieces that come last still have to be made; so the end is the latest of what each batch allows.
    """
    begin = draws.free_ms
    waits = [_arrivals(job, batches) for batches in fed if batches]
    if waits and not draws.begun:
        begin = np.maximum.reduce([begin, *(at[:, 0] for at, _ in waits)])
    begin = begin if draws.begun else draws.time.after(begin, draws.late_h)
    ready = [(begin, np.zeros(1))]
    ready += [(at[:, each], before[:, each]) for at, before in waits for each in range(at.shape[1])]
    return _latest(draws, job, ready, 1.0), ready


def batches_of(
    draws: JobDraws, step: DraftStep, job: JobProgress, ready: list[tuple[Floats, Floats]], end: Floats
) -> Batches:
    """Return what the job passes on: in as many batches as its plan has weeks, or of the size it sends."""
    count = len(job.job.work) or 1
    if job.sent:
        count = max(count, round(job.job.pieces / max(job.sent, 1)))
    count = min(count, MOST_BATCHES)
    parts = [(number + 1) / count for number in range(count - 1)]
    at = [_latest(draws, job, ready, part) for part in parts]
    return Batches(
        job.job.factory,
        step.transport_days * DAY_MS,
        np.column_stack([*at, end]),
        np.full(count, job.job.pieces / count),
    )


def _latest(draws: JobDraws, job: JobProgress, ready: list[tuple[Floats, Floats]], part: float) -> Floats:
    """Return when that part (0 to 1) of the job's pieces is made."""
    whole = max(job.job.pieces, 1)
    done = min(job.pieces.good / whole, 1.0)
    ends = []
    for number, (at, before) in enumerate(ready):
        left = np.clip(part - np.maximum(before, done), 0.0, None) * whole
        setup = draws.setup_h if number == 0 else 0.0
        hours = np.where(left > 0, left * draws.piece_h + setup, 0.0)
        ends.append(np.where(hours > 0, draws.after(np.maximum(at, ready[0][0]), hours), ready[0][0]))
    return np.asarray(np.maximum.reduce(ends))


def _arrivals(job: JobProgress, fed: Sequence[Batches]) -> tuple[Floats, Floats]:
    """Return when batches of the jobs of one step come, in order, and the share that came before each."""
    at = np.concatenate(
        [each.at_ms + (0 if each.factory == job.job.factory else each.road_ms) for each in fed], axis=1
    )
    pieces = np.concatenate([each.pieces for each in fed])
    order = np.argsort(at, axis=1, kind="stable")
    at = np.take_along_axis(at, order, axis=1)
    came = np.cumsum(pieces[order], axis=1) / pieces.sum()
    return at, np.concatenate([np.zeros((DRAWS, 1)), came[:, :-1]], axis=1)
