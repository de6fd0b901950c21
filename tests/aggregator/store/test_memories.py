"""What is remembered of foreign machines, on both databases."""

from sqlalchemy import Engine

from agent.contract.states import State
from aggregator.model.machine import MachineKey
from aggregator.model.memory import Memory
from aggregator.model.window import StateChange, Window
from aggregator.store.memories import Memories

LATHE, MILL = MachineKey("西 gateway", "lathe 1"), MachineKey("nishi", "mill")


def memory(tracker: str, *starts: int, key: MachineKey = LATHE) -> Memory:
    windows = tuple(
        Window(key, start * 60_000, 60_000, (60_000, 0, 0, 0, 0, 0), 3, None, 1, 2**53, "J-1")
        for start in starts
    )
    return Memory(key, windows, (StateChange(key, 7, State.PLANNED_STOP, "仕事"),), tracker)


def test_a_memory_comes_back_as_it_was(engine: Engine) -> None:
    memories = Memories(engine)
    assert memories.load() == []
    memories.save([memory("{}", 1, 2), memory("{}", 5, key=MILL)])
    memories.save([memory('{"at": "後"}', 3)])
    assert sorted(memories.load(), key=lambda each: each.key) == [
        memory("{}", 5, key=MILL),
        memory('{"at": "後"}', 3),
    ]
