"""Job ids: text in, whether both sides can carry it as the id of a job out."""

import re

LONGEST_JOB = 200
"""Characters; a job is a short reference, and every record carries it."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
"""The centre refuses records with NUL in their job; the others only spoil lists and logs."""


def valid_job(text: str) -> bool:
    """Tell whether `text` may be a machine's job; "" says that there is none."""
    return len(text) <= LONGEST_JOB and not _CONTROL.search(text)
