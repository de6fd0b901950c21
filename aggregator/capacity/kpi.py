"""KPIs of ISO 22400-2 from a machine's time elements; None where they are not defined.

Unknown time is no part of any of them: PBT here is the known part of the planned busy time, so that a dead
agent looks neither busy nor idle.
"""

from dataclasses import dataclass

from aggregator.model.capacity import MachineDay


@dataclass(frozen=True, slots=True)
class Kpis:
    """Shares from 0 to 1; None where there is nothing to divide by."""

    availability: float | None
    allocation_efficiency: float | None
    utilization_efficiency: float | None
    setup_rate: float | None
    technical_efficiency: float | None


def kpis(day: MachineDay, tells_states: bool = True) -> Kpis:
    """Return all of a day's KPIs; those that need more than busy or not are None without `tells_states`."""
    if not tells_states:
        return Kpis(None, allocation_efficiency(day), None, None, None)
    return Kpis(
        availability(day),
        allocation_efficiency(day),
        utilization_efficiency(day),
        setup_rate(day),
        technical_efficiency(day),
    )


def availability(day: MachineDay) -> float | None:
    """APT / PBT."""
    return _share(day.apt_ms, day.pbt_ms - day.unknown_ms)


def allocation_efficiency(day: MachineDay) -> float | None:
    """AUBT / PBT, with AUBT = APT + AUST + ADET."""
    return _share(_aubt_ms(day), day.pbt_ms - day.unknown_ms)


def utilization_efficiency(day: MachineDay) -> float | None:
    """APT / AUBT."""
    return _share(day.apt_ms, _aubt_ms(day))


def setup_rate(day: MachineDay) -> float | None:
    """AUST / AUPT, with AUPT = APT + AUST."""
    return _share(day.aust_ms, day.apt_ms + day.aust_ms)


def technical_efficiency(day: MachineDay) -> float | None:
    """APT / (APT + ADET)."""
    return _share(day.apt_ms, day.apt_ms + day.adet_ms)


def _aubt_ms(day: MachineDay) -> int:
    return day.apt_ms + day.aust_ms + day.adet_ms


def _share(part_ms: int, whole_ms: int) -> float | None:
    return part_ms / whole_ms if whole_ms else None
