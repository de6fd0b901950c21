"""One MQTT connection as a Sparkplug edge node has it: will, subscriptions, and `seq` over all messages."""

import asyncio
import contextlib
import secrets
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import aiomqtt
from aiomqtt import Message, MqttError, ProtocolVersion
from aiomqtt.exceptions import MqttConnectError
from paho.mqtt.client import MQTT_CLEAN_START_FIRST_ONLY
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.reasoncodes import ReasonCode

from agent import births
from agent.config import Config, Mqtt
from agent.contract.sparkplug import Metric
from agent.contract.tls import TlsError, client_context, refusal
from agent.contract.topics import Topic, state_topic
from agent.errors import LinkError
from agent.link import heed_cancellation

SEQS = 256  # Sparkplug 3.0: seq runs from 0 to 255
ANSWER_S = 10.0


class Connection:
    """A connection that is up. Every method raises LinkError when it is lost."""

    def __init__(self, client: aiomqtt.Client, config: Config, bd_seq: int, now: Callable[[], int]) -> None:
        self.name = _name(config.mqtt)
        self._client = client
        self._config = config
        self._bd_seq = bd_seq
        self._now = now
        self._seq = 0

    async def subscribe(self) -> None:
        """Ask for the commands to this factory and its machines."""
        topics = [self._topic("NCMD"), self._topic("DCMD", "+")]
        if self._config.mqtt.primary_host is not None:
            topics.append(state_topic(self._config.mqtt.primary_host))
        with self._told():
            granted = await self._client.subscribe([(topic, 1) for topic in topics])
        heed_cancellation()
        for topic, code in zip(topics, granted, strict=True):
            if isinstance(code, ReasonCode) and code.is_failure:
                raise LinkError(f"{self.name} refuses the subscription to {topic}: check its access rules")

    async def node_birth(self, values: births.Values, at_ms: int) -> None:
        """Publish NBIRTH, with which `seq` begins at 0."""
        self._seq = 0
        metrics = births.node_birth(self._bd_seq, values, at_ms)
        await self._publish(self._topic("NBIRTH"), births.birth(metrics, at_ms, self._next_seq()))

    async def node(self, message_type: str, metrics: tuple[Metric, ...]) -> None:
        """Publish data of the node."""
        body = births.data(metrics, self._now(), self._next_seq())
        await self._publish(self._topic(message_type), body)

    async def machine(self, message_type: str, machine: str, metrics: tuple[Metric, ...]) -> None:
        """Publish a machine's birth, data or death."""
        make = births.birth if message_type == "DBIRTH" else births.data
        body = make(metrics, self._now(), self._next_seq())
        await self._publish(self._topic(message_type, machine), body)

    async def node_death(self) -> None:
        """Publish NDEATH ourselves: an orderly end makes the broker forget the will."""
        await self._publish(self._topic("NDEATH"), births.node_death(self._bd_seq, self._now()), qos=1)

    async def messages(self) -> AsyncGenerator[Message, None]:
        """Yield messages until the connection is lost (LinkError)."""
        with self._told():
            async for message in self._client.messages:
                yield message

    async def _publish(self, topic: str, body: bytes, qos: int = 0) -> None:
        with self._told():
            await self._client.publish(topic, body, qos=qos)
        heed_cancellation()

    def _next_seq(self) -> int:
        seq, self._seq = self._seq, (self._seq + 1) % SEQS
        return seq

    def _topic(self, message_type: str, machine: str | None = None) -> str:
        return str(Topic(self._config.federation, message_type, self._config.factory, machine))

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except MqttError as error:
            raise LinkError(f"the connection to {self.name} is lost: {error.__cause__ or error}") from error


@contextlib.asynccontextmanager
async def connected(config: Config, bd_seq: int, now: Callable[[], int]) -> AsyncIterator[Connection]:
    """Connect with a fresh session and a will, and subscribe; raises LinkError with place and cure."""
    topic = str(Topic(config.federation, "NDEATH", config.factory))
    will = aiomqtt.Will(topic, births.node_death(bd_seq, now()), qos=1)
    async with _entered(config, will) as client:
        connection = Connection(client, config, bd_seq, now)
        await connection.subscribe()
        yield connection


async def probe(config: Config) -> None:
    """Connect, subscribe and leave again, unnoticed; raises LinkError with place and cure."""
    async with _entered(config, None) as client:
        await Connection(client, config, 0, lambda: 0).subscribe()


class _Client(aiomqtt.Client):
    """Drops messages whose topic is none (iotcore 0.4.0 passes them on): aiomqtt would give the line up."""

    def _on_message(self, client: Any, userdata: Any, message: Any) -> None:
        with contextlib.suppress(ValueError):
            super()._on_message(client, userdata, message)


@contextlib.asynccontextmanager
async def _entered(config: Config, will: aiomqtt.Will | None) -> AsyncIterator[aiomqtt.Client]:
    client = _client(config, will)
    try:
        await client.__aenter__()
    except (MqttError, UnicodeError) as error:  # UnicodeError: the host's name cannot be one
        # aiomqtt leaves the socket open when the broker does not answer: a ghost that may connect yet.
        client._client.disconnect()
        raise LinkError(f"{_name(config.mqtt)} {await _reason(config.mqtt, error)}") from error
    try:
        yield client
    finally:
        with contextlib.suppress(MqttError):
            await client.__aexit__(None, None, None)


def _client(config: Config, will: aiomqtt.Will | None) -> aiomqtt.Client:
    mqtt = config.mqtt
    is_v5 = mqtt.protocol == "5"
    client = _Client(
        mqtt.host,
        mqtt.port,
        # A new name for each connection: iotcore 0.4.0 publishes the new will when a name is taken over.
        identifier=f"machikoba-{config.factory}-{secrets.token_hex(4)}",
        username=mqtt.username,
        password=_password(mqtt),
        protocol=ProtocolVersion.V5 if is_v5 else ProtocolVersion.V311,
        will=will,
        tls_context=_tls_context(mqtt),
        clean_session=None if is_v5 else True,
        clean_start=True if is_v5 else MQTT_CLEAN_START_FIRST_ONLY,
        keepalive=mqtt.keepalive_s,
        timeout=ANSWER_S,
    )
    if is_v5 and will is not None:  # Sparkplug 3.0, 6.4.25: whoever leaves asks for its will as well
        reason = ReasonCode(PacketTypes.DISCONNECT, "Disconnect with will message")
        paho: Any = client._client
        paho.disconnect = partial(paho.disconnect, reasoncode=reason)
    return client


def _tls_context(mqtt: Mqtt) -> ssl.SSLContext | None:
    try:
        return None if mqtt.tls is None else client_context(mqtt.tls)
    except TlsError as error:
        raise LinkError(str(error)) from error


def _password(mqtt: Mqtt) -> str | None:
    if mqtt.password_file is None:
        return None
    try:
        return Path(mqtt.password_file).read_text("utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not text"
        raise LinkError(f"mqtt.password_file {mqtt.password_file} cannot be read: {reason}") from error


def _name(mqtt: Mqtt) -> str:
    return f"the MQTT broker {mqtt.host}:{mqtt.port}"


async def _reason(mqtt: Mqtt, error: Exception) -> str:
    if isinstance(error, MqttConnectError):
        return f"refuses the connection: {error}; check {_credentials(mqtt)}"
    if mqtt.tls is not None and (said := await asyncio.to_thread(refusal, mqtt.host, mqtt.port, mqtt.tls)):
        return said
    hint = "; where it wants TLS, set mqtt.ca_file" if mqtt.tls is None and "timed out" in str(error) else ""
    return f"cannot be reached: {error}; check mqtt.host and mqtt.port, and that the broker runs{hint}"


def _credentials(mqtt: Mqtt) -> str:
    if mqtt.certificate_file is not None and mqtt.username is None:
        return "mqtt.certificate_file"
    return "mqtt.username and mqtt.password_file"
