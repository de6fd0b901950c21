"""The connection to the broker: messages in through the session's rules, commands out.

Sparkplug 3.0, 5.3 and 5.5: a host application on a clean session that says in its retained STATE whether
it is online. It makes a new client for every connection, because the will belongs to one connection.
"""

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable, Collection
from contextlib import suppress
from typing import Any, TypeVar

import aiomqtt

from agent.contract.sparkplug import PayloadError, decode
from agent.contract.tls import TlsError, client_context, refusal
from agent.contract.topics import NAMESPACE, TopicError, parse_topic, state_topic
from aggregator.config import Config
from aggregator.ingest import metrics
from aggregator.ingest.commands import Commands
from aggregator.ingest.effects import Effects
from aggregator.ingest.events import Refused
from aggregator.ingest.quarantine import Quarantine
from aggregator.ingest.refusals import Refusals
from aggregator.ingest.session import Session
from aggregator.status import Status
from aggregator.store.timeseries import StoreError

T = TypeVar("T")

logger = logging.getLogger(__name__)
_mqtt_logger = logging.getLogger(f"{__name__}.mqtt")
_mqtt_logger.setLevel(logging.ERROR)  # lost connections and dropped messages are told here, once

COMMANDS = frozenset({"NCMD", "DCMD"})

FIRST_RETRY_S, LAST_RETRY_S = 0.5, 10.0
KEEPALIVE_S = 20
TIMEOUT_S = 5.0
"""So long the broker may take to answer."""
LEAVE_S = 7.0
"""So long a goodbye may take: one message, then the disconnection."""
TICK_S = 0.5
INBOX_MESSAGES = 2_000
"""Messages read from the broker and not yet handled; more are dropped, the sequence numbers will show it."""


class _Inbox(asyncio.Queue[aiomqtt.Message]):
    def put_nowait(self, item: aiomqtt.Message) -> None:
        if self.full():
            metrics.MESSAGES_DROPPED.inc()
        super().put_nowait(item)


class _Client(aiomqtt.Client):
    """Two faults of aiomqtt 2.5 mended.

    A message whose topic is none (iotcore 0.4.0 passes them on) is dropped, where aiomqtt would give the line
    up. A cancellation that comes together with the broker's answer is heeded, where `asyncio.wait_for` loses
    it (before Python 3.12): a task of the group would then wait for ever, and the group for the task.
    """

    def _on_message(self, client: Any, userdata: Any, message: Any) -> None:
        try:
            super()._on_message(client, userdata, message)
        except ValueError:
            metrics.REFUSED.labels("message").inc()

    async def _wait_for(self, fut: Awaitable[T], timeout: float | None) -> T:  # noqa: ASYNC109
        try:
            async with asyncio.timeout(self.timeout if timeout is None else timeout):
                return await fut
        except TimeoutError:
            raise aiomqtt.MqttError("it does not answer") from None


class Subscriber:
    """Keeps one connection, for ever; `now` gives UTC milliseconds.

    `known_factories` returns the factories to ask for a rebirth once connected.
    """

    def __init__(
        self,
        *,
        config: Config,
        session: Session,
        effects: Effects,
        commands: Commands,
        refusals: Refusals,
        quarantine: Quarantine,
        status: Status,
        known_factories: Callable[[], Collection[str]],
        now: Callable[[], int],
    ) -> None:
        self._config = config
        self._session = session
        self._effects = effects
        self._commands = commands
        self._refusals = refusals
        self._quarantine = quarantine
        self._status = status
        self._known_factories = known_factories
        self._now = now
        self._state_topic = state_topic(config.host_id)
        self._found_s = 0.0
        self._stopping = False

    async def run(self) -> None:
        """Stay connected, for ever; cancelled, it says it is offline.

        The work is a task of its own, which is cancelled until it ends: `TaskGroup` loses a cancellation that
        comes together with an error.
        """
        work = asyncio.create_task(self._stay_connected(), name="ingest.connection")
        try:
            await asyncio.shield(work)
        except asyncio.CancelledError:
            self._stopping = True
            while not work.done():
                work.cancel()
                await asyncio.wait([work], timeout=LEAVE_S)
            raise

    async def _stay_connected(self) -> None:
        pause_s = FIRST_RETRY_S
        while not self._stopping:
            began_s = time.monotonic()
            try:
                await self._connection()
            except* (aiomqtt.MqttError, OSError, TlsError) as errors:
                self._lost(await self._told(errors.exceptions[0]))
            if time.monotonic() - began_s > LAST_RETRY_S:  # it had been well, or was a long attempt
                pause_s = FIRST_RETRY_S
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, LAST_RETRY_S)

    async def _connection(self) -> None:
        born_ms = self._now()
        mqtt = self._config.mqtt
        async with _Client(
            mqtt.host,
            mqtt.port,
            tls_context=None if mqtt.tls is None else client_context(mqtt.tls),
            username=mqtt.username,
            password=read_password(self._config),
            # One name a federation: a second aggregator would announce as stored what this one lacks.
            identifier=f"machikoba-{self._config.federation}",
            will=aiomqtt.Will(self._state_topic, _state(False, born_ms), 1, True),
            clean_session=True,
            keepalive=KEEPALIVE_S,
            timeout=TIMEOUT_S,
            queue_type=_Inbox,
            max_queued_incoming_messages=INBOX_MESSAGES,
            logger=_mqtt_logger,
        ) as client:
            try:
                await self._introduce(client, born_ms)
                await self._converse(client, born_ms)
            except asyncio.CancelledError:
                await self._take_leave(client)
                raise
            finally:
                self._effects.apply(self._session.disconnect(self._now()))

    async def _introduce(self, client: aiomqtt.Client, born_ms: int) -> None:
        granted = await client.subscribe([(f"{NAMESPACE}/#", 1), (self._state_topic, 1)])
        if any(code.is_failure for code in granted if not isinstance(code, int)):
            raise aiomqtt.MqttError(f"it does not let us subscribe to {NAMESPACE}/#")
        await client.publish(self._state_topic, _state(True, born_ms), 1, True)
        self._found()
        self._commands.clear()
        try:
            known = await asyncio.to_thread(self._known_factories)
        except StoreError as error:
            logger.warning("cannot ask the known factories for their births: %s", error)
        else:
            for factory in known:
                self._commands.rebirth(factory)

    async def _converse(self, client: aiomqtt.Client, born_ms: int) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._receive(client, born_ms), name="ingest.receive")
            group.create_task(self._send(client), name="ingest.send")
            group.create_task(self._tick(), name="ingest.tick")

    async def _take_leave(self, client: aiomqtt.Client) -> None:
        with suppress(aiomqtt.MqttError):
            await client.publish(self._state_topic, _state(False, self._now()), 1, True, timeout=1)

    async def _receive(self, client: aiomqtt.Client, born_ms: int) -> None:
        async for message in client.messages:
            topic = message.topic.value
            if topic == self._state_topic:
                if _says_offline(message.payload):  # left by an earlier connection of ours
                    await client.publish(self._state_topic, _state(True, born_ms), 1, True)
                continue
            try:
                self._handle(topic, message)
            except (TopicError, PayloadError) as error:
                self._refuse(topic, str(error).removeprefix(f"topic {topic!r}: "), _bytes_of(message))
            except Exception:  # one message must never end all; the next ones are handled
                logger.exception("topic %s: message not handled, going on", topic)
                self._refuse(topic, "not handled", _bytes_of(message))

    def _handle(self, text: str, message: aiomqtt.Message) -> None:
        if text.startswith(f"{NAMESPACE}/STATE/"):
            return  # another host application
        topic = parse_topic(text)
        metrics.MESSAGES.labels(topic.type).inc()
        if topic.type in COMMANDS:
            return
        if message.retain:
            raise TopicError("retained, so it may be long out of date: refused")
        payload = decode(_bytes_of(message))
        events = self._session.receive(topic, payload, self._now())
        for event in events:
            if isinstance(event, Refused) and event.what == "message":
                self._quarantine.put(text, event.reason, _bytes_of(message))
        self._effects.apply(events)

    def _refuse(self, topic: str, reason: str, payload: bytes) -> None:
        self._quarantine.put(topic, reason, payload)
        self._effects.apply([self._refusals.refuse(f"topic {topic}", reason, "message")])

    async def _send(self, client: aiomqtt.Client) -> None:
        while True:
            topic, payload = await self._commands.next()
            await client.publish(topic, payload, 0, False)

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            self._effects.apply(self._session.tick(self._now()))

    def _found(self) -> None:
        logger.info("connected to the broker at %s", self._place)
        self._found_s = time.monotonic()
        self._status.broker_connected, self._status.broker_error = True, None

    async def _told(self, error: BaseException) -> object:
        """Return what a person can do something about, where the library only says that the line is lost."""
        mqtt = self._config.mqtt
        if mqtt.tls is None or isinstance(error, TlsError):
            return error
        return await asyncio.to_thread(refusal, mqtt.host, mqtt.port, mqtt.tls) or error

    def _lost(self, error: object) -> None:
        reason = f"broker at {self._place}: {error}"
        if self._status.broker_connected and time.monotonic() - self._found_s < LAST_RETRY_S:
            reason += " (thrown out at once: is there a second aggregator of this federation?)"
        if self._status.broker_connected or self._status.broker_error is None:
            logger.warning("%s; trying again until it works", reason)
        self._status.broker_connected, self._status.broker_error = False, reason

    @property
    def _place(self) -> str:
        return f"{self._config.mqtt.host}:{self._config.mqtt.port}"


def read_password(config: Config) -> str | None:
    """Return the broker's password from its file, if there is one; raises OSError."""
    file = config.mqtt.password_file
    return file.read_text("utf-8").strip() if file is not None else None


def _bytes_of(message: aiomqtt.Message) -> bytes:
    return bytes(message.payload) if isinstance(message.payload, bytes | bytearray) else b""


def _state(online: bool, at_ms: int) -> str:
    return json.dumps({"online": online, "timestamp": at_ms})


def _says_offline(payload: object) -> bool:
    if not isinstance(payload, bytes | bytearray):
        return False
    try:
        state = json.loads(payload)
    except ValueError:
        return False
    return isinstance(state, dict) and state.get("online") is False
