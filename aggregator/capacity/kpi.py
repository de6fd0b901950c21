"""KPIs of ISO 22400-2 from a machine's time elements of a day or an hour; None where they are not defined.

Unknown time is no part of any of them: PBT here is the known part of the planned busy time, so that a dead
agent looks neither busy nor idle.
"""

from dataclasses import dataclass
from typing import NamedTuple

from aggregator.capacity.element_sums import Elements
from aggregator.model.capacity import MachineDay

Measured = MachineDay | Elements


class Share(NamedTuple):
    """A KPI as what it divides: over several machines or hours both are added up, then divided."""

    part_ms: int
    of_ms: int

    @property
    def value(self) -> float | None:
        """The share from 0 to 1; None where there is nothing to divide by."""
        return self.part_ms / self.of_ms if self.of_ms else None


@dataclass(frozen=True, slots=True)
class Shares:
    """Every KPI as a share."""

    availability: Share
    allocation_efficiency: Share
    utilization_efficiency: Share
    setup_rate: Share
    technical_efficiency: Share


@dataclass(frozen=True, slots=True)
class Kpis:
    """Shares from 0 to 1; None where there is nothing to divide by."""

    availability: float | None
    allocation_efficiency: float | None
    utilization_efficiency: float | None
    setup_rate: float | None
    technical_efficiency: float | None


_UNDEFINED = Share(0, 0)


def kpis(measured: Measured, tells_states: bool = True) -> Kpis:
    """Return all KPIs; those that need more than busy or not are None without `tells_states`."""
    found = shares(measured, tells_states)
    return Kpis(
        found.availability.value,
        found.allocation_efficiency.value,
        found.utilization_efficiency.value,
        found.setup_rate.value,
        found.technical_efficiency.value,
    )


def shares(measured: Measured, tells_states: bool = True) -> Shares:
    """Return what every KPI divides; what needs more than busy or not is 0 of 0 without `tells_states`."""
    apt_ms, aust_ms = measured.apt_ms, measured.aust_ms
    known_ms = measured.pbt_ms - measured.unknown_ms
    aubt_ms = busy_ms(measured)
    allocation = Share(aubt_ms, known_ms)
    if not tells_states:
        return Shares(_UNDEFINED, allocation, _UNDEFINED, _UNDEFINED, _UNDEFINED)
    return Shares(
        availability=Share(apt_ms, known_ms),
        allocation_efficiency=allocation,
        utilization_efficiency=Share(apt_ms, aubt_ms),
        setup_rate=Share(aust_ms, apt_ms + aust_ms),
        technical_efficiency=Share(apt_ms, apt_ms + measured.adet_ms),
    )


def busy_ms(measured: Measured) -> int:
    """Return AUBT = APT + AUST + ADET."""
    return measured.apt_ms + measured.aust_ms + measured.adet_ms
