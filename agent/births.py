"""Payloads: the agent's values in, Sparkplug messages out (Sparkplug 3.0, chapter 6.4).

Births carry every metric that will ever be sent, with name, alias, type and value; data carry aliases only.
Aliases are unique over the factory and all its machines.
"""

from collections.abc import Mapping, Sequence

from agent.contract import names
from agent.contract.records import (
    COLUMNS,
    KIND_STATE,
    KIND_WINDOW,
    NO_RECORDS,
    Record,
    StateChange,
    to_dataset,
)
from agent.contract.sparkplug import DataSet, DataType, Metric, Payload, Scalar, encode
from agent.contract.states import State
from agent.measuring.machine import Live
from agent.sharing import Sharing

MAX_BYTES = 16 * 1024
"""No message is longer: common brokers refuse more than 20 KB."""

Values = Mapping[str, Scalar | DataSet | None]

NODE_TYPES: dict[str, DataType] = {
    names.EPOCH: DataType.STRING,
    names.RECORDS: DataType.DATASET,
    names.STORED_EPOCH: DataType.STRING,
    names.STORED_THROUGH: DataType.INT64,
    names.FORGOTTEN_THROUGH: DataType.INT64,
    names.NAME: DataType.STRING,
    names.VERSION: DataType.STRING,
    names.TIME_SYNCHRONISED: DataType.BOOLEAN,
    names.OUTBOX_RECORDS: DataType.INT64,
    names.MEMORY_BYTES: DataType.INT64,
    names.UPTIME_S: DataType.INT64,
    names.RECONNECTS: DataType.INT64,
}
MACHINE_TYPES: dict[str, DataType] = {
    names.STATE: DataType.STRING,
    names.STATE_SINCE: DataType.DATETIME,
    names.CYCLES_TOTAL: DataType.INT64,
    names.UTILIZATION: DataType.DOUBLE,
    names.JOB: DataType.STRING,
    names.NAME: DataType.STRING,
    names.PROCESS: DataType.STRING,
    names.TRUST: DataType.STRING,
    names.SHARE: DataType.STRING,
    names.CYCLES: DataType.STRING,
}
HEAD_BYTES = 800
"""Epoch, names and types of the columns, times."""
_ROW_BYTES = 3 + 3 * len(COLUMNS) + 2
"""The row's frame, its cells', and what lengths of long texts need beyond that."""
_WINDOW_BYTES = _ROW_BYTES + len(KIND_WINDOW) + 7 * 4
"""Length and milliseconds by state, an hour at most, are four bytes each."""
_CHANGE_BYTES = _ROW_BYTES + len(KIND_STATE) + len(State.PLANNED_STOP) + 8 + 3 * 10
"""The other kind's cells: nothing spent, nothing counted."""
_ALIASES_EACH = 32  # more than one factory or machine has metrics
NODE_ALIASES = {name: 1 + place for place, name in enumerate(NODE_TYPES)}


def machine_aliases(place: int) -> dict[str, int]:
    """Return name -> alias of the machine that stands at `place` (from 0) in the configuration."""
    first = (place + 1) * _ALIASES_EACH
    return {name: first + offset for offset, name in enumerate(MACHINE_TYPES)}


def node_birth(bd_seq: int, values: Values, at_ms: int) -> tuple[Metric, ...]:
    """Return the metrics of NBIRTH; `values` has every name of `NODE_TYPES` but the records."""
    return (
        _bd_seq(bd_seq, at_ms),
        Metric(names.REBIRTH, False, DataType.BOOLEAN, None, at_ms),
        *_named({**values, names.RECORDS: NO_RECORDS}, NODE_TYPES, NODE_ALIASES, at_ms),
    )


def node_death(bd_seq: int, at_ms: int) -> bytes:
    """Return NDEATH: the number of the CONNECT that ended, and nothing else."""
    return encode(Payload(at_ms, (_bd_seq(bd_seq, at_ms),)))


def machine_birth(
    place: int, name: str, process: str, live: Live, at_ms: int, *, sharing: Sharing
) -> tuple[Metric, ...]:
    """Return the metrics of DBIRTH."""
    values = {
        **live_values(live),
        names.NAME: name,
        names.PROCESS: process,
        names.TRUST: names.TRUST_MEASURED,
        names.SHARE: sharing.share,
        names.CYCLES: sharing.cycles,
    }
    return _named(values, MACHINE_TYPES, machine_aliases(place), at_ms)


def machine_data(place: int, before: Live, live: Live, at_ms: int) -> tuple[Metric, ...]:
    """Return the metrics of DDATA: what is not as it was told before."""
    told = live_values(before)
    values = {name: value for name, value in live_values(live).items() if value != told[name]}
    return _aliased(values, MACHINE_TYPES, machine_aliases(place), at_ms)


def node_data(values: Values, at_ms: int) -> tuple[Metric, ...]:
    """Return metrics of NDATA."""
    return _aliased(values, NODE_TYPES, NODE_ALIASES, at_ms)


def live_values(live: Live) -> dict[str, Scalar | None]:
    """Return a machine's present by metric name."""
    return {
        names.STATE: live.state.value,
        names.STATE_SINCE: live.state_since_ms,
        names.CYCLES_TOTAL: live.cycles_total,
        names.UTILIZATION: live.utilization,
        names.JOB: live.job,
    }


def records_data(
    epoch: str, rows: Sequence[tuple[int, Record]], at_ms: int, *, historical: bool
) -> tuple[Metric, ...]:
    """Return the metrics of NDATA that carry records with their sequences."""
    return (
        Metric(names.EPOCH, epoch, DataType.STRING, NODE_ALIASES[names.EPOCH], at_ms, historical),
        Metric(
            names.RECORDS,
            to_dataset(rows),
            DataType.DATASET,
            NODE_ALIASES[names.RECORDS],
            at_ms,
            historical,
        ),
    )


def fitting(
    epoch: str, rows: Sequence[tuple[int, Record]], at_ms: int, *, historical: bool
) -> Sequence[tuple[int, Record]]:
    """Return as many of the first rows as fit into a message of MAX_BYTES, at least one."""
    # Encoding is most of what catching up costs: it is done twice only where it may matter.
    while len(rows) > 1 and HEAD_BYTES + sum(most_bytes(*row) for row in rows) > MAX_BYTES:
        size = len(data(records_data(epoch, rows, at_ms, historical=historical), at_ms, 255))
        if size <= MAX_BYTES:
            break
        rows = rows[: max(1, len(rows) * MAX_BYTES // (size + size // 8))]
    return rows


def most_bytes(sequence: int, record: Record) -> int:
    """Return a bound of the bytes that a record's row takes in a message."""
    texts = len(record.machine.encode()) + len(record.job.encode())
    if isinstance(record, StateChange):
        return _CHANGE_BYTES + texts + _varint_bytes(sequence) + _varint_bytes(record.at_ms)
    numbers = (sequence, record.start_ms, record.cycles, record.good, record.scrap, record.cycles_total)
    return _WINDOW_BYTES + texts + sum(map(_varint_bytes, numbers))


def _varint_bytes(number: int | None) -> int:
    """Return the bytes of a whole number in protobuf: seven bits each; not counted is -1, which takes ten."""
    return 10 if number is None else max(1, (number.bit_length() + 6) // 7)


def birth(metrics: tuple[Metric, ...], at_ms: int, seq: int) -> bytes:
    """Return the bytes of a birth."""
    return encode(Payload(at_ms, metrics, seq))


def data(metrics: tuple[Metric, ...], at_ms: int, seq: int) -> bytes:
    """Return the bytes of a data message: no types, for the birth told them."""
    return encode(Payload(at_ms, tuple(_without_name(metric) for metric in metrics), seq), with_types=False)


def _without_name(metric: Metric) -> Metric:
    return Metric(
        None, metric.value, metric.datatype, metric.alias, metric.timestamp_ms, metric.is_historical
    )


def _bd_seq(bd_seq: int, at_ms: int) -> Metric:
    return Metric(names.BD_SEQ, bd_seq, DataType.INT64, None, at_ms)


def _named(
    values: Values, types: Mapping[str, DataType], aliases: Mapping[str, int], at_ms: int
) -> tuple[Metric, ...]:
    return tuple(Metric(name, values[name], types[name], aliases[name], at_ms) for name in types)


def _aliased(
    values: Values, types: Mapping[str, DataType], aliases: Mapping[str, int], at_ms: int
) -> tuple[Metric, ...]:
    return tuple(Metric(None, value, types[name], aliases[name], at_ms) for name, value in values.items())
