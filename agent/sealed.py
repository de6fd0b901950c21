"""Records and snapshots to the bytes that lie in the outbox and back; what changed on the disk is noticed.

Every value ends with a check sum: SQLite checks how its pages hang together, but not what is in them, and a
bit that flipped on an old SD card would be a wrong count.
"""

import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from agent.contract.records import Record, StateChange, Window
from agent.contract.states import State

_SUM_BYTES = 4
# Rows by place, the kind first: a third of the bytes that names would cost.
_WINDOW, _STATE = 0, 1


class Damaged(ValueError):
    """These bytes are not what was written."""


def seal(content: bytes) -> bytes:
    """Return the content with its check sum behind it."""
    return content + zlib.crc32(content).to_bytes(_SUM_BYTES, "big")


def unseal(sealed: bytes) -> bytes:
    """Return the content; raises Damaged if it is not what was sealed."""
    content, check = sealed[:-_SUM_BYTES], sealed[-_SUM_BYTES:]
    if zlib.crc32(content).to_bytes(_SUM_BYTES, "big") != check:
        raise Damaged("its check sum is wrong")
    return content


def to_blob(record: Record) -> bytes:
    """Return a record as it lies in the outbox."""
    if isinstance(record, StateChange):
        cells: tuple[Any, ...] = (_STATE, record.machine, record.at_ms, record.state.value, record.job)
    else:
        cells = (
            *(_WINDOW, record.machine, record.start_ms, record.length_ms, record.state_ms, record.cycles),
            *(record.good, record.scrap, record.cycles_total, record.job),
        )
    return seal(msgspec.msgpack.encode(cells))


def from_blob(blob: bytes) -> Record:
    """Return the record; raises Damaged."""
    content = unseal(blob)
    try:
        kind, *cells = msgspec.msgpack.decode(content)
        if kind == _STATE:
            machine, at_ms, state, job = cells
            return StateChange(machine, at_ms, State(state), job)
        return _window(*cells)
    except (msgspec.DecodeError, ValueError, TypeError) as error:
        raise Damaged(str(error)) from error


def to_snapshot(snapshot: Mapping[str, object]) -> bytes:
    """Return a machine's snapshot as it lies in the outbox."""
    return seal(msgspec.json.encode(snapshot))


def from_snapshot(blob: bytes) -> dict[str, object]:
    """Return the snapshot; raises Damaged."""
    try:
        return msgspec.json.decode(unseal(blob), type=dict[str, object])
    except msgspec.DecodeError as error:
        raise Damaged(str(error)) from error


def _window(machine: str, start_ms: int, length_ms: int, state_ms: Sequence[int], *rest: Any) -> Window:
    running, setup, idle, down, planned_stop, offline = state_ms
    return Window(machine, start_ms, length_ms, (running, setup, idle, down, planned_stop, offline), *rest)
