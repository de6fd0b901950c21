"""The seam of results worth plotting: what is worked out from the time series is written back beside them.

Only a home that others read, such as InfluxDB, takes results; the embedded one has no use for them.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from aggregator.model.machine import MachineKey
from aggregator.model.point import Point


class Results(Protocol):
    """All methods block, and raise StoreError."""

    @property
    def place(self) -> str:
        """What tells this place from another one: results that lie elsewhere are missing here."""

    def write(self, points: Sequence[Point]) -> None:
        """Store all of it durably; writing the same thing and time again replaces it."""

    def things(
        self, measurement: str, field: str, tags: Sequence[str], since_ms: int
    ) -> Sequence[Mapping[str, str]]:
        """Return by these tags of what a lasting measurement tells this field from then on."""

    def mark_silence(self, keys: Collection[MachineKey], now_ms: int) -> None:
        """Let minutes of which nothing came read OFFLINE, as far as they have been over for a while."""
