"""Pieces of a job: what machines counted and what people reported in, good pieces and scrap out.

What a machine and people both tell of one job is taken as the same pieces, told twice: the larger count
holds, so that nothing is counted twice and nothing that was reported is lost.
"""

from collections.abc import Iterable

from aggregator.model.progress import JobFacts, Pieces


def pieces_of(facts: JobFacts) -> Pieces:
    """Return the job's pieces so far; good = measured + reported, none of them below 0.

    Of what machines made, the scrap that people report beyond what machines counted is taken off. Good pieces
    that people report count as far as they exceed what was measured; a correction that takes off more than
    was ever reported takes it off the measured ones.
    """
    counted, counted_scrap = _measured(facts)
    told = sum(report.good for report in facts.reports)
    told_scrap = sum(report.scrap for report in facts.reports)
    unseen = max(told_scrap - (counted_scrap or 0), 0)
    measured = max(counted - unseen + min(told, 0), 0)
    reported = max(told - measured, 0)
    return Pieces(measured + reported, measured, reported, _scrap(facts, counted_scrap, told_scrap))


def added(many: Iterable[Pieces]) -> Pieces:
    """Return the sum; scrap is None where nobody counts any."""
    parts = list(many)
    scraps = [part.scrap for part in parts if part.scrap is not None]
    return Pieces(
        sum(part.good for part in parts),
        sum(part.measured for part in parts),
        sum(part.reported for part in parts),
        sum(scraps) if scraps else None,
    )


def _measured(facts: JobFacts) -> tuple[int, int | None]:
    """Return good pieces and scrap by machines, those of live cycles included."""
    live = facts.live_cycles * facts.job.pieces_per_cycle
    if facts.totals is None:
        return max(live, 0), None
    return max(facts.totals.good_pieces(facts.job.pieces_per_cycle) + live, 0), facts.totals.scrap


def _scrap(facts: JobFacts, counted: int | None, told: int) -> int | None:
    if counted is None and not facts.reports:
        return None
    return max(counted or 0, told, 0)
