"""Time elements of a machine's hours in, points of `kpi_hours` out. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict

from agent.contract.records import HOUR_MS
from aggregator.capacity.element_sums import NOTHING, Elements
from aggregator.capacity.kpi import busy_ms, shares
from aggregator.model.machine import Machine, MachineKey
from aggregator.model.point import Point

KPI_HOURS = "kpi_hours"
NO_PROCESS = "unknown"
"""Every point has every tag: InfluxDB 3 takes no new ones once a measurement is there."""


def kpi_points(
    key: MachineKey, machine: Machine | None, hours: Mapping[int, Elements], start_ms: int, end_ms: int
) -> Iterator[Point]:
    """Yield a point for every hour of `[start_ms, end_ms)`, also for those without anything in them.

    So hours that were open once, or worked in, and are no longer, do not keep what they had. `machine` says
    of what process it is, and whether it tells all states; None while it is not known.
    """
    tells_states = machine is None or machine.tells_states
    process = machine.process if machine else None
    for at_ms in range(start_ms - start_ms % HOUR_MS, end_ms, HOUR_MS):
        hour = hours.get(at_ms, NOTHING)
        yield Point(
            KPI_HOURS,
            {"factory": key.factory, "machine": key.machine},
            at_ms,
            {**_elements(hour, tells_states), **_kpis(hour, tells_states)},
            lasting=True,
            described={"process": process or NO_PROCESS},
        )


def _elements(hour: Elements, tells_states: bool) -> dict[str, int | float | str]:
    return {
        "pbt_ms": hour.pbt_ms,
        "aubt_ms": busy_ms(hour),
        "apt_ms": hour.apt_ms if tells_states else 0,
        "aust_ms": hour.aust_ms if tells_states else 0,
        "adet_ms": hour.adet_ms if tells_states else 0,
        "adot_ms": hour.adot_ms,
        "unknown_ms": hour.unknown_ms,
        "shared_ms": hour.shared_ms,
        "outside_ms": hour.outside_ms,
    }


def _kpis(hour: Elements, tells_states: bool) -> dict[str, int | float | str]:
    found: dict[str, int | float | str] = {}
    for name, share in asdict(shares(hour, tells_states)).items():
        found[name] = share.value or 0.0
        found[f"{name}_part_ms"] = share.part_ms
        found[f"{name}_of_ms"] = share.of_ms
    return found
