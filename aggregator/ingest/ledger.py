"""How far one outbox is stored without a gap: stored sequences in, the sequence to announce out. Pure."""

from collections.abc import Iterable

AHEAD_LIMIT = 100_000


class Ledger:
    """Records up to `through` are stored; those behind a gap are remembered until it closes.

    Beyond `AHEAD_LIMIT` of them they are forgotten: their agent will send them again, which does no harm.
    """

    def __init__(self, through: int = 0) -> None:
        self.through = through
        self._ahead: set[int] = set()
        self._forgotten_through = 0

    def forget(self, through: int) -> None:
        """Note that the agent no longer has the records up to `through`."""
        self._forgotten_through = max(self._forgotten_through, through)

    def add(self, sequences: Iterable[int]) -> int:
        """Note what is stored; return how many records were lost, which neither we nor the agent have.

        They are given up only when a later record arrives: until then they may still wait in our queue.
        """
        self._ahead.update(sequence for sequence in sequences if sequence > self.through)
        self._close_gap()
        lost = self._give_up() if self._ahead and max(self._ahead) > self._forgotten_through else 0
        if len(self._ahead) > AHEAD_LIMIT:
            self._ahead.clear()
        return lost

    def _give_up(self) -> int:
        gone = range(self.through + 1, self._forgotten_through + 1)
        if not gone:
            return 0
        lost = len(gone) - sum(1 for sequence in self._ahead if sequence in gone)
        self.through = self._forgotten_through
        self._ahead = {sequence for sequence in self._ahead if sequence > self.through}
        self._close_gap()
        return lost

    def _close_gap(self) -> None:
        while self.through + 1 in self._ahead:
            self.through += 1
            self._ahead.remove(self.through)
