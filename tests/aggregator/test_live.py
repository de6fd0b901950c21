"""The board: the present of all machines, and who hears of its changes."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from agent.contract.states import State
from aggregator.live import Board, LiveMachine
from aggregator.model.machine import MachineKey

MILL = MachineKey("aoki", "mc-01")
LATHE = MachineKey("aoki", "mc-02")
RUNNING = LiveMachine(MILL, State.RUNNING, 1_000, 5, 0.8, "J-1", 2_000, True)


@pytest.fixture
def board() -> Board:
    return Board()


async def next_of(changes: AsyncIterator[frozenset[MachineKey]]) -> frozenset[MachineKey]:
    return await asyncio.wait_for(anext(changes), 10)


async def silent(changes: AsyncIterator[frozenset[MachineKey]]) -> bool:
    waiting = asyncio.ensure_future(anext(changes))
    done, _ = await asyncio.wait({waiting}, timeout=0.05)
    waiting.cancel()
    return not done


def test_a_machine_never_heard_of_is_unknown(board: Board) -> None:
    assert board.get(MILL) == LiveMachine(MILL, State.OFFLINE, connected=False)
    assert board.all() == {}


def test_it_shows_the_newest(board: Board) -> None:
    board.update(LiveMachine(MILL))
    board.update(RUNNING)
    assert board.get(MILL) == RUNNING
    assert board.all() == {MILL: RUNNING}


def test_a_disconnected_machine_is_unknown_but_keeps_what_it_counted(board: Board) -> None:
    board.update(RUNNING)
    board.disconnect([MILL, LATHE], 9_000)
    assert board.get(MILL) == LiveMachine(MILL, State.OFFLINE, 9_000, 5, None, "J-1", 2_000, False)
    assert board.all().keys() == {MILL}
    board.disconnect([MILL], 10_000)
    assert board.get(MILL).since_ms == 9_000


async def test_listeners_hear_what_changed(board: Board) -> None:
    async with board.listen() as one, board.listen() as other:
        board.update(RUNNING)
        assert await next_of(one) == {MILL}
        board.update(LiveMachine(LATHE))
        assert await next_of(one) == {LATHE}
        assert await next_of(other) == {MILL, LATHE}


async def test_a_slow_listener_hears_each_machine_once(board: Board) -> None:
    async with board.listen() as changes:
        for count in range(10_000):
            board.update(LiveMachine(MILL, cycles_total=count))
        assert await next_of(changes) == {MILL}
        assert await silent(changes)


async def test_the_same_again_is_no_change(board: Board) -> None:
    board.update(RUNNING)
    async with board.listen() as changes:
        board.update(RUNNING)
        assert await silent(changes)


async def test_listeners_hear_what_was_stored(board: Board) -> None:
    async with board.listen() as changes:
        board.stored([MILL])
        assert await next_of(changes) == {MILL}
        board.stored([])
        assert await silent(changes)


async def test_who_waits_for_stored_figures_hears_of_nothing_else(board: Board) -> None:
    async with board.listen(stored_only=True) as changes, board.listen() as every:
        board.update(RUNNING)
        board.measured([LATHE])
        board.stored([MILL])
        assert await next_of(changes) == {MILL}
        assert await next_of(every) == {MILL, LATHE}


async def test_who_left_is_forgotten(board: Board) -> None:
    async with board.listen():
        pass
    board.update(RUNNING)
    assert board.listeners == 0


async def test_closing_ends_every_listener_also_those_to_come(board: Board) -> None:
    async with board.listen() as changes:
        waiting = asyncio.ensure_future(anext(changes, None))
        await asyncio.sleep(0)
        board.close()
        assert await asyncio.wait_for(waiting, 10) is None
    async with board.listen() as changes:
        assert [change async for change in changes] == []


async def test_what_changed_before_the_close_is_still_heard(board: Board) -> None:
    async with board.listen() as changes:
        waiting = asyncio.ensure_future(anext(changes, None))
        await asyncio.sleep(0)
        board.update(RUNNING)
        board.close()
        assert await asyncio.wait_for(waiting, 10) == frozenset({MILL})
