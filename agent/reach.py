"""Which machines can be reached: what their drivers say in, machines that are dead or born again out. Pure.

A machine whose driver has lost it is unknown at once, and told as OFFLINE; after `LOST_S` it is dead to
Sparkplug, too (3.0, 5.7: DDEATH), until its driver has found it again: then it is born again (DBIRTH).
Times are seconds of any clock that only moves forward.
"""

LOST_S = 10.0
"""So long a machine may be away before its death is told: lines hiccup."""


class Reach:
    """The machines of a factory; one that nobody ever spoke of can be reached."""

    def __init__(self) -> None:
        self._lost: dict[str, float] = {}
        self._dead: set[str] = set()

    def note(self, machine: str, is_there: bool, now_s: float) -> bool:
        """Take what a driver says of its machine, again and again; return whether it is news."""
        if is_there == (machine not in self._lost):
            return False
        if is_there:
            del self._lost[machine]
        else:
            self._lost[machine] = now_s
        return True

    def is_dead(self, machine: str) -> bool:
        """Tell whether the machine's death was told, and no birth since."""
        return machine in self._dead

    def born(self, machine: str) -> None:
        """Note that the machine's birth is told."""
        self._dead.discard(machine)

    def dying(self, now_s: float) -> list[str]:
        """Return the machines whose death is to be told now; it is noted as told."""
        found = [
            machine
            for machine, lost_s in self._lost.items()
            if lost_s + LOST_S <= now_s and machine not in self._dead
        ]
        self._dead.update(found)
        return found

    def revived(self) -> list[str]:
        """Return the machines whose birth is to be told now."""
        return sorted(self._dead - self._lost.keys())

    @property
    def next_due_s(self) -> float | None:
        """When the next death is to be told; None if none is."""
        due = [lost_s + LOST_S for machine, lost_s in self._lost.items() if machine not in self._dead]
        return min(due, default=None)
