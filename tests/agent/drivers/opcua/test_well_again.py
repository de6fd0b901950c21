"""However a server fails and comes back, and whenever: its values flow again within 15 s of its being well.

Driver, watch and link are the agent's own, with the settings that people have; time is made up and passes at
once. The server is a table of troubles: real ones fail in `test_recovery.py` and `test_node_opcua.py`.
"""

import asyncio
import contextlib
import random
import selectors
from collections.abc import AsyncIterator, Callable
from types import SimpleNamespace
from typing import Any

import pytest
from asyncua import ua
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.drivers.opcua import driver
from agent.drivers.opcua.session import CLOSE_S
from agent.drivers.opcua.settings import Settings
from agent.errors import LinkError
from agent.link import BackOff, LinkStatus, attach
from agent.measuring.reading import GOOD

WELL_WITHIN_S = 15.0
ANSWERS_S = 0.1
"""So long a server that is well takes for each request."""
REQUESTS_TO_ENTER = 4
PUBLISHES_S = 0.25
SETTINGS = Settings("opc.tcp://127.0.0.1:4840", {"parts": "nsu=urn:x;s=parts", "late": "nsu=urn:x;s=late"})

AWAY, FROZEN, LOST = "refuses connections", "answers nothing", "the network swallows everything"
MUTED, HANGING = "its items are gone, keep-alives go on", "publishes nothing, answers everything"
TROUBLES = (AWAY, FROZEN, LOST)


class MadeUpTime(asyncio.SelectorEventLoop):
    """A loop whose clock jumps to whatever is due next."""

    def __init__(self) -> None:
        super().__init__(_Jump(self))
        self.now_s = 0.0

    def time(self) -> float:
        return self.now_s


class _Jump(selectors.SelectSelector):
    def __init__(self, loop: MadeUpTime) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> Any:
        assert timeout is not None, "nothing is due: this would wait for ever"
        self._loop.now_s += max(timeout, 1e-6)
        return super().select(0)


class Server:
    """Its counter goes up ten times a second; `trouble` is None while it is well."""

    def __init__(self) -> None:
        self.trouble: str | None = None
        self.life = 0
        """Another one after every restart: sessions of the one before are gone."""
        self.has_late = True
        self._clock = asyncio.get_running_loop().time

    @property
    def parts(self) -> int:
        return round(self._clock() * 10)

    async def answer(self, life: int) -> None:
        """Take the time that an answer takes; raises what a client is told."""
        if self.trouble in (FROZEN, LOST):
            await self._keep_waiting()
        if self.trouble == AWAY or life != self.life:
            raise ConnectionError
        await asyncio.sleep(ANSWERS_S)

    async def _keep_waiting(self) -> None:
        """A frozen server answers late, once it goes on; what the network has swallowed is gone."""
        end_s = self._clock() + SETTINGS.timeout_s
        swallowed = self.trouble == LOST
        while self._clock() < end_s:
            await asyncio.sleep(0.05)
            if self.trouble is None and not swallowed:
                return
        raise TimeoutError


class Session:
    """What asyncua gives the driver, as far as it uses it."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._life = server.life
        self._items: dict[int, str] = {}
        self.silence: str | None = None
        self.publishing: asyncio.Task[None] | None = None

    async def create_subscription(self, wanted: Any, published: Callable[[Any], None]) -> Any:
        await self._server.answer(self._life)
        self.publishing = asyncio.create_task(self._publish(published))
        return SimpleNamespace(
            SubscriptionId=1,
            RevisedPublishingInterval=wanted.RequestedPublishingInterval,
            RevisedMaxKeepAliveCount=wanted.RequestedMaxKeepAliveCount,
        )

    async def create_monitored_items(self, wanted: Any) -> list[Any]:
        await self._server.answer(self._life)
        results = []
        for item in wanted.ItemsToCreate:
            name = item.ItemToMonitor.NodeId.Identifier
            known = name == "parts" or self._server.has_late
            if known:
                self._items[item.RequestedParameters.ClientHandle] = name
            code = ua.StatusCodes.Good if known else ua.StatusCodes.BadNodeIdUnknown
            results.append(
                SimpleNamespace(StatusCode=ua.StatusCode(ua.UInt32(code)), RevisedSamplingInterval=250.0)
            )
        return results

    async def read_attributes(self, nodes: list[ua.NodeId], _attribute: Any) -> list[Any]:
        await self._server.answer(self._life)
        uris = ["http://opcfoundation.org/UA/", *["urn:new"] * self._server.life, "urn:x"]
        return [data(uris if node.NamespaceIndex == 0 else self._server.parts) for node in nodes]

    async def _publish(self, published: Callable[[Any], None]) -> None:
        while True:
            await asyncio.sleep(PUBLISHES_S)
            if self._server.trouble is not None or self._server.life != self._life or self.silence == HANGING:
                continue
            items = {} if self.silence == MUTED else self._items
            changes = [
                SimpleNamespace(ClientHandle=handle, Value=data(self._server.parts)) for handle in items
            ]
            notification = ua.DataChangeNotification()
            notification.MonitoredItems = changes
            published(SimpleNamespace(NotificationMessage=SimpleNamespace(NotificationData=[notification])))


def data(value: object) -> ua.DataValue:
    return ua.DataValue(ua.Variant(value))


class Line:
    """The driver's door to the server; it remembers the sessions."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self.sessions: list[Session] = []

    @contextlib.asynccontextmanager
    async def session(self, wanted: Settings) -> AsyncIterator[Any]:
        """Stand where `session` of the driver stands: limits, closing and errors are like its own."""
        found = Session(self._server)
        try:
            async with asyncio.timeout(3 * wanted.timeout_s):
                for _ in range(REQUESTS_TO_ENTER):
                    await self._server.answer(self._server.life)
            found = Session(self._server)
            self.sessions.append(found)
            yield SimpleNamespace(uaclient=SimpleNamespace(session=found))
        except (OSError, TimeoutError) as error:
            raise LinkError(type(error).__name__) from error
        finally:
            if found.publishing is not None:
                found.publishing.cancel()
            if self._server.trouble is not None:
                await asyncio.sleep(CLOSE_S)


async def until(done: Callable[[], bool]) -> None:
    while not done():  # noqa: ASYNC110  time is made up: nothing waits
        await asyncio.sleep(0.05)


async def recovery(
    troubles: list[tuple[str, float, bool]], calm_s: float, silence: str | None, late: bool
) -> float:
    """Let troubles happen (what, for how long, whether it is restarted); return how long until all is well.

    At the end its subscription dies by `silence`, if that is said.
    """
    server = Server()
    line, clock = Line(server), asyncio.get_running_loop().time
    heard: dict[str, float] = {}
    status = LinkStatus()

    async def follow() -> None:
        stream = attach(
            "mc-01", list(SETTINGS.signals), lambda: driver.readings(SETTINGS, now), now,
            status=status, silence_s=SETTINGS.silence_s, back_off=BackOff(longest_s=SETTINGS.longest_pause_s),
        )  # fmt: skip
        async for batch in stream:
            for reading in batch:
                if reading.quality == GOOD:
                    heard[reading.signal] = int(str(reading.value)) / 10

    def now() -> int:
        return round(clock() * 1000)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(driver, "session", line.session)
        task = asyncio.create_task(follow())
        await asyncio.sleep(calm_s)
        for trouble, lasting_s, restarted in troubles:
            server.trouble = trouble
            await asyncio.sleep(lasting_s)
            server.life += restarted
            server.has_late = not late
            server.trouble = None
            if (trouble, lasting_s, restarted) != troubles[-1]:
                await asyncio.sleep(calm_s)
        if silence is not None:
            line.sessions[-1].silence = silence
        well_s = clock()
        await until(lambda: heard.get("parts", -1.0) >= well_s + 0.2)
        took_s = clock() - well_s
        if late:
            server.has_late = True
            appeared_s = clock()
            await until(lambda: heard.get("late", -1.0) >= appeared_s + 0.2)
            took_s = max(took_s, clock() - appeared_s)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return took_s


def within(*args: Any) -> float:
    """Return how long it takes, by the made-up clock."""
    with asyncio.Runner(loop_factory=MadeUpTime) as runner:
        return runner.run(recovery(*args))


LASTING = st.floats(0.1, 120.0)


@settings(max_examples=60)
@given(
    troubles=st.lists(st.tuples(st.sampled_from(TROUBLES), LASTING, st.booleans()), min_size=1, max_size=3),
    calm_s=st.floats(0.1, 20.0),
    late=st.booleans(),
    chance=st.sampled_from([0.0, 0.0, 0.5, 1.0]),
)
def test_after_any_trouble_values_flow_again_in_time(
    troubles: list[tuple[str, float, bool]], calm_s: float, late: bool, chance: float
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(random, "random", lambda: chance)
        assert within(troubles, calm_s, None, late) <= WELL_WITHIN_S


@settings(max_examples=30)
@given(
    silence=st.sampled_from([MUTED, HANGING]),
    calm_s=st.floats(2.0, 20.0),
    troubles=st.lists(st.tuples(st.just(AWAY), st.floats(0.1, 3.0), st.just(True)), max_size=2),
)
def test_after_a_subscription_has_died_silently_values_flow_again_in_time(
    silence: str, calm_s: float, troubles: list[tuple[str, float, bool]]
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(random, "random", lambda: 0.0)
        assert within(troubles, calm_s, silence if not troubles else None, False) <= WELL_WITHIN_S


def test_a_pause_of_ten_seconds_would_be_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """And so a change for the worse would be seen."""
    monkeypatch.setattr(Settings, "longest_pause_s", property(lambda _: 12.0))
    monkeypatch.setattr(random, "random", lambda: 0.0)
    assert (
        max(within([(LOST, 60.0 + step / 2, True)], 5.0, None, False) for step in range(40)) > WELL_WITHIN_S
    )
