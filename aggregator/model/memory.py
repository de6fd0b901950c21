"""What is to be remembered of a foreign machine, which is measured here and not by an agent."""

from dataclasses import dataclass

from aggregator.model.machine import MachineKey
from aggregator.model.window import StateChange, Window


@dataclass(frozen=True, slots=True)
class Memory:
    """`windows` and `changes` are new; whoever begins with `tracker` (JSON) neither loses nor doubles them.

    What follows them is measured from there on.
    """

    key: MachineKey
    windows: tuple[Window, ...]
    changes: tuple[StateChange, ...]
    tracker: str

    @property
    def rows(self) -> int:
        """How many records are new."""
        return len(self.windows) + len(self.changes)

    def then(self, later: "Memory") -> "Memory":
        """Return both as one: all the records, and what is to be remembered in the end."""
        return Memory(self.key, self.windows + later.windows, self.changes + later.changes, later.tracker)
