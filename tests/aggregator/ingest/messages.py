"""Sparkplug messages as our agent and foreign edge nodes send them, for tests of the host's side."""

from collections.abc import Iterable
from typing import Any

from agent.contract import names
from agent.contract.records import Record, Window, to_dataset
from agent.contract.sparkplug import DataSet, DataType, Metric, Payload, Scalar
from agent.contract.topics import Topic
from aggregator.ingest.events import RecordsArrived

FEDERATION = "higashimachi"
AT_MS = 1_795_000_000_000
MINUTE_MS = 60_000

Message = tuple[Topic, Payload]

GOOD: dict[str, Any] = {
    "sequence": 5,
    "kind": "window",
    "machine": "mc-01",
    "start_ms": 60_000,
    "length_ms": 60_000,
    "running_ms": 60_000,
}
"""The cells of a row in which nothing is wrong."""

_LIVE = {
    names.STATE: (DataType.STRING, 1),
    names.STATE_SINCE: (DataType.INT64, 2),
    names.CYCLES_TOTAL: (DataType.INT64, 3),
    names.UTILIZATION: (DataType.DOUBLE, 4),
    names.JOB: (DataType.STRING, 5),
}
_PROPERTIES = {
    "name": names.NAME,
    "process": names.PROCESS,
    "trust": names.TRUST,
    "share": names.SHARE,
    "counts": names.CYCLES,
}
_NODE_ALIASES = {names.EPOCH: 21, names.RECORDS: 22, names.FORGOTTEN_THROUGH: 23}


def topic(
    kind: str, factory: str = "aoki", machine: str | None = None, federation: str = FEDERATION
) -> Topic:
    """A topic of the federation."""
    return Topic(federation, kind, factory, machine)


def metric(
    name: str | None, value: Scalar | DataSet | None, datatype: DataType | None, alias: int | None = None
) -> Metric:
    """A metric at `AT_MS`."""
    return Metric(name, value, datatype, alias, AT_MS)


def nbirth(
    seq: int | None = 0,
    *,
    factory: str = "aoki",
    bd_seq: int | None = 7,
    epoch: str | None = "epoch-1",
    forgotten: int = 0,
    name: str | None = "青木精機",
    more: Iterable[Metric] = (),
) -> Message:
    """A node's birth; without an epoch it is a foreign node's."""
    metrics = [metric(names.REBIRTH, False, DataType.BOOLEAN)]
    if bd_seq is not None:
        metrics.append(metric(names.BD_SEQ, bd_seq, DataType.INT64))
    if name is not None:
        metrics.append(metric(names.NAME, name, DataType.STRING))
    if epoch is not None:
        metrics += [
            metric(names.EPOCH, epoch, DataType.STRING, _NODE_ALIASES[names.EPOCH]),
            metric(names.RECORDS, None, DataType.DATASET, _NODE_ALIASES[names.RECORDS]),
            metric(
                names.FORGOTTEN_THROUGH, forgotten, DataType.INT64, _NODE_ALIASES[names.FORGOTTEN_THROUGH]
            ),
        ]
    return topic("NBIRTH", factory), Payload(AT_MS, (*metrics, *more), seq)


def ndeath(bd_seq: int | None = 7, factory: str = "aoki") -> Message:
    """A node's will."""
    metrics = () if bd_seq is None else (Metric(names.BD_SEQ, bd_seq, DataType.INT64),)
    return topic("NDEATH", factory), Payload(AT_MS, metrics)


def ndata(
    seq: int,
    rows: Iterable[tuple[int, Record]] = (),
    *,
    factory: str = "aoki",
    epoch: str | None = None,
    historical: bool = False,
) -> Message:
    """Records by alias; the epoch is told only if given."""
    table = to_dataset(rows)
    metrics = [Metric(None, table, None, _NODE_ALIASES[names.RECORDS], AT_MS, is_historical=historical)]
    if epoch is not None:
        metrics.append(metric(None, epoch, None, _NODE_ALIASES[names.EPOCH]))
    return topic("NDATA", factory), Payload(AT_MS, tuple(metrics), seq)


def forgotten(seq: int, through: int) -> Message:
    """An NDATA that tells what is gone from the outbox."""
    said = metric(None, through, None, _NODE_ALIASES[names.FORGOTTEN_THROUGH])
    return topic("NDATA"), Payload(AT_MS, (said,), seq)


def dbirth(
    seq: int | None, machine: str = "mc-01", *, factory: str = "aoki", shift: int = 0, **values: Scalar | None
) -> Message:
    """A machine's birth: `state="RUNNING", process="cutting", …`; aliases are moved on by `shift`."""
    properties = {"process": "cutting", "trust": "measured"}
    given = {key: values.pop(key, properties.get(key)) for key in _PROPERTIES}
    metrics = [metric(_PROPERTIES[key], value, DataType.STRING) for key, value in given.items() if value]
    for name, (datatype, alias) in _LIVE.items():
        metrics.append(metric(name, values.get(_key(name)), datatype, alias + shift))
    return topic("DBIRTH", factory, machine), Payload(AT_MS, tuple(metrics), seq)


def ddata(
    seq: int | None, machine: str = "mc-01", *, factory: str = "aoki", shift: int = 0, **values: Scalar | None
) -> Message:
    """A machine's live values by alias."""
    metrics = [
        metric(None, values[_key(name)], None, alias + shift)
        for name, (_, alias) in _LIVE.items()
        if _key(name) in values
    ]
    return topic("DDATA", factory, machine), Payload(AT_MS, tuple(metrics), seq)


def ddeath(seq: int, machine: str = "mc-01", factory: str = "aoki") -> Message:
    """A machine's death."""
    return topic("DDEATH", factory, machine), Payload(AT_MS, (), seq)


def minutes(first: int, count: int, machine: str = "mc-01") -> list[tuple[int, Window]]:
    """Gapless minutes with their sequences; minute n has sequence n."""
    return [
        (sequence, Window(machine, sequence * MINUTE_MS, MINUTE_MS, (60_000, 0, 0, 0, 0, 0), 4))
        for sequence in range(first, first + count)
    ]


def arrived_rows(*rows: dict[str, Any]) -> RecordsArrived:
    """Rows as they may be on the wire, wrong ones too."""
    columns = tuple(dict.fromkeys(name for row in rows for name in row))
    cells = [tuple(row.get(name) for name in columns) for row in rows]
    return RecordsArrived("aoki", "epoch-1", DataSet(columns, (DataType.INT64,) * len(columns), cells))


def _key(name: str) -> str:
    return name.lower().replace(" ", "_")
