"""How many cases a run of the fuzz tests tries: a few in the test, at least 100,000 by `make fuzz`."""

import os
import resource

from hypothesis import HealthCheck, settings

FULL = int(os.environ.get("MACHIKOBA_FUZZ_CASES", "0"))
"""Cases of all tests together; 0: the short form."""


def cases(share: float, few: int = 150) -> settings:
    """Return hypothesis' settings for a test that has this share of all cases."""
    many = round(FULL * share)
    return settings(
        max_examples=many or few,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )


def memory_mb() -> float:
    """Return the most memory this process ever held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
