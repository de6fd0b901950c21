"""An edge node over paho, independent of our agent: sends what a test says, hears STATE and commands."""

import itertools
import json
import threading
from dataclasses import replace
from typing import Any, Self

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from agent.contract import names
from agent.contract.sparkplug import DataSet, DataType, Metric, Payload, decode, encode
from tests.aggregator.ingest.messages import FEDERATION, Message, ndeath
from tests.stack import wait_until

_clients = itertools.count()


class Edge:
    """A factory's connection, with a will; `heard` holds (topic, payload, retained) of STATE and NCMD."""

    def __init__(self, port: int, factory: str = "aoki", bd_seq: int = 7) -> None:
        self.factory = factory
        self.heard: list[tuple[str, bytes, bool]] = []
        self._commands: list[dict[str, object]] = []  # the values of every NCMD by name
        self._lock = threading.Lock()
        self._subscribed = threading.Event()
        self._client = Client(CallbackAPIVersion.VERSION2, f"edge-{factory}-{next(_clients)}")
        topic, will = ndeath(bd_seq, factory)
        self._client.will_set(str(topic), encode(will), qos=1)
        self._client.on_message = self._on_message
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.connect("127.0.0.1", port, keepalive=10)
        self._client.loop_start()
        self._client.subscribe([("spBv1.0/STATE/#", 1), (f"spBv1.0/{FEDERATION}/NCMD/{factory}", 1)])

    def __enter__(self) -> Self:
        assert self._subscribed.wait(30)
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def send(self, *messages: Message, retain: bool = False) -> None:
        """Publish messages, aliases and all."""
        for topic, payload in messages:
            self.send_bytes(str(topic), encode_as_sent(payload), retain=retain)

    def send_bytes(self, topic: str, data: bytes, *, qos: int = 0, retain: bool = False) -> None:
        """Publish anything."""
        self._client.publish(topic, data, qos, retain).wait_for_publish(30)

    def vanish(self) -> None:
        """Cut the line: the broker sends the will."""
        socket = self._client.socket()
        assert socket is not None
        self._client.loop_stop()
        socket.close()

    def states(self) -> list[dict[str, Any]]:
        """Every STATE heard, in order."""
        with self._lock:
            return [json.loads(data) for topic, data, _ in self.heard if "/STATE/" in topic]

    def rebirths(self) -> int:
        """How often it was asked for its births."""
        with self._lock:
            return sum(names.REBIRTH in command for command in self._commands)

    def stored(self) -> list[tuple[object, object]]:
        """Every announcement: (epoch, through)."""
        with self._lock:
            told = [command for command in self._commands if names.STORED_THROUGH in command]
        return [(command[names.STORED_EPOCH], command[names.STORED_THROUGH]) for command in told]

    def wait_for_stored(self, epoch: str, through: int) -> None:
        """Wait for an announcement."""
        wait_until(lambda: (epoch, through) in self.stored(), f"{epoch} is announced through {through}")

    def _on_message(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        with self._lock:
            self.heard.append((message.topic, bytes(message.payload), message.retain))
            if "/NCMD/" in message.topic:
                metrics = decode(bytes(message.payload)).metrics
                self._commands.append({metric.name or "": metric.value for metric in metrics})


def encode_as_sent(payload: Payload) -> bytes:
    """Return the bytes of a message; data by alias carries no types, as Sparkplug wants it."""
    metrics = tuple(replace(metric, datatype=metric.datatype or _type(metric)) for metric in payload.metrics)
    with_types = all(metric.name is not None for metric in payload.metrics)
    return encode(replace(payload, metrics=metrics), with_types=with_types)


def _type(metric: Metric) -> DataType:
    if isinstance(metric.value, DataSet):
        return DataType.DATASET
    return {int: DataType.INT64, float: DataType.DOUBLE}.get(type(metric.value), DataType.STRING)
