"""The clock: steps of the system's clock are seen, drift is followed, time never runs backwards."""

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.clock import Clock, Step, SystemClock, synchronised, system_monotonic_ms, system_wall_ms

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
    assert clock.observe() == Step(HOUR_MS)
    assert clock() == both.wall_ms
    assert clock.observe() == Step()
    assert "set forward by 3600.0 s" in caplog.text


def test_after_a_step_back_it_goes_on_and_lets_the_system_catch_up(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    both = Both()
    clock = both.clock()
    before = clock()
    both.wall_ms -= 10_000
    for second in range(1, 2_001):
        both.pass_ms(1_000)
        assert clock.observe() == Step()
        assert clock() > before
        before = clock()
        if second == 100:
            assert clock() - both.wall_ms == pytest.approx(9_000, abs=30)
    assert clock() == pytest.approx(both.wall_ms, abs=2)
    assert caplog.text.count("set back by 10.0 s") == 1
    assert caplog.text.count("agree again") == 1


def test_after_an_hour_back_it_counts_on_and_measures_as_long_as_it_takes(
    caplog: pytest.LogCaptureFixture,
) -> None:
    both = Both()
    clock = both.clock()
    began = clock()
    both.wall_ms -= HOUR_MS
    for _ in range(7_200):
        both.pass_ms(1_000)
        assert clock.observe() == Step()
    assert clock() - began == 2 * HOUR_MS
    assert caplog.text.count("was set back by 3600.0 s: the agent's own counts on") == 1


def test_a_leap_second_is_waited_for() -> None:
    both = Both()
    clock = both.clock()
    both.wall_ms -= 1_000
    before = clock()
    for _ in range(300):
        both.pass_ms(1_000)
        assert clock.observe() == Step()
        assert 980 <= clock() - before <= 1_001
        before = clock()
    assert clock() == pytest.approx(both.wall_ms, abs=5)


class Service:
    """A time service on the computer, which sets the clock at some time."""

    def __init__(self, both: Both) -> None:
        self.both = both
        self.is_synchronised: bool | None = False

    def clock(self, hold_s: float) -> SystemClock:
        return SystemClock(
            lambda: self.both.wall_ms,
            lambda: self.both.monotonic_ms,
            is_synchronised=lambda: self.is_synchronised,
            has_service=lambda: True,
            hold_s=hold_s,
        )


@pytest.mark.parametrize("off_ms", [-HOUR_MS, -7 * 24 * HOUR_MS, HOUR_MS, 300])
def test_the_time_is_held_until_a_service_has_set_it_and_all_so_far_is_put_right(off_ms: int) -> None:
    both = Both()
    service = Service(both)
    true_ms = both.wall_ms
    both.wall_ms += off_ms
    clock = service.clock(hold_s=10_000)
    began = clock()
    for second in range(3_600):
        both.pass_ms(1_000)
        both.wall_ms += 5_000 if second == 100 else 0  # someone sets it by hand: that is no better
        assert clock.observe() == Step()
        assert clock.is_held
    assert clock() - began == HOUR_MS
    both.wall_ms, service.is_synchronised = true_ms + HOUR_MS, True
    assert clock.observe() == Step(-off_ms, is_released=True)
    assert (clock(), clock.is_held) == (both.wall_ms, False)


def test_a_service_that_never_comes_to_it_is_not_waited_for_for_ever(
    caplog: pytest.LogCaptureFixture,
) -> None:
    both = Both()
    clock = Service(both).clock(hold_s=60)
    both.pass_ms(59_000)
    assert clock.observe() == Step()
    both.pass_ms(2_000)
    assert clock.observe() == Step(0, is_released=True)
    assert "not waited for any longer" in caplog.text


def test_what_someone_sets_under_a_service_is_not_believed_until_it_says_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    both = Both()
    service = Service(both)
    service.is_synchronised = True
    clock = service.clock(hold_s=60)
    assert not clock.is_held
    before = clock()
    for off_ms in (HOUR_MS, -HOUR_MS):
        service.is_synchronised = False  # setting it tells the kernel so
        both.wall_ms += off_ms
        both.pass_ms(1_000)
        assert clock.observe() == Step()
        both.wall_ms -= off_ms
        service.is_synchronised = True
        both.pass_ms(1_000)
        assert clock.observe() == Step()
    assert clock() - before == 4_000
    assert caplog.text.count("while no time service vouches for it") == 2


def test_drift_is_followed_without_a_step() -> None:
    both = Both()
    clock = both.clock()
    for _ in range(3_600):
        both.pass_ms(1_000, drift=0.000_1)
        assert clock.observe() == Step()
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
        stepped_ms = clock.observe().shift_ms
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
