"""A small host application for tests: hears a broker over paho, keeps records, announces what it stored."""

import itertools
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from paho.mqtt.client import Client, ConnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from agent.contract import names
from agent.contract.records import Record, from_row, sequence_of, to_rows
from agent.contract.sparkplug import DataSet, DataType, Metric, Payload, decode, encode, typed
from tests.stack import wait_until

_clients = itertools.count()


@dataclass(frozen=True)
class Heard:
    """One message: its topic's parts, its payload, and how it came."""

    type: str
    factory: str
    machine: str | None
    payload: Payload
    size: int
    qos: int
    retain: bool


@dataclass
class Stored:
    """What is kept of one epoch: the records by sequence, and how far they are without a gap."""

    records: dict[int, Record] = field(default_factory=dict)
    through: int = 0
    times: dict[int, int] = field(default_factory=dict)
    """Sequence -> how often it came."""


class Centre:
    """Connects by itself again when the broker comes back; with `announces` False it stores in silence."""

    def __init__(self, port: int, federation: str = "higashimachi") -> None:
        self.heard: list[Heard] = []
        self.epochs: dict[str, Stored] = {}
        self.announces = True
        self.stores = True
        self.is_strict = True
        """A sequence that is used again for another record is a fault of the agent's."""
        self.lock = threading.Lock()
        self._federation = federation
        self._aliases: dict[tuple[str, int], tuple[str, DataType]] = {}
        self._live: dict[tuple[str, str | None], dict[str, object]] = {}
        self._subscribed = threading.Event()
        self._client = Client(CallbackAPIVersion.VERSION2, f"centre-{next(_clients)}")
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_message = self._on_message
        self._client.reconnect_delay_set(1, 1)
        self._client.connect("127.0.0.1", port, keepalive=5)
        self._client.loop_start()

    def __enter__(self) -> "Centre":
        assert self._subscribed.wait(30)
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def of_type(self, *types: str) -> list[Heard]:
        """Return the messages of these types so far."""
        with self.lock:
            return [heard for heard in self.heard if heard.type in types]

    def wait_for(self, done: Callable[["Centre"], object], what: str) -> None:
        """Wait until `done(centre)`; fails with what was heard."""
        wait_until(lambda: done(self), what, within_s=60)

    def live(self, factory: str, machine: str | None = None) -> dict[str, object]:
        """Return the newest value of every metric of a machine (or of the factory's node)."""
        with self.lock:
            return dict(self._live.get((factory, machine), {}))

    def records(self) -> list[Record]:
        """Return all records that are stored, by epoch and sequence."""
        with self.lock:
            return [stored.records[at] for stored in self.epochs.values() for at in sorted(stored.records)]

    def historical(self) -> list[bool]:
        """Tell of each message with records whether it was marked as history."""
        metrics = [metric for heard in self.of_type("NDATA") for metric in heard.payload.metrics]
        return [metric.is_historical for metric in metrics if isinstance(metric.value, DataSet)]

    def command(self, factory: str, *metrics: Metric, machine: str | None = None) -> None:
        """Send an NCMD, or a DCMD to a machine."""
        self.publish(factory, encode(Payload(1, metrics)), machine)

    def publish(self, factory: str, body: bytes, machine: str | None = None, *, retain: bool = False) -> None:
        """Send bytes where commands go."""
        kind = f"NCMD/{factory}" if machine is None else f"DCMD/{factory}/{machine}"
        self._client.publish(f"spBv1.0/{self._federation}/{kind}", body, qos=1, retain=retain)

    def rebirth(self, factory: str) -> None:
        """Ask for all births."""
        self.command(factory, Metric(names.REBIRTH, True, DataType.BOOLEAN))

    def announce(self, factory: str, epoch: str, through: int) -> None:
        """Say that records are stored."""
        self.command(
            factory,
            Metric(names.STORED_EPOCH, epoch, DataType.STRING),
            Metric(names.STORED_THROUGH, through, DataType.INT64),
        )

    def _on_connect(
        self, client: Client, _data: object, _flags: ConnectFlags, code: ReasonCode, _props: Properties | None
    ) -> None:
        if not code.is_failure:
            client.subscribe("spBv1.0/#", qos=1)

    def _on_subscribe(self, *_: object) -> None:
        self._subscribed.set()
        with self.lock:
            factories = {heard.factory for heard in self.heard}
        for factory in factories:  # births of the time without us are missed
            self.rebirth(factory)

    def _on_message(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        _namespace, _federation, kind, factory, *machine = message.topic.split("/")
        if kind in ("NCMD", "DCMD"):
            return
        payload = decode(bytes(message.payload))
        name = machine[0] if machine else None
        heard = Heard(kind, factory, name, payload, len(message.payload), message.qos, message.retain)
        with self.lock:
            self.heard.append(heard)
            self._take(heard)

    def _take(self, heard: Heard) -> None:
        values = self._live.setdefault((heard.factory, heard.machine), {})
        for metric in heard.payload.metrics:
            name, datatype = metric.name, metric.datatype
            if name is not None and metric.alias is not None and datatype is not None:
                self._aliases[heard.factory, metric.alias] = (name, datatype)
            elif name is None:
                name, datatype = self._aliases[heard.factory, metric.alias or 0]
            if name is not None:
                values[name] = typed(metric.value, datatype) if datatype else metric.value
        if heard.type == "NBIRTH":
            self._begin(heard.factory, values)
        elif heard.type == "NDATA" and isinstance(values.get(names.RECORDS), DataSet):
            self._store(heard.factory, str(values[names.EPOCH]), values.pop(names.RECORDS))

    def _begin(self, factory: str, values: dict[str, object]) -> None:
        values.pop(names.RECORDS)
        epoch, forgotten = str(values[names.EPOCH]), values[names.FORGOTTEN_THROUGH]
        stored = self.epochs.setdefault(epoch, Stored())
        assert isinstance(forgotten, int)
        assert forgotten <= stored.through, "the agent forgot what was never stored"
        if self.announces:
            self.announce(factory, epoch, stored.through)

    def _store(self, factory: str, epoch: str, table: object) -> None:
        assert isinstance(table, DataSet)
        if not self.stores:
            return
        stored = self.epochs.setdefault(epoch, Stored())
        for row in to_rows(table):
            sequence, record = sequence_of(row), from_row(row)
            stored.times[sequence] = stored.times.get(sequence, 0) + 1
            if sequence in stored.records and self.is_strict:
                assert stored.records[sequence] == record, "a sequence was used twice"
            if sequence == stored.through + 1:
                stored.records[sequence] = record
                stored.through = sequence
        if self.announces:
            self.announce(factory, epoch, stored.through)
