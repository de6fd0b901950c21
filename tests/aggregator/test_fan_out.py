"""The fan-out: each listener gets what changed since it last looked, and no more than it asked for."""

import asyncio

from aggregator.fan_out import FanOut


async def test_a_listener_hears_only_of_what_it_wants() -> None:
    told: FanOut[str] = FanOut()
    async with told.listen({"2026-0001"}) as own, told.listen() as everything:
        told.tell(["2026-0002"])
        told.tell(["2026-0001"])
        async with asyncio.timeout(10):
            assert await anext(own) == {"2026-0001"}
            assert await anext(everything) == {"2026-0001", "2026-0002"}


async def test_what_waits_for_a_slow_listener_is_one_set_however_much_happens() -> None:
    told: FanOut[str] = FanOut()
    async with told.listen() as changes:
        for _ in range(1_000):
            told.tell(["a", "b"])
        async with asyncio.timeout(10):
            assert await anext(changes) == {"a", "b"}


async def test_closing_ends_present_and_future_listeners() -> None:
    told: FanOut[str] = FanOut()
    async with asyncio.timeout(10):
        async with told.listen() as before:
            told.close()
            assert await anext(before, None) is None
        async with told.listen() as after:
            assert await anext(after, None) is None
    assert len(told) == 0
