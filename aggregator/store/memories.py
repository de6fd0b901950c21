"""What is to be remembered of foreign machines: their trackers, and the records of the last batch.

A memory is durable before the records that it is the end of are written; they lie beside it, so that
whoever goes on from it writes them again. A crash between the two loses nothing and doubles nothing.
"""

import json
from collections.abc import Sequence
from dataclasses import astuple

from sqlalchemy import Engine, select

from agent.contract.states import State
from aggregator.model.machine import MachineKey
from aggregator.model.memory import Memory
from aggregator.model.window import StateChange, Window
from aggregator.store.database import reading, upsert, writing
from aggregator.store.schema import foreign_memories


class Memories:
    """All methods block; they raise StoreError."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._save = upsert(engine.dialect, foreign_memories)

    def load(self) -> list[Memory]:
        """Return what is remembered of every machine."""
        with reading(self._engine) as connection:
            return [
                _memory(MachineKey(factory, machine), tracker, json.loads(records))
                for factory, machine, tracker, records in connection.execute(select(foreign_memories))
            ]

    def save(self, memories: Sequence[Memory]) -> None:
        """Remember these, instead of what was remembered of the same machines."""
        rows = [(*each.key, each.tracker, _records(each)) for each in memories]
        with writing(self._engine) as connection:
            connection.exec_driver_sql(self._save, rows)


def _records(memory: Memory) -> str:
    windows = [astuple(each)[1:] for each in memory.windows]
    changes = [(each.at_ms, each.state, each.job) for each in memory.changes]
    return json.dumps({"windows": windows, "changes": changes}, ensure_ascii=False)


def _memory(key: MachineKey, tracker: str, records: dict[str, list[list[object]]]) -> Memory:
    windows = []
    for start_ms, length_ms, state_ms, *counts in records["windows"]:
        windows.append(Window(key, start_ms, length_ms, tuple(state_ms), *counts))  # type: ignore[arg-type]
    changes = [StateChange(key, at_ms, State(state), job) for at_ms, state, job in records["changes"]]  # type: ignore[arg-type]
    return Memory(key, tuple(windows), tuple(changes), tracker)
