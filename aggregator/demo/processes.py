"""The demo's processes: what each is started with, and the order in which they end."""

import asyncio
from collections.abc import Callable, Sequence

from aggregator.demo.floor import Floor
from aggregator.demo.folder import Folder
from aggregator.demo.supervisor import Command, Keeper, python

BROKER, SIMULATOR, AGGREGATOR = "broker", "simulator", "aggregator"
OTHER_PORT = "choose another with --port"

WATCH_S = 0.2


def broker(mqtt_port: int) -> Command:
    """Return the command of the MQTT broker."""
    serve = python("-m", "aggregator.demo.broker", "--port", str(mqtt_port))
    return Command(BROKER, serve, end_s=3.0, ports=(mqtt_port,))


def simulator(folder: Folder, floor: Floor) -> Command:
    """Return the command of the simulated machines; their ground truth goes on over restarts."""
    simulate = python(
        *("-m", "agent", "simulate", "--scenario", str(folder.scenario)),
        *("--ground-truth", str(folder.ground_truth), "--control", str(folder.control)),
    )
    return Command(SIMULATOR, simulate, end_s=5.0, ports=floor.ports)


def aggregator(folder: Folder, web_port: int) -> Command:
    """Return the command of the aggregator."""
    serve = python("-m", "aggregator", "serve", "--config", str(folder.aggregator_config))
    return Command(AGGREGATOR, serve, ports=(web_port,), cure=OTHER_PORT)


def agents(folder: Folder, floor: Floor) -> list[Command]:
    """Return the command of each factory's agent."""
    return [
        Command(
            f"agent-{factory.id}",
            python("-m", "agent", "run", "--config", str(folder.agents / f"{factory.id}.toml")),
        )
        for factory in floor.factories
    ]


class Processes:
    """What has been started; ends agents first, so that they deliver what they have."""

    def __init__(self, folder: Folder, died: Callable[[str, str], None]) -> None:
        self._folder = folder
        self._died = died
        self._keepers: dict[str, Keeper] = {}
        self._tasks: list[asyncio.Task[None]] = []

    def start(self, commands: Sequence[Command]) -> None:
        """Start each command and keep it alive."""
        for command in commands:
            keeper = Keeper(command, self._folder.logs, self._died)
            self._keepers[command.name] = keeper
            self._tasks.append(asyncio.create_task(keeper.run(), name=f"keeper[{command.name}]"))

    def last_words(self, name: str) -> str:
        """Return where a process's log is, and its last line."""
        keeper = self._keepers[name]
        return f"{keeper.log}: {keeper.last_words() or 'nothing was written'}"

    async def watch(self) -> None:
        """Wait for ever; raises DemoError as soon as a process can never be started again."""
        while True:
            for task in self._tasks:
                if task.done():
                    task.result()
            await asyncio.sleep(WATCH_S)

    async def stop(self) -> None:
        """End everything in order; returns when no process is left."""
        later = (AGGREGATOR, SIMULATOR, BROKER)
        agents = [keeper for name, keeper in self._keepers.items() if name not in later]
        await asyncio.gather(*(keeper.stop() for keeper in agents))
        for name in later:
            if name in self._keepers:
                await self._keepers[name].stop()
        await asyncio.gather(*self._tasks, return_exceptions=True)  # `watch` has told of them
