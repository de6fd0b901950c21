"""When an order arrives: progress and what jobs can count on in, arrivals and how sure they are out."""

from collections.abc import Mapping

from aggregator.model.progress import OrderFacts, OrderProgress
from aggregator.progress.supply import JobSupply


def arrive(facts: OrderFacts, progress: OrderProgress, supplies: Mapping[str, JobSupply]) -> OrderProgress:
    """Return the progress with the arrival of the order and of each step filled in; `supplies` by job id."""
    return progress
