from aggregator.access import throttle
from aggregator.access.throttle import Throttle


def test_after_too_many_failures_a_name_waits_until_the_oldest_is_forgotten() -> None:
    slow = Throttle(failures=3, period_ms=60_000)
    for at_ms in (0, 10_000, 20_000):
        assert slow.wait_ms("kenta", at_ms) == 0
        slow.failed("kenta", at_ms)
    assert slow.wait_ms("kenta", 20_000) == 40_000
    assert slow.wait_ms("aoki", 20_000) == 0
    assert slow.wait_ms("kenta", 60_000) == 0


def test_a_success_forgets_the_failures() -> None:
    slow = Throttle(failures=1, period_ms=60_000)
    slow.failed("kenta", 0)
    slow.succeeded("kenta")
    assert slow.wait_ms("kenta", 1) == 0


def test_what_is_remembered_is_bounded() -> None:
    slow = Throttle(failures=1, period_ms=60_000)
    for number in range(throttle.MAX_REMEMBERED + 10):
        slow.failed(str(number), 0)
    assert slow.wait_ms("0", 1) == 0
    assert slow.wait_ms(str(throttle.MAX_REMEMBERED + 9), 1) > 0


def test_a_clock_that_is_set_back_keeps_nobody_out() -> None:
    slow = Throttle(failures=1, period_ms=60_000)
    slow.failed("kenta", 3_600_000)
    assert slow.wait_ms("kenta", 3_600_001) == 59_999
    assert slow.wait_ms("kenta", 3_500_000) == 0
