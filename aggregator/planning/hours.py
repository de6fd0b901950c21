"""The hours that plans are made on: spare hours in, the market out, or that there is none yet."""

from collections.abc import Sequence

from aggregator.matching.offer import Market
from aggregator.model.job import Job
from aggregator.planning.errors import NotReckoned
from aggregator.spare import SpareHours


def reckoned_market(spare: SpareHours, jobs: Sequence[Job]) -> Market:
    """Return what there is to choose from, less what `jobs` hold; raises NotReckoned.

    Before hours were reckoned it would be empty, and a plan on it would say that nobody has time.
    """
    if not spare.fresh_ms():
        raise NotReckoned
    return spare.market(jobs)
