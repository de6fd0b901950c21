"""Traffic that is made up: sound traffic of an edge node and of a host, and ways to spoil it."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from tests.sparkplug.wire import (
    CONNECT,
    DISCONNECT,
    PUBLISH,
    SUBSCRIBE,
    Metric,
    Packet,
    Payload,
    write_payload,
)

Traffic = list[Packet]
Spoil = Callable[[Traffic], Traffic]
NOON_MS = 1_795_000_000_000
BOOLEAN, INT64, STRING, TABLE = 11, 4, 12, 16
NODE, MACHINE = "spBv1.0/group/{}/node", "spBv1.0/group/{}/node/press"
RECORDS = bytes.fromhex("0802 120173 120174 1804 180c 220a 0a021005 0a0432026161".replace(" ", ""))
"""A DataSet: two columns `s` and `t`, INT64 and STRING, one row of a long_value and a string_value."""


def _message(line: int, kind: str, metrics: Sequence[Metric], seq: int | None, *, out: bool = True) -> Packet:
    topic = (NODE if kind.startswith("N") else MACHINE).format(kind)
    payload = write_payload(Payload(NOON_MS, seq, tuple(metrics)))
    return Packet(line, out, PUBLISH, topic, payload, 1 if kind == "NDEATH" else 0, level=5)


def _bd_seq(number: int) -> Metric:
    return Metric("bdSeq", None, NOON_MS, INT64, value=number, field=11)


def _births(line: int, bd_seq: int, cycles: int) -> Traffic:
    rebirth = Metric("Node Control/Rebirth", None, NOON_MS, BOOLEAN, value=0, field=14)
    node = (
        _bd_seq(bd_seq),
        rebirth,
        Metric("Uptime", 1, NOON_MS, INT64, value=5, field=11),
        Metric("Records", 2, NOON_MS, TABLE, value=RECORDS, field=17),
    )
    state = Metric("State", 33, NOON_MS, STRING, value=b"IDLE", field=15)
    count = Metric("Cycles", 34, NOON_MS, INT64, value=cycles, field=11)
    return [_message(line, "NBIRTH", node, 0), _message(line, "DBIRTH", (state, count), 1)]


def _connection(line: int, bd_seq: int) -> Traffic:
    will = _message(line, "NDEATH", [_bd_seq(bd_seq)], None)
    topics = ((NODE.format("NCMD"), 1), ("spBv1.0/group/DCMD/node/+", 1))
    return [
        Packet(line, True, CONNECT, level=5, clean=True, will=will),
        Packet(line, True, SUBSCRIBE, topics=topics, level=5),
        *_births(line, bd_seq, 1),
        _message(line, "NDATA", [Metric(None, 1, NOON_MS, value=6, field=11)], 2),
        _message(line, "DDATA", [Metric(None, 34, NOON_MS, value=2, field=11)], 3),
    ]


def edge() -> Traffic:
    """Return two connections of a node: the first is asked for its births and leaves, the second is cut."""
    asked = [Metric("Node Control/Rebirth", None, NOON_MS, BOOLEAN, value=1, field=14)]
    death = _message(1, "NDEATH", [_bd_seq(0)], None)
    return [
        *_connection(1, 0),
        _message(1, "NCMD", asked, None, out=False),
        *_births(1, 0, 2),
        _message(1, "DDEATH", [], 2),
        death,
        Packet(1, True, DISCONNECT, level=5, reason=4),
        *_connection(2, 1),
    ]


def _state(online: bool) -> Packet:
    body = json.dumps({"online": online, "timestamp": NOON_MS}).encode()
    return Packet(1, True, PUBLISH, "spBv1.0/STATE/office", body, 1, True, 4)


def host() -> Traffic:
    """Return a host's connection: it hears births, asks for them, sets a job, and leaves."""
    job = Metric("Job", 35, NOON_MS, STRING, value=b"", field=15)
    births = _births(1, 0, 1)
    machine = replace(births[1].payload, metrics=(*births[1].payload.metrics, job))
    heard = [replace(births[0], out=False), replace(births[1], out=False, body=write_payload(machine))]
    asked = Metric("Node Control/Rebirth", None, NOON_MS, BOOLEAN, value=1, field=14)
    return [
        Packet(1, True, CONNECT, level=4, clean=True, will=_state(False)),
        Packet(1, True, SUBSCRIBE, topics=(("spBv1.0/#", 1), ("spBv1.0/STATE/office", 1)), level=4),
        _state(True),
        *heard,
        _message(1, "NCMD", [asked], None),
        _message(1, "DCMD", [replace(job, alias=None, value=b"J-1")], None),
        _state(False),
        Packet(1, True, DISCONNECT, level=4),
    ]


def _at(traffic: Traffic, kind: str | int, *, last: bool = False) -> int:
    found = [n for n, packet in enumerate(traffic) if kind in (packet.type, packet.kind)]
    return found[-1 if last else 0]


def packet(kind: str | int, *, last: bool = False, **changes: Any) -> Spoil:
    """Change the first (or last) packet of a kind."""

    def spoil(traffic: Traffic) -> Traffic:
        place = _at(traffic, kind, last=last)
        return [*traffic[:place], replace(traffic[place], **changes), *traffic[place + 1 :]]

    return spoil


def payload(kind: str, **changes: Any) -> Spoil:
    """Change the payload of the first packet of a kind."""

    def spoil(traffic: Traffic) -> Traffic:
        found = traffic[_at(traffic, kind)]
        return packet(kind, body=write_payload(replace(found.payload, **changes)))(traffic)

    return spoil


def metric(kind: str, place: int = -1, **changes: Any) -> Spoil:
    """Change one metric of the first packet of a kind."""

    def spoil(traffic: Traffic) -> Traffic:
        metrics = list(traffic[_at(traffic, kind)].payload.metrics)
        metrics[place] = replace(metrics[place], **changes)
        return payload(kind, metrics=tuple(metrics))(traffic)

    return spoil


def bare(kind: str, place: int) -> Spoil:
    """Take one metric out of the first packet of a kind."""

    def spoil(traffic: Traffic) -> Traffic:
        metrics = list(traffic[_at(traffic, kind)].payload.metrics)
        del metrics[place]
        return payload(kind, metrics=tuple(metrics))(traffic)

    return spoil


def will(**changes: Any) -> Spoil:
    """Change the will of the first connection."""

    def spoil(traffic: Traffic) -> Traffic:
        found = traffic[_at(traffic, CONNECT)].will
        assert found is not None
        return packet(CONNECT, will=replace(found, **changes))(traffic)

    return spoil


def will_payload(**changes: Any) -> Spoil:
    """Change the payload of an edge node's will."""

    def spoil(traffic: Traffic) -> Traffic:
        found = traffic[_at(traffic, CONNECT)].will
        assert found is not None
        return will(body=write_payload(replace(found.payload, **changes)))(traffic)

    return spoil


def table(**bytes_of: str) -> Spoil:
    """Put other bytes (hexadecimal) in place of some of the births' table."""

    def spoil(traffic: Traffic) -> Traffic:
        (old, new) = bytes_of["old"], bytes_of["new"]
        assert old in RECORDS.hex()
        return metric("NBIRTH", 3, value=bytes.fromhex(RECORDS.hex().replace(old, new)))(traffic)

    return spoil


def without(kind: str | int) -> Spoil:
    """Leave all packets of a kind out."""
    return lambda traffic: [each for each in traffic if kind not in (each.type, each.kind)]


def swapped(one: str | int, other: str | int) -> Spoil:
    """Let the first packets of two kinds change places."""

    def spoil(traffic: Traffic) -> Traffic:
        found = list(traffic)
        a, b = _at(traffic, one), _at(traffic, other)
        found[a], found[b] = found[b], found[a]
        return found

    return spoil


def again(kind: str, *, seq: int, behind: str | None = None) -> Spoil:
    """Repeat the first packet of a kind, numbered `seq`, right behind the first of another kind."""

    def spoil(traffic: Traffic) -> Traffic:
        found = traffic[_at(traffic, kind)]
        body = write_payload(replace(found.payload, seq=seq))
        place = _at(traffic, behind or kind) + 1
        return [*traffic[:place], replace(found, body=body), *traffic[place:]]

    return spoil
