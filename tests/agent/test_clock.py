"""The clock: steps of the system's clock are seen, drift is followed, time never runs backwards."""

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.clock import Clock, SystemClock, synchronised, system_monotonic_ms, system_wall_ms

HOUR_MS = 3_600_000


class Both:
    """The system's two clocks, moved by hand."""

    def __init__(self) -> None:
        self.wall_ms = 1_795_000_000_000.0
        self.monotonic_ms = 5_000.0

    def pass_ms(self, passed_ms: float, drift: float = 0.0) -> None:
        self.monotonic_ms += passed_ms
        self.wall_ms += passed_ms * (1 + drift)

    def clock(self) -> SystemClock:
        return SystemClock(lambda: self.wall_ms, lambda: self.monotonic_ms)


def test_it_tells_the_time_of_the_system_as_milliseconds_pass() -> None:
    both = Both()
    clock = both.clock()
    began = clock()
    both.pass_ms(1_234)
    assert (began, clock() - began) == (1_795_000_000_000, 1_234)


def test_a_step_forward_is_told_once_and_taken_over(caplog: pytest.LogCaptureFixture) -> None:
    both = Both()
    clock = both.clock()
    both.pass_ms(1_000)
    both.wall_ms += HOUR_MS
    assert clock.observe() == HOUR_MS
    assert clock() == both.wall_ms
    assert clock.observe() == 0
    assert "set forward by 3600.0 s" in caplog.text


def test_after_a_step_back_it_goes_on_and_lets_the_system_catch_up(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    both = Both()
    clock = both.clock()
    before = clock()
    both.wall_ms -= 10_000
    for second in range(1, 2_001):
        both.pass_ms(1_000)
        assert clock.observe() == 0
        assert clock() > before
        before = clock()
        if second == 100:
            assert clock() - both.wall_ms == pytest.approx(9_000, abs=30)
    assert clock() == pytest.approx(both.wall_ms, abs=2)
    assert caplog.text.count("set back by 10.0 s") == 1
    assert caplog.text.count("agree again") == 1


def test_drift_is_followed_without_a_step() -> None:
    both = Both()
    clock = both.clock()
    for _ in range(3_600):
        both.pass_ms(1_000, drift=0.000_1)
        assert clock.observe() == 0
    assert clock() == pytest.approx(both.wall_ms, abs=5)


@given(st.lists(st.tuples(st.floats(0, 5_000), st.floats(-20_000, 20_000)), max_size=50))
def test_it_never_runs_backwards(moves: list[tuple[float, float]]) -> None:
    both = Both()
    clock = both.clock()
    before = clock()
    for passed_ms, set_by_ms in moves:
        both.pass_ms(passed_ms)
        both.wall_ms += set_by_ms
        assert clock() >= before
        before = clock()
        stepped_ms = clock.observe()
        assert stepped_ms >= 0
        assert clock() >= before + max(0, stepped_ms - 1)
        before = clock()


def test_a_clock_goes_on_from_where_it_is_towards_the_systems() -> None:
    clock = Clock(1_000, 0)
    faster, slower = clock.follow(9_000, 500), clock.follow(-9_000, 500)
    assert [clock.at(1_500), faster.at(500), slower.at(500)] == [2_500, 1_500, 1_500]
    assert [faster.at(1_500), slower.at(1_500)] == [2_510, 2_490]


def test_the_systems_clocks_are_read() -> None:
    assert system_wall_ms() > 1_700_000_000_000
    first = system_monotonic_ms()
    assert system_monotonic_ms() >= first
    assert synchronised() in (True, False, None)
