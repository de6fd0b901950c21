"""Assertions about host applications: id -> the check of recorded traffic, and what it must not let pass."""

from collections.abc import Callable
from typing import Any

from tests.sparkplug.checks import clean, formed, plain, retained, sent_at, stamped
from tests.sparkplug.edge_rows import Row
from tests.sparkplug.host_checks import (
    asks_for_births,
    birth,
    birth_has_the_wills_time,
    death,
    fits,
    is_named,
    is_rebirth,
    known,
    offline,
    on_its_topic,
    online,
    subscribes_first,
    unnumbered,
    will,
)
from tests.sparkplug.planted import Traffic, metric, packet, payload, swapped, without
from tests.sparkplug.planted import will as spoilt_will
from tests.sparkplug.wire import CONNECT, DISCONNECT, SUBSCRIBE, Packet

SECONDS = b'{"online": true, "timestamp": 1795000000}'
WRONG_TOPIC = "spBv1.0/STATE"
LATE = b'{"online": true, "timestamp": 1795000000001}'


def aspects(says: Callable[[Packet], bool]) -> dict[str, Callable[[Packet], bool]]:
    """Return what has to be right of a STATE, by the field of its packet."""
    return {
        "qos": lambda packet: packet.qos == 1,
        "retain": lambda packet: packet.retain,
        "topic": on_its_topic,
        "body": says,
    }


def end(**changes: Any) -> Row:
    """Return the row of a death whose STATE is changed so, in one field."""
    (field,) = changes
    return Row(death(aspects(offline)[field]), packet("STATE", last=True, **changes))


def start(**changes: Any) -> Row:
    """Return the row of a birth whose STATE is changed so, in one field."""
    (field,) = changes
    return Row(birth(aspects(online)[field]), packet("STATE", **changes))


def promised(**changes: Any) -> Row:
    """Return the row of a will that is changed so, in one field."""
    (field,) = changes
    return Row(will(aspects(offline)[field]), spoilt_will(**changes))


def no_rebirth(traffic: Traffic) -> Traffic:
    """Ask by the machine's command."""
    return packet("NCMD", topic="spBv1.0/group/DCMD/node/press")(traffic)


HOST: dict[str, Row] = {
    "intro-sparkplug-host-state": Row(birth(online), without("STATE")),
    "components-ph-state": Row(death(offline), without("STATE")),
    "conformance-primary-host": Row(will(offline), packet(CONNECT, will=None)),
    "topics-ncmd-topic": Row(formed("NCMD"), packet("NCMD", topic="spBv1.0/group/NCMD/node/press")),
    "topics-ncmd-mqtt": Row(plain("NCMD"), packet("NCMD", qos=1)),
    "topics-ncmd-timestamp": Row(stamped("NCMD"), payload("NCMD", timestamp=None)),
    "topics-ncmd-payload": Row(known("NCMD", is_named), metric("NCMD", name="x")),
    "topics-dcmd-topic": Row(formed("DCMD"), packet("DCMD", topic="spBv1.0/group/DCMD/node")),
    "topics-dcmd-mqtt": Row(plain("DCMD"), packet("DCMD", retain=True)),
    "topics-dcmd-timestamp": Row(stamped("DCMD"), payload("DCMD", timestamp=1)),
    "topics-dcmd-payload": Row(known("DCMD", is_named), metric("DCMD", name="x")),
    "host-topic-phid-birth-message": Row(birth(online), swapped("STATE", "NCMD")),
    "host-topic-phid-birth-qos": start(qos=0),
    "host-topic-phid-birth-retain": start(retain=False),
    "host-topic-phid-birth-topic": start(topic=WRONG_TOPIC),
    "host-topic-phid-birth-sub-required": Row(
        subscribes_first, packet(SUBSCRIBE, topics=(("spBv1.0/#", 1),))
    ),
    "host-topic-phid-birth-required": Row(birth(online), without("STATE")),
    "host-topic-phid-birth-payload": start(body=b"ONLINE"),
    "host-topic-phid-birth-payload-timestamp": Row(birth_has_the_wills_time, packet("STATE", body=LATE)),
    "host-topic-phid-death-qos": promised(qos=0),
    "host-topic-phid-death-retain": promised(retain=False),
    "host-topic-phid-death-topic": promised(topic="spBv1.0/STATE/a/b"),
    "host-topic-phid-death-required": Row(will(offline), packet(CONNECT, will=None)),
    "host-topic-phid-death-payload": promised(body=b'{"online": false}'),
    "host-topic-phid-death-payload-timestamp-connect": promised(body=SECONDS.replace(b"true", b"false")),
    "host-topic-phid-death-payload-timestamp-disconnect-clean": end(body=SECONDS.replace(b"true", b"false")),
    "message-flow-phid-sparkplug-clean-session-311": Row(clean, packet(CONNECT, clean=False)),
    "message-flow-phid-sparkplug-subscription": Row(subscribes_first, swapped(SUBSCRIBE, "STATE")),
    "message-flow-phid-sparkplug-state-publish": Row(birth(online), without("STATE")),
    "message-flow-phid-sparkplug-state-publish-payload": start(body=SECONDS),
    "message-flow-phid-sparkplug-state-publish-payload-timestamp": Row(
        birth_has_the_wills_time, packet("STATE", body=LATE)
    ),
    "operational-behavior-host-reordering-rebirth": Row(asks_for_births(is_rebirth), without("NCMD")),
    "operational-behavior-primary-application-state-with-multiple-servers-state": Row(
        birth(online), swapped("STATE", "DCMD")
    ),
    "operational-behavior-host-application-connect-will": Row(will(offline), packet(CONNECT, will=None)),
    "operational-behavior-host-application-connect-will-topic": promised(topic=WRONG_TOPIC),
    "operational-behavior-host-application-connect-will-payload": promised(body=b"OFFLINE"),
    "operational-behavior-host-application-connect-will-qos": promised(qos=0),
    "operational-behavior-host-application-connect-will-retained": promised(retain=False),
    "operational-behavior-host-application-connect-birth": Row(birth(online), without("STATE")),
    "operational-behavior-host-application-connect-birth-topic": start(topic="STATE/office"),
    "operational-behavior-host-application-connect-birth-payload": start(
        body=b'{"online": 1, "timestamp": 1}'
    ),
    "operational-behavior-host-application-connect-birth-qos": start(qos=0),
    "operational-behavior-host-application-connect-birth-retained": start(retain=False),
    "operational-behavior-host-application-termination": Row(death(offline), without("STATE")),
    "operational-behavior-host-application-death-topic": end(topic=WRONG_TOPIC),
    "operational-behavior-host-application-death-payload": end(body=b"OFFLINE"),
    "operational-behavior-host-application-death-qos": end(qos=0),
    "operational-behavior-host-application-death-retained": end(retain=False),
    "operational-behavior-host-application-disconnect-intentional": Row(death(offline), without(DISCONNECT)),
    "operational-behavior-data-commands-ncmd-rebirth-verb": Row(asks_for_births(is_rebirth), no_rebirth),
    "operational-behavior-data-commands-ncmd-rebirth-name": Row(
        asks_for_births(is_rebirth), metric("NCMD", name="node control/rebirth")
    ),
    "operational-behavior-data-commands-ncmd-rebirth-value": Row(
        asks_for_births(lambda metric: metric.value == 1), metric("NCMD", value=0)
    ),
    "operational-behavior-data-commands-ncmd-verb": Row(known("NCMD", is_named), no_rebirth),
    "operational-behavior-data-commands-ncmd-metric-name": Row(
        known("NCMD", is_named), metric("NCMD", name="Reboot")
    ),
    "operational-behavior-data-commands-ncmd-metric-value": Row(
        known("NCMD", fits), metric("NCMD", datatype=12)
    ),
    "operational-behavior-data-commands-dcmd-verb": Row(
        known("DCMD", is_named), packet("DCMD", topic="spBv1.0/group/NCMD/node")
    ),
    "operational-behavior-data-commands-dcmd-metric-name": Row(
        known("DCMD", is_named), metric("DCMD", name="job")
    ),
    "operational-behavior-data-commands-dcmd-metric-value": Row(
        known("DCMD", fits), metric("DCMD", value=None)
    ),
    "payloads-ncmd-timestamp": Row(stamped("NCMD"), payload("NCMD", timestamp=None)),
    "payloads-ncmd-seq": Row(unnumbered("NCMD"), payload("NCMD", seq=0)),
    "payloads-ncmd-qos": Row(sent_at(("NCMD",), 0), packet("NCMD", qos=1)),
    "payloads-ncmd-retain": Row(retained(("NCMD",), False), packet("NCMD", retain=True)),
    "payloads-dcmd-timestamp": Row(stamped("DCMD"), payload("DCMD", timestamp=None)),
    "payloads-dcmd-seq": Row(unnumbered("DCMD"), payload("DCMD", seq=0)),
    "payloads-dcmd-qos": Row(sent_at(("DCMD",), 0), packet("DCMD", qos=1)),
    "payloads-dcmd-retain": Row(retained(("DCMD",), False), packet("DCMD", retain=True)),
    "payloads-state-will-message": promised(topic="spBv1.0/STATE/+"),
    "payloads-state-will-message-qos": promised(qos=2),
    "payloads-state-will-message-retain": promised(retain=False),
    "payloads-state-will-message-payload": promised(body=SECONDS),
    "payloads-state-subscribe": Row(subscribes_first, packet(SUBSCRIBE, topics=(("spBv1.0/#", 1),))),
    "payloads-state-birth": start(qos=0),
    "payloads-state-birth-payload": start(body=b'{"online": true}'),
}
