"""How far an agent has come with what waited in its outbox: numbers in, sentences out. Pure."""

MANY = 1_000
"""So many records that wait are worth a word."""
PAUSE_S = 30.0


class CatchingUp:
    """Times are seconds of any clock that only moves forward."""

    def __init__(self) -> None:
        self._began_s = self._told_s = 0.0
        self._most = self._at_first = 0

    def note(self, waiting: int, now_s: float) -> str | None:
        """Return what to say of it now: at the beginning, every half a minute, and at the end."""
        if not self._most:
            if waiting < MANY:
                return None
            self._began_s = self._told_s = now_s
            self._most = self._at_first = waiting
            return f"{waiting} records wait and are delivered now"
        self._most = max(self._most, waiting)
        if waiting < MANY // 10:
            passed_s, most = now_s - self._began_s, self._most
            self._most = 0
            return f"caught up: {most} records in {passed_s:.0f} s"
        if now_s - self._told_s < PAUSE_S:
            return None
        self._told_s = now_s
        return f"catching up: {waiting} records wait, {self._left(waiting, now_s)}"

    def _left(self, waiting: int, now_s: float) -> str:
        pace = (self._at_first - waiting) / (now_s - self._began_s)
        return f"about {waiting / pace / 60:.0f} min to go" if pace > 0 else "and they become no fewer"
