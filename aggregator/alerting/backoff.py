"""When a message that failed is tried again. Pure."""

FIRST_MS, LONGEST_MS, GIVE_UP_MS = 30_000, 3_600_000, 3 * 86_400_000
"""The first rest, the longest one, and how long after the alert nobody is told of it any more."""

NEVER = 2**62


def next_try_ms(tries: int, now_ms: int, raised_ms: int) -> int:
    """Return when to try again after `tries` failures (UTC ms): rests double; `NEVER` after three days."""
    rest_ms = min(FIRST_MS * 2 ** min(tries - 1, 20), LONGEST_MS)
    return now_ms + rest_ms if now_ms + rest_ms - raised_ms < GIVE_UP_MS else NEVER
