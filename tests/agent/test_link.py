import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from itertools import count, pairwise

import pytest

from agent import link
from agent.errors import ConfigError, LinkError
from agent.link import BackOff, LinkStatus, attach
from agent.measuring.reading import Batch, Reading

DEADLINE_S = 60.0
QUICK = BackOff(first_s=0.01, longest_s=0.02)

Driver = Callable[[], AsyncGenerator[Batch, None]]


def good(value: int) -> Batch:
    return (Reading("parts", value, 1),)


@contextlib.asynccontextmanager
async def attached(
    driver: Driver, status: LinkStatus | None = None, silence_s: float = 5.0, back_off: BackOff = QUICK
) -> AsyncIterator[AsyncGenerator[Batch, None]]:
    times = count(100)
    stream = attach(
        "mc-01",
        ("parts", "door"),
        driver,
        lambda: next(times),
        status=status or LinkStatus(),
        silence_s=silence_s,
        back_off=back_off,
    )
    async with asyncio.timeout(DEADLINE_S), contextlib.aclosing(stream):
        yield stream


async def test_a_failure_makes_every_signal_unknown_once_and_then_values_flow_again() -> None:
    attempts = count()

    async def driver() -> AsyncGenerator[Batch, None]:
        attempt = next(attempts)
        if 0 < attempt < 4:
            raise LinkError("press.lan is away")
        yield good(attempt)
        if attempt == 0:
            raise LinkError("press.lan closed the connection")

    status = LinkStatus()
    async with attached(driver, status) as stream:
        taken = [batch async for batch in stream]
    unknown = tuple(
        Reading(signal, None, 100, "press.lan closed the connection")  # when the batch before came
        for signal in ("parts", "door")
    )
    assert taken == [good(0), unknown, good(4)]
    assert status == LinkStatus(connected=True, last_error="press.lan is away", reconnects=1)


async def test_a_machine_that_is_away_from_the_start_is_unknown() -> None:
    async def driver() -> AsyncGenerator[Batch, None]:
        raise LinkError("nothing listens there")
        yield ()

    status = LinkStatus()
    async with attached(driver, status) as stream:
        batch = await anext(stream)
    assert {(reading.signal, reading.value, reading.quality) for reading in batch} == {
        ("parts", None, "nothing listens there"),
        ("door", None, "nothing listens there"),
    }
    assert status == LinkStatus(connected=False, last_error="nothing listens there", reconnects=0)


async def test_only_the_first_failure_and_the_recovery_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    attempts = count()

    async def driver() -> AsyncGenerator[Batch, None]:
        if next(attempts) < 5:
            raise LinkError("no answer")
        yield good(1)

    caplog.set_level(logging.INFO, "agent.link")
    async with attached(driver) as stream:
        async for _ in stream:
            pass
    assert [record.getMessage() for record in caplog.records] == [
        "mc-01: no answer; trying again until it works",
        "mc-01: attached again after 0 s",
    ]


async def test_silence_is_a_failure_and_the_silent_driver_is_closed() -> None:
    closed = asyncio.Event()
    attempts = count()

    async def driver() -> AsyncGenerator[Batch, None]:
        try:
            yield good(1)
            if next(attempts) == 0:
                await asyncio.sleep(3600)
        finally:
            closed.set()

    async with attached(driver, silence_s=0.05) as stream:
        assert await anext(stream) == good(1)
        assert [reading.quality for reading in await anext(stream)] == [
            "silent for 0.05 s although connected"
        ] * 2
        assert closed.is_set()
        assert await anext(stream) == good(1)


async def test_empty_batches_prove_the_link_alive() -> None:
    async def driver() -> AsyncGenerator[Batch, None]:
        for _ in range(10):
            await asyncio.sleep(0.02)
            yield ()

    async with attached(driver, silence_s=0.15) as stream:
        assert [batch async for batch in stream] == [()] * 10


async def test_a_fault_of_a_driver_is_a_failure_of_its_own_link_only(
    caplog: pytest.LogCaptureFixture,
) -> None:
    attempts = count()

    async def driver() -> AsyncGenerator[Batch, None]:
        yield good(1)
        if next(attempts) == 0:
            raise ZeroDivisionError

    async with attached(driver) as stream:
        batches = [batch async for batch in stream]
    assert [reading.quality for reading in batches[1]] == ["the driver failed: ZeroDivisionError()"] * 2
    assert batches[2] == good(1)
    assert caplog.records[0].exc_info


async def test_a_configuration_that_can_never_work_is_not_tried_again() -> None:
    async def driver() -> AsyncGenerator[Batch, None]:
        raise ConfigError("machines[0].replay.file: no such file")
        yield ()

    async with attached(driver) as stream:
        with pytest.raises(ConfigError, match="no such file"):
            await anext(stream)


async def test_closing_the_link_closes_the_driver() -> None:
    closed = asyncio.Event()

    async def driver() -> AsyncGenerator[Batch, None]:
        try:
            while True:
                yield good(1)
        finally:
            closed.set()

    async with attached(driver) as stream:
        await anext(stream)
    assert closed.is_set()


@pytest.mark.parametrize("then", ["a value", "a failure"])
async def test_a_cancellation_that_the_drivers_library_loses_ends_the_link_all_the_same(then: str) -> None:
    asked, closed = asyncio.Event(), asyncio.Event()

    async def driver() -> AsyncGenerator[Batch, None]:
        yield good(1)
        asked.set()
        try:
            with contextlib.suppress(asyncio.CancelledError):  # as asyncio.wait_for before Python 3.12
                await asyncio.sleep(DEADLINE_S)
            if then == "a failure":
                raise LinkError("press.lan closed the connection")
            for number in count(2):
                yield good(number)
                await asyncio.sleep(0.01)
        finally:
            closed.set()

    async def follow() -> None:
        async with attached(driver) as stream:
            async for _ in stream:
                pass

    following = asyncio.create_task(follow())
    await asked.wait()
    following.cancel()
    await asyncio.wait((following,), timeout=10)
    assert following.cancelled()
    assert closed.is_set()


async def test_a_link_that_breaks_as_soon_as_it_is_made_is_slowed_down() -> None:
    began: list[float] = []

    async def driver() -> AsyncGenerator[Batch, None]:
        began.append(asyncio.get_running_loop().time())
        yield good(1)
        raise LinkError("broken again")

    async with attached(driver, back_off=BackOff(first_s=0.02, longest_s=10.0, jitter=0.0)) as stream:
        async for _ in stream:
            if len(began) == 5:
                break
    assert [after - before >= 0.02 * 2**n for n, (before, after) in enumerate(pairwise(began))] == [True] * 4


async def test_a_link_that_held_is_let_back_in_at_full_pace_however_long_its_pauses_may_get(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(link, "SETTLED_S", 0.02)
    failures: list[int] = []

    class Told(BackOff):
        def pause_s(self, failures_: int, chance: float) -> float:
            failures.append(failures_)
            return 0.0

    async def driver() -> AsyncGenerator[Batch, None]:
        yield good(1)
        await asyncio.sleep(0.04)
        raise LinkError("a reply was lost")

    async with attached(driver, silence_s=DEADLINE_S, back_off=Told(longest_s=120.0)) as stream:
        async for _ in stream:
            if len(failures) == 3:
                break
    assert failures == [1, 1, 1]


def test_pauses_double_to_their_bound_and_chance_only_shortens_them() -> None:
    back_off = BackOff(first_s=0.5, longest_s=10.0, jitter=0.25)
    assert [back_off.pause_s(failures, 0.0) for failures in (1, 2, 3, 4, 5, 6, 100_000)] == [
        0.5, 1.0, 2.0, 4.0, 8.0, 10.0, 10.0
    ]  # fmt: skip
    assert back_off.pause_s(6, 1.0) == 7.5
