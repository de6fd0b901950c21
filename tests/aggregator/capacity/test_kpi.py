from dataclasses import astuple

import pytest

from aggregator.capacity.kpi import kpis
from aggregator.model.capacity import MachineDay
from tests.aggregator.capacity.floors import DAY, KEY

# APT, AUST, ADET, ADOT, unknown in minutes; then by hand: availability, allocation efficiency, utilization
# efficiency, setup rate, technical efficiency.
CASES = {
    "a usual day": ((240, 60, 100, 80, 0), (0.5, 400 / 480, 0.6, 0.2, 240 / 340)),
    "half of it unknown": ((120, 30, 50, 40, 240), (0.5, 200 / 240, 0.6, 0.2, 120 / 170)),
    "work all day": ((480, 0, 0, 0, 0), (1, 1, 1, 0, 1)),
    "no order all day": ((0, 0, 0, 480, 0), (0, 0, None, None, None)),
    "down all day": ((0, 0, 480, 0, 0), (0, 1, 0, None, 0)),
    "setup alone": ((0, 120, 0, 360, 0), (0, 0.25, 0, 1, None)),
    "nothing known": ((0, 0, 0, 0, 480), (None, None, None, None, None)),
    "a day off": ((0, 0, 0, 0, 0), (None, None, None, None, None)),
}


@pytest.mark.parametrize("name", CASES)
def test_kpis_of_a_day(name: str) -> None:
    minutes, expected = CASES[name]
    apt, aust, adet, adot, unknown = (length * 60_000 for length in minutes)
    found = kpis(MachineDay(KEY, DAY, sum(minutes) * 60_000, apt, aust, adet, adot, unknown))
    assert astuple(found) == pytest.approx(expected)


def test_of_a_machine_that_tells_only_whether_it_is_busy_the_other_kpis_are_unknown() -> None:
    busy = MachineDay(KEY, DAY, 480, 300, 0, 100, 80, 0)
    assert astuple(kpis(busy, tells_states=False)) == (None, 400 / 480, None, None, None)
