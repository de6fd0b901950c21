"""`machikoba-agent check`: a configuration in; what leaves, what broker and machines answer, out as text."""

import argparse
import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

from agent.broker import ANSWER_S, probe
from agent.clock import SystemClock
from agent.commissioning import check
from agent.config import Config, Machine, Mqtt, load_config
from agent.contract.tls import about_the_end, refusal
from agent.errors import AgentError, LinkError
from agent.leaving import leaving
from agent.measuring.machine import MachineTracker
from agent.measuring.reading import GOOD, Batch
from agent.outbox_file import is_in_use


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("--config", type=Path, required=True, metavar="FILE", help="the factory's agent.toml")
    parser.add_argument(
        "--settings-only",
        action="store_true",
        help="check the file and say what leaves the factory, connect to nothing",
    )


def run(args: argparse.Namespace) -> int:
    """Check what the arguments say; raises AgentError when anything is not as it should be."""
    config = load_config(args.config)
    print(f"{args.config}: the file is right: {config.name}, machines {', '.join(_ids(config))}")
    if not args.settings_only:
        asyncio.run(_check_all(config))
        return 0
    for machine in config.machines:
        print("\n".join(leaving(machine)))
    return 0


def _ids(config: Config) -> list[str]:
    return [machine.id for machine in config.machines]


async def _check_all(config: Config) -> None:
    now = SystemClock()
    checks = [_check_broker(config), *(_check_machine(machine, now) for machine in config.machines)]
    troubled = 0
    # All are asked at once, and told in the order of the file.
    for text, is_well in await asyncio.gather(*checks):
        print(text)
        troubled += not is_well
    if troubled:
        raise AgentError(f"{troubled} of {len(checks)} checks found something to look at: see above")


async def _check_broker(config: Config) -> tuple[str, bool]:
    mqtt = config.mqtt
    answers = f"broker: {mqtt.host}:{mqtt.port} answers"
    if mqtt.tls is None or mqtt.tls.certificate_file is None:
        trouble = await _trouble(probe(config))
        return (answers, True) if trouble is None else (f"broker: {trouble}", False)
    if is_running := await asyncio.to_thread(is_in_use, config.data):
        # By its certificate a client has its name at the broker: ours would throw the agent out.
        trouble = await asyncio.to_thread(_without_signing_in, mqtt)
    else:
        trouble = await _trouble(probe(config))
    if trouble is not None:
        return f"broker: {trouble}", False
    running = "; signed in is the agent itself, which runs: its log says how it fares" if is_running else ""
    soon = about_the_end(mqtt.tls.certificate_file, SystemClock()())
    return f"{answers}, encrypted{running}{f'; {soon}' if soon else ''}", soon is None


async def _trouble(asked: Awaitable[None]) -> str | None:
    try:
        await asked
    except LinkError as error:
        return str(error)
    return None


def _without_signing_in(mqtt: Mqtt) -> str | None:
    """Return what keeps us from the broker, as far as its name, its port and the certificates tell."""
    place = f"the MQTT broker {mqtt.host}:{mqtt.port}"
    try:
        socket.create_connection((mqtt.host, mqtt.port), timeout=ANSWER_S).close()
    except (OSError, UnicodeError) as error:
        return f"{place} cannot be reached: {error}; check mqtt.host and mqtt.port, and that the broker runs"
    assert mqtt.tls is not None
    said = refusal(mqtt.host, mqtt.port, mqtt.tls)
    return None if said is None else f"{place} {said}"


async def _check_machine(machine: Machine, now: Callable[[], int]) -> tuple[str, bool]:
    try:
        readings = await check(machine.driver, machine.settings, now)
    except AgentError as error:
        return "\n".join([f"{machine.id}: {error}", *leaving(machine)]), False
    lines = [*_lines(machine, readings), *leaving(machine, readings)]
    return "\n".join(lines), all(reading.quality == GOOD for reading in readings)


def _lines(machine: Machine, readings: Batch) -> Iterator[str]:
    if readings:
        tracker, _ = MachineTracker.begin(machine.id, machine.rules, readings[0].at_ms)
        tracker.take(readings)
        yield f"{machine.id}: {machine.name}, {machine.driver}: state {tracker.live.state}"
    width = max((len(reading.signal) for reading in readings), default=0)
    for reading in readings:
        value = reading.value if reading.quality == GOOD else f"unknown: {reading.quality}"
        yield f"  {reading.signal:<{width}}  {value}"
    for signal in machine.settings.signals.keys() - {reading.signal for reading in readings}:
        yield f"  {signal:<{width}}  no value came"
