"""One run of the demo: files first, then processes, then the history; at the end all in order."""

import asyncio
import json
import signal
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass

from aggregator.clock import now_ms
from aggregator.config import Config
from aggregator.demo import processes as commands
from aggregator.demo.accounts import Accounts, make_accounts
from aggregator.demo.floor import Floor, make_floor, write_agents, write_aggregator
from aggregator.demo.folder import DemoError, Folder, Memory, recall, write_private
from aggregator.demo.history import History
from aggregator.demo.orders import make_orders
from aggregator.demo.pages import answered
from aggregator.demo.ports import HOST, free_port, is_free, opened
from aggregator.demo.processes import Processes
from aggregator.demo.profiles import make_profiles
from aggregator.demo.screen import Screen, welcome

MINUTE_MS = 60_000
PAGES_WITHIN_S = 90.0
"""A slow computer may take so long; a process that keeps dying is told earlier, line by line."""
MACHINES_WITHIN_S = 60.0
HISTORY_TRIES = 3
HISTORY_PAUSE_S = 5.0


@dataclass(frozen=True, slots=True)
class Wish:
    """What the person asked for: the pages' port, and after how many seconds it ends by itself."""

    port: int
    seconds: float | None = None


def check_port(port: int) -> None:
    """Raise DemoError when the pages cannot be served there."""
    try:
        free = is_free(port)
    except OSError as error:
        raise DemoError(f"port {port}: {error.strerror}; {commands.OTHER_PORT}") from error
    if not free:
        raise DemoError(f"port {port} is taken by another program; {commands.OTHER_PORT}")


async def run_demo(folder: Folder, wish: Wish, screen: Screen) -> None:
    """Run until Ctrl-C, SIGTERM or the wished seconds; raises DemoError when it cannot start."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop.set)
    processes = Processes(
        folder, lambda name, how: screen.say(f"  {name}: {how} — 再起動します / starting it again")
    )
    demo = Demo(folder, wish, screen, processes)
    try:
        await _until(stop, wish.seconds, demo.run(), processes.watch())
    finally:
        screen.clear()
        screen.say("  終了しています… / ending…")
        await processes.stop()
    screen.say("  終了しました / ended")


async def _until(stop: asyncio.Event, seconds: float | None, *work: Coroutine[object, object, None]) -> None:
    """Run `work` until some of it fails, `stop` is set or the time is over."""
    tasks: set[asyncio.Task[object]] = {asyncio.create_task(part) for part in work}
    tasks.add(asyncio.create_task(stop.wait()))
    try:
        done, _ = await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class Demo:
    """The steps of a run, from the first file to the last day of the history."""

    def __init__(self, folder: Folder, wish: Wish, screen: Screen, processes: Processes) -> None:
        self._folder = folder
        self._wish = wish
        self._screen = screen
        self._processes = processes

    async def run(self) -> None:
        """Bring everything up, then fill the history, then wait to be ended."""
        memory = self._remember()
        self._screen.say("  準備しています… / getting ready…")
        history = History(self._folder, memory)
        floor = await self._start(memory)
        agents = asyncio.create_task(self._start_agents(memory, floor), name="agents")
        try:
            await self._show(memory, floor, history)
            await agents
            await self._fill(
                lambda: history.load_rest(lambda share: self._screen.progress("履歴 / history", share))
            )
            await asyncio.Event().wait()
        finally:
            agents.cancel()
            await asyncio.gather(agents, return_exceptions=True)

    def _remember(self) -> Memory:
        """Return what an earlier start left, with ports that are free now; else begin anew."""
        memory = recall(self._folder)
        if memory is None:
            minute_ms = now_ms() // MINUTE_MS * MINUTE_MS
            memory = Memory(measured_since_ms=minute_ms, history_since_ms=minute_ms, mqtt_port=1883)
        memory.mqtt_port = free_port(memory.mqtt_port, {self._wish.port})
        self._folder.access.unlink(missing_ok=True)
        write_private(self._folder.memory, memory.model_dump_json(indent=2) + "\n")
        for log in self._folder.logs.glob("*.log"):
            log.unlink()
        return memory

    async def _start(self, memory: Memory) -> Floor:
        """Write the files that processes need and start each as soon as it has them."""
        self._processes.start([commands.broker(memory.mqtt_port)])
        floor = await make_floor(self._folder, {self._wish.port, memory.mqtt_port})
        self._processes.start([commands.simulator(self._folder, floor)])
        write_aggregator(self._folder, floor, self._wish.port, memory.mqtt_port)
        self._processes.start([commands.aggregator(self._folder, self._wish.port)])
        return floor

    async def _show(self, memory: Memory, floor: Floor, history: History) -> None:
        """Make the accounts and the newest days, and say where to look once the pages answer."""
        ids = [factory.id for factory in floor.factories]
        config = Config(federation=floor.federation, data=self._folder.aggregator)
        # Hashing seven passwords and upgrading the database take a while, in a thread beside the rest.
        making = asyncio.to_thread(self._make_records, ids, config)
        accounts, _ = await asyncio.gather(making, self._fill(history.load_newest))
        links = await asyncio.to_thread(make_orders, self._folder, config)
        await self._wait_for_pages()
        self._open(memory, floor, accounts, links)

    def _make_records(self, factories: list[str], config: Config) -> Accounts:
        accounts = make_accounts(self._folder, factories, config)
        make_profiles(self._folder.scenario, config, now_ms())
        return accounts

    async def _start_agents(self, memory: Memory, floor: Floor) -> None:
        """Start the agents when their machines can be reached, or it takes too long."""
        await write_agents(self._folder, memory.mqtt_port, memory.measured_since_ms)
        await opened(floor.ports, MACHINES_WITHIN_S)
        self._processes.start(commands.agents(self._folder, floor))

    async def _wait_for_pages(self) -> None:
        if not await answered(self._wish.port, ("/readyz", "/login"), PAGES_WITHIN_S):
            words = self._processes.last_words(commands.AGGREGATOR)
            raise DemoError(f"the pages do not answer after {PAGES_WITHIN_S:.0f} s; {words}")

    async def _fill(self, load: Callable[[], Awaitable[None]]) -> None:
        """Load a part of the history; a failure is told and tried again, but never ends the demo."""
        for _ in range(HISTORY_TRIES):
            try:
                return await load()
            except DemoError as error:
                self._screen.say(f"  {error}")
                await asyncio.sleep(HISTORY_PAUSE_S)

    def _open(self, memory: Memory, floor: Floor, accounts: Accounts, links: Mapping[str, str]) -> None:
        url = f"http://{HOST}:{self._wish.port}"
        access = {
            "url": url,
            "mqtt": {"host": HOST, "port": memory.mqtt_port},
            **accounts.model_dump(),
            "buyers": {order: url + path for order, path in links.items()},
            "ground_truth": str(self._folder.ground_truth),
        }
        write_private(self._folder.access, json.dumps(access, indent=2, ensure_ascii=False) + "\n")
        self._screen.say(welcome(self._folder, floor, accounts, url, f"{HOST}:{memory.mqtt_port}"))
