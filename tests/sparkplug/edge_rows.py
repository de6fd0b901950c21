"""Assertions about edge nodes: id -> the check of recorded traffic, and traffic that it must not let pass."""

from dataclasses import replace
from typing import NamedTuple

from tests.sparkplug import planted
from tests.sparkplug.checks import (
    BD_SEQ,
    BIRTHS,
    BOOLEAN,
    DATA,
    DATATYPES,
    REBIRTH,
    SEQUENCED,
    Check,
    aliases_are_unique,
    always_numbered,
    bd_seq_counts,
    bd_seq_is_there,
    bd_seq_matches,
    births_first,
    clean,
    connected_first,
    data_was_born,
    different_in_lower_case,
    formed,
    goodbye,
    in_order_of_time,
    in_utc,
    leaves_with_its_will,
    metrics,
    no_seq_in_death,
    only_bd_seq,
    only_changes,
    plain,
    quiet_before_rebirth,
    rebirth_answers,
    rebirth_metric,
    retained,
    sent_at,
    seq_goes_on,
    seq_zero,
    stamped,
    subscribed,
    tables,
    will_is_there,
)
from tests.sparkplug.planted import Spoil, again, bare, metric, packet, payload, swapped, table, will, without
from tests.sparkplug.wire import CONNECT, DISCONNECT, SUBSCRIBE, Metric


class Row(NamedTuple):
    """A check, and what spoils sound traffic so that it has to say so."""

    check: Check
    spoil: Spoil


def bare_in(birth: str) -> Check:
    """Say which metrics of these births lack name, type or value."""
    return metrics(
        (birth,), lambda m: not m.name or m.datatype is None or (m.value is None and not m.is_null), "bare"
    )


def lacks_name(each: Metric) -> bool:
    """Tell whether nothing says which metric it is."""
    return each.name is None and each.alias is None


def value_and_null(each: Metric) -> bool:
    """Tell whether it has a value although it is null, or none although it is not."""
    return (each.value is None) != each.is_null


def valueless(kind: str) -> Spoil:
    """Take the value of the last metric away."""
    return metric(kind, value=None)


ONE_MORE = (Metric("Rogue", 99, planted.NOON_MS, value=1),)
CLEAN = packet(CONNECT, clean=False)
NO_BD_SEQ = bare("NBIRTH", 0)
OTHER_NODE = {"topic": "spBv1.0/group/NDEATH/other"}

EDGE: dict[str, Row] = {
    "principles-rbe-recommended": Row(only_changes("DBIRTH", "DDATA"), again("DDATA", seq=4)),
    "principles-birth-certificates-order": Row(births_first, swapped("NBIRTH", "DBIRTH")),
    "principles-persistence-clean-session-311": Row(clean, CLEAN),
    "principles-persistence-clean-session-50": Row(clean, packet(CONNECT, session_expiry=60)),
    "topic-structure": Row(formed(*SEQUENCED), packet("DDATA", topic="spBv1.0/group/DDATA/node")),
    "topic-structure-namespace-a": Row(formed("NBIRTH"), packet("NBIRTH", topic="spAv1.0/group/NBIRTH/node")),
    "topic-structure-namespace-valid-group-id": Row(
        formed("NBIRTH"), packet("NBIRTH", topic="spBv1.0/a+b/NBIRTH/node")
    ),
    "topic-structure-namespace-valid-edge-node-id": Row(
        formed("NBIRTH"), packet("NBIRTH", topic="spBv1.0/group/NBIRTH/#")
    ),
    "topic-structure-namespace-valid-device-id": Row(
        formed("DBIRTH"), packet("DBIRTH", topic="spBv1.0/group/DBIRTH/node/a/b")
    ),
    "topic-structure-namespace-device-id-associated-message-types": Row(
        formed("DBIRTH", "DDATA", "DDEATH"), packet("DDEATH", topic="spBv1.0/group/DDEATH/node")
    ),
    "topic-structure-namespace-device-id-non-associated-message-types": Row(
        formed("NBIRTH", "NDATA", "NDEATH"), packet("NDATA", topic="spBv1.0/group/NDATA/node/press")
    ),
    "intro-group-id-chars": Row(formed(*SEQUENCED), packet("NDATA", topic="spBv1.0/#/NDATA/node")),
    "intro-edge-node-id-chars": Row(formed(*SEQUENCED), packet("NDATA", topic="spBv1.0/group/NDATA/+")),
    "intro-device-id-chars": Row(formed(*SEQUENCED), packet("DDATA", topic="spBv1.0/group/DDATA/node/+")),
    "topics-nbirth-topic": Row(formed("NBIRTH"), packet("NBIRTH", topic="spBv1.0/group/NBIRTH")),
    "topics-nbirth-mqtt": Row(plain("NBIRTH"), packet("NBIRTH", qos=1)),
    "topics-nbirth-seq-num": Row(seq_zero, payload("NBIRTH", seq=1)),
    "topics-nbirth-timestamp": Row(stamped("NBIRTH"), payload("NBIRTH", timestamp=None)),
    "topics-nbirth-metric-reqs": Row(data_was_born("NBIRTH", "NDATA"), metric("NDATA", alias=99)),
    "topics-nbirth-metrics": Row(bare_in("NBIRTH"), valueless("NBIRTH")),
    "topics-nbirth-bdseq-included": Row(bd_seq_is_there("NBIRTH"), NO_BD_SEQ),
    "topics-nbirth-bdseq-matching": Row(bd_seq_matches, metric("NBIRTH", 0, value=9)),
    "topics-nbirth-bdseq-increment": Row(
        bd_seq_counts, planted.will_payload(metrics=(Metric(BD_SEQ, value=7),))
    ),
    "topics-nbirth-rebirth-metric": Row(rebirth_metric, bare("NBIRTH", 1)),
    "topics-ndata-topic": Row(formed("NDATA"), packet("NDATA", topic="spBv1.0/group/NDATA")),
    "topics-ndata-mqtt": Row(plain("NDATA"), packet("NDATA", retain=True)),
    "topics-ndata-seq-num": Row(seq_goes_on, payload("NDATA", seq=9)),
    "topics-ndata-timestamp": Row(stamped("NDATA"), payload("NDATA", timestamp=1_795_000_000)),
    "topics-ndata-payload": Row(only_changes("NBIRTH", "NDATA"), metric("NDATA", value=5)),
    "topics-ndeath-topic": Row(formed("NDEATH"), will(topic="spBv1.0/group/NDEATH")),
    "topics-ndeath-payload": Row(only_bd_seq, payload("NDEATH", metrics=ONE_MORE)),
    "topics-ndeath-seq": Row(no_seq_in_death, payload("NDEATH", seq=4)),
    "topics-dbirth-topic": Row(formed("DBIRTH"), packet("DBIRTH", topic="spBv1.0/group/DBIRTH/node")),
    "topics-dbirth-mqtt": Row(plain("DBIRTH"), packet("DBIRTH", qos=1)),
    "topics-dbirth-seq": Row(seq_goes_on, payload("DBIRTH", seq=5)),
    "topics-dbirth-timestamp": Row(stamped("DBIRTH"), payload("DBIRTH", timestamp=None)),
    "topics-dbirth-metric-reqs": Row(data_was_born("DBIRTH", "DDATA"), metric("DDATA", alias=99)),
    "topics-dbirth-metrics": Row(bare_in("DBIRTH"), metric("DBIRTH", datatype=None)),
    "topics-ddata-topic": Row(formed("DDATA"), packet("DDATA", topic="spBv1.0/group/DDATA/node")),
    "topics-ddata-mqtt": Row(plain("DDATA"), packet("DDATA", qos=2)),
    "topics-ddata-seq-num": Row(seq_goes_on, payload("DDATA", seq=2)),
    "topics-ddata-timestamp": Row(stamped("DDATA"), payload("DDATA", timestamp=None)),
    "topics-ddata-payload": Row(only_changes("DBIRTH", "DDATA"), metric("DDATA", value=1)),
    "topics-ddeath-topic": Row(formed("DDEATH"), packet("DDEATH", topic="spBv1.0/other/DDEATH/node/press")),
    "topics-ddeath-mqtt": Row(plain("DDEATH"), packet("DDEATH", qos=1)),
    "topics-ddeath-seq-num": Row(seq_goes_on, payload("DDEATH", seq=7)),
    "case-sensitivity-sparkplug-ids": Row(
        different_in_lower_case, packet("DBIRTH", topic="spBv1.0/group/DBIRTH/node/PRESS")
    ),
    "case-sensitivity-metric-names": Row(different_in_lower_case, metric("DBIRTH", 0, name="CYCLES")),
    "message-flow-edge-node-ncmd-subscribe": Row(
        subscribed("NCMD"), packet(SUBSCRIBE, topics=(("spBv1.0/group/NCMD/node", 0),))
    ),
    "message-flow-edge-node-birth-publish-connect": Row(connected_first, swapped(CONNECT, "NBIRTH")),
    "message-flow-edge-node-birth-publish-will-message": Row(will_is_there, packet(CONNECT, will=None)),
    "message-flow-edge-node-birth-publish-will-message-topic": Row(formed("NDEATH"), will(**OTHER_NODE)),
    "message-flow-edge-node-birth-publish-will-message-payload": Row(only_bd_seq, will(body=b"")),
    "message-flow-edge-node-birth-publish-will-message-payload-bdSeq": Row(
        bd_seq_is_there("NDEATH"), planted.will_payload(metrics=(Metric(BD_SEQ, datatype=8, value=0),))
    ),
    "message-flow-edge-node-birth-publish-will-message-qos": Row(sent_at(("NDEATH",), 1), will(qos=0)),
    "message-flow-edge-node-birth-publish-will-message-will-retained": Row(
        retained(("NDEATH",), False), will(retain=True)
    ),
    "message-flow-edge-node-birth-publish-nbirth-topic": Row(
        formed("NBIRTH"), packet("NBIRTH", topic="spBv1.0/group/NBIRTH/node/press")
    ),
    "message-flow-edge-node-birth-publish-nbirth-payload": Row(
        bd_seq_is_there("NBIRTH"), packet("NBIRTH", body=b"")
    ),
    "message-flow-edge-node-birth-publish-nbirth-payload-bdSeq": Row(
        bd_seq_is_there("NBIRTH"), metric("NBIRTH", 0, datatype=8)
    ),
    "message-flow-edge-node-birth-publish-nbirth-qos": Row(sent_at(("NBIRTH",), 0), packet("NBIRTH", qos=1)),
    "message-flow-edge-node-birth-publish-nbirth-retained": Row(
        retained(("NBIRTH",), False), packet("NBIRTH", retain=True)
    ),
    "message-flow-edge-node-birth-publish-nbirth-payload-seq": Row(
        always_numbered, payload("NBIRTH", seq=None)
    ),
    "operational-behavior-edge-node-intentional-disconnect-ndeath": Row(goodbye, without("NDEATH")),
    "operational-behavior-edge-node-intentional-disconnect-packet": Row(goodbye, without(DISCONNECT)),
    "message-flow-device-dcmd-subscribe": Row(
        subscribed("DCMD"), packet(SUBSCRIBE, topics=(("spBv1.0/group/NCMD/node", 1),))
    ),
    "message-flow-device-birth-publish-nbirth-wait": Row(births_first, swapped("NBIRTH", "DBIRTH")),
    "message-flow-device-birth-publish-dbirth-topic": Row(
        formed("DBIRTH"), packet("DBIRTH", topic="spBv1.0/group/press/DBIRTH/node")
    ),
    "message-flow-device-birth-publish-dbirth-match-edge-node-topic": Row(
        formed("DBIRTH"), packet("DBIRTH", topic="spBv1.0/group/DBIRTH/other/press")
    ),
    "message-flow-device-birth-publish-dbirth-payload": Row(always_numbered, packet("DBIRTH", body=b"")),
    "message-flow-device-birth-publish-dbirth-qos": Row(sent_at(("DBIRTH",), 0), packet("DBIRTH", qos=1)),
    "message-flow-device-birth-publish-dbirth-retained": Row(
        retained(("DBIRTH",), False), packet("DBIRTH", retain=True)
    ),
    "message-flow-device-birth-publish-dbirth-payload-seq": Row(seq_goes_on, payload("DBIRTH", seq=0)),
    "operational-behavior-primary-application-state-with-multiple-servers-single-server": Row(
        connected_first, lambda traffic: [*traffic, traffic[2]]
    ),
    "operational-behavior-data-publish-nbirth": Row(
        data_was_born("NBIRTH", "NDATA"), payload("NDATA", metrics=ONE_MORE)
    ),
    "operational-behavior-data-publish-nbirth-values": Row(
        metrics(("NBIRTH",), value_and_null, "value and null"), metric("NBIRTH", is_null=True)
    ),
    "operational-behavior-data-publish-nbirth-change": Row(
        only_changes("NBIRTH", "NDATA"), again("NDATA", seq=3)
    ),
    "operational-behavior-data-publish-nbirth-order": Row(
        in_order_of_time("NBIRTH", "NDATA"), metric("NBIRTH", timestamp=planted.NOON_MS - 1)
    ),
    "operational-behavior-data-publish-dbirth": Row(
        data_was_born("DBIRTH", "DDATA"), payload("DDATA", metrics=ONE_MORE)
    ),
    "operational-behavior-data-publish-dbirth-values": Row(
        metrics(("DBIRTH",), value_and_null, "value and null"), valueless("DBIRTH")
    ),
    "operational-behavior-data-publish-dbirth-change": Row(
        only_changes("DBIRTH", "DDATA"), metric("DDATA", value=1)
    ),
    "operational-behavior-data-publish-dbirth-order": Row(
        in_order_of_time("DBIRTH", "DDATA"), metric("DBIRTH", timestamp=planted.NOON_MS - 1)
    ),
    "operational-behavior-data-commands-rebirth-name": Row(
        rebirth_metric, metric("NBIRTH", 1, name="Rebirth")
    ),
    "operational-behavior-data-commands-rebirth-name-aliases": Row(
        rebirth_metric, metric("NBIRTH", 1, alias=3)
    ),
    "operational-behavior-data-commands-rebirth-datatype": Row(
        rebirth_metric, metric("NBIRTH", 1, datatype=3)
    ),
    "operational-behavior-data-commands-rebirth-value": Row(rebirth_metric, metric("NBIRTH", 1, value=1)),
    "operational-behavior-data-commands-rebirth-action-1": Row(
        quiet_before_rebirth,
        lambda traffic: again("DDATA", seq=5, behind="NCMD")(again("DDATA", seq=4, behind="NCMD")(traffic)),
    ),
    "operational-behavior-data-commands-rebirth-action-2": Row(
        rebirth_answers, lambda traffic: [*traffic[:8], *traffic[9:]]
    ),
    "operational-behavior-data-commands-rebirth-action-3": Row(
        bd_seq_matches, lambda traffic: [*traffic[:7], replace(traffic[14], line=1), *traffic[8:]]
    ),
    "payloads-timestamp-in-UTC": Row(stamped(*SEQUENCED), payload("DDEATH", timestamp=1_795_000_000)),
    "payloads-sequence-num-always-included": Row(always_numbered, payload("DDATA", seq=None)),
    "payloads-sequence-num-zero-nbirth": Row(seq_zero, payload("NBIRTH", seq=255)),
    "payloads-sequence-num-incrementing": Row(seq_goes_on, without("NDATA")),
    "payloads-name-requirement": Row(
        metrics((*BIRTHS, *DATA), lacks_name, "neither name nor alias"), metric("DDATA", alias=None)
    ),
    "payloads-alias-uniqueness": Row(aliases_are_unique, metric("DBIRTH", 0, alias=1)),
    "payloads-alias-birth-requirement": Row(
        metrics(BIRTHS, lambda m: m.alias is None and m.name not in {BD_SEQ, REBIRTH}, "no alias"),
        metric("DBIRTH", alias=None),
    ),
    "payloads-alias-data-cmd-requirement": Row(
        metrics(DATA, lambda m: m.name is not None or m.alias is None, "not by alias alone"),
        metric("DDATA", name="Cycles"),
    ),
    "payloads-name-birth-data-requirement": Row(
        metrics((*BIRTHS, *DATA), lambda m: not m.timestamp, "no time"), metric("NDATA", timestamp=None)
    ),
    "payloads-metric-timestamp-in-UTC": Row(
        metrics((*BIRTHS, *DATA), lambda m: not in_utc(m), "no UTC"), metric("DDATA", timestamp=1_795_000_000)
    ),
    "payloads-metric-datatype-value-type": Row(
        metrics(BIRTHS, lambda m: not 0 <= (m.datatype or 0) < 2**32, "not 32 bits"),
        metric("DBIRTH", datatype=2**32),
    ),
    "payloads-metric-datatype-value": Row(
        metrics(BIRTHS, lambda m: m.datatype not in DATATYPES, "no such type"), metric("DBIRTH", datatype=35)
    ),
    "payloads-metric-datatype-req": Row(
        metrics(BIRTHS, lambda m: m.datatype is None, "no datatype"), metric("NBIRTH", datatype=None)
    ),
    "payloads-metric-datatype-not-req": Row(
        metrics(DATA, lambda m: m.datatype is not None, "datatype"), metric("NDATA", datatype=BOOLEAN)
    ),
    "payloads-dataset-column-size": Row(
        tables(lambda t: t.columns != len(t.names), "size"), table(old="0802", new="0803")
    ),
    "payloads-dataset-column-num-headers": Row(
        tables(lambda t: len(t.names) != len(t.types), "headers"), table(old="120174", new="")
    ),
    "payloads-dataset-types-def": Row(
        tables(lambda t: any(not 0 <= each < 2**32 for each in t.types), "types"),
        table(old="1804", new="188480808010"),
    ),
    "payloads-dataset-types-num": Row(
        tables(lambda t: len(t.names) != len(t.types), "types"), table(old="1804", new="")
    ),
    "payloads-dataset-types-type": Row(
        tables(lambda t: any(not 0 <= each < 2**32 for each in t.types), "types"),
        table(old="180c", new="188c80808010"),
    ),
    "payloads-dataset-types-value": Row(
        tables(lambda t: any(each not in range(1, 16) for each in t.types), "types"),
        table(old="1804", new="1811"),
    ),
    "payloads-dataset-parameter-type-req": Row(
        tables(lambda t: not t.types and bool(t.names), "no types"), table(old="1804180c", new="")
    ),
    "payloads-template-dataset-value": Row(
        tables(lambda t: any(each not in {None, *range(1, 7)} for row in t.rows for each in row), "cells"),
        table(old="1005", new="3805"),
    ),
    "payloads-nbirth-timestamp": Row(stamped("NBIRTH"), payload("NBIRTH", timestamp=1)),
    "payloads-nbirth-seq": Row(seq_zero, payload("NBIRTH", seq=256)),
    "payloads-nbirth-bdseq": Row(bd_seq_is_there("NBIRTH"), NO_BD_SEQ),
    "payloads-nbirth-bdseq-repeat": Row(bd_seq_matches, metric("NBIRTH", 0, value=1)),
    "payloads-nbirth-rebirth-req": Row(rebirth_metric, metric("NBIRTH", 1, value=1)),
    "payloads-nbirth-qos": Row(sent_at(("NBIRTH",), 0), packet("NBIRTH", qos=1)),
    "payloads-nbirth-retain": Row(retained(("NBIRTH",), False), packet("NBIRTH", retain=True)),
    "payloads-dbirth-timestamp": Row(stamped("DBIRTH"), payload("DBIRTH", timestamp=None)),
    "payloads-dbirth-seq": Row(always_numbered, payload("DBIRTH", seq=None)),
    "payloads-dbirth-seq-inc": Row(seq_goes_on, payload("DBIRTH", seq=3)),
    "payloads-dbirth-order": Row(births_first, swapped("DBIRTH", "NDATA")),
    "payloads-dbirth-qos": Row(sent_at(("DBIRTH",), 0), packet("DBIRTH", qos=1)),
    "payloads-dbirth-retain": Row(retained(("DBIRTH",), False), packet("DBIRTH", retain=True)),
    "payloads-ndata-timestamp": Row(stamped("NDATA"), payload("NDATA", timestamp=None)),
    "payloads-ndata-seq": Row(always_numbered, payload("NDATA", seq=None)),
    "payloads-ndata-seq-inc": Row(seq_goes_on, payload("NDATA", seq=1)),
    "payloads-ndata-order": Row(births_first, swapped("NBIRTH", "NDATA")),
    "payloads-ndata-qos": Row(sent_at(("NDATA",), 0), packet("NDATA", qos=1)),
    "payloads-ndata-retain": Row(retained(("NDATA",), False), packet("NDATA", retain=True)),
    "payloads-ddata-timestamp": Row(stamped("DDATA"), payload("DDATA", timestamp=None)),
    "payloads-ddata-seq": Row(always_numbered, payload("DDATA", seq=None)),
    "payloads-ddata-seq-inc": Row(seq_goes_on, payload("DDATA", seq=5)),
    "payloads-ddata-order": Row(births_first, swapped("DBIRTH", "DDATA")),
    "payloads-ddata-qos": Row(sent_at(("DDATA",), 0), packet("DDATA", qos=1)),
    "payloads-ddata-retain": Row(retained(("DDATA",), False), packet("DDATA", retain=True)),
    "payloads-ndeath-seq": Row(no_seq_in_death, planted.will_payload(seq=0)),
    "payloads-ndeath-will-message": Row(will_is_there, packet(CONNECT, will=None)),
    "payloads-ndeath-will-message-qos": Row(sent_at(("NDEATH",), 1), will(qos=0)),
    "payloads-ndeath-will-message-retain": Row(retained(("NDEATH",), False), will(retain=True)),
    "payloads-ndeath-bdseq": Row(bd_seq_matches, metric("NDEATH", 0, value=1)),
    "payloads-ndeath-will-message-publisher": Row(goodbye, without("NDEATH")),
    "payloads-ndeath-will-message-publisher-disconnect-mqtt311": Row(goodbye, swapped("NDEATH", DISCONNECT)),
    "payloads-ndeath-will-message-publisher-disconnect-mqtt50": Row(
        leaves_with_its_will, packet(DISCONNECT, reason=0)
    ),
    "payloads-ddeath-timestamp": Row(stamped("DDEATH"), payload("DDEATH", timestamp=None)),
    "payloads-ddeath-seq": Row(always_numbered, payload("DDEATH", seq=None)),
    "payloads-ddeath-seq-inc": Row(seq_goes_on, payload("DDEATH", seq=1)),
    "payloads-ddeath-seq-number": Row(always_numbered, payload("DDEATH", seq=None)),
}
