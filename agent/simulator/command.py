"""The command `machikoba-agent simulate`: arguments in; servers, agents, history or a demo out."""

import argparse
import asyncio
import os
import signal
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from agent.errors import ConfigError
from agent.simulator.agents import write_agents
from agent.simulator.demo import demo_text
from agent.simulator.history import history
from agent.simulator.plant import Scenario
from agent.simulator.runner import Floor
from agent.simulator.scenario import load_scenario
from agent.simulator.servers import HOST, ports
from agent.simulator.truth import GroundTruth


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--scenario", type=Path, metavar="FILE", help="the scenario to simulate (TOML)")
    source.add_argument(
        "--demo-scenario",
        type=Path,
        metavar="FILE",
        help="write a scenario of six factories that are open now, with free ports, and exit",
    )
    live = parser.add_argument_group("live (the default): serve the machines over OPC UA and Modbus TCP")
    live.add_argument("--ground-truth", type=Path, metavar="FILE", help="append every event as a JSON line")
    live.add_argument("--control", type=Path, metavar="FILE", help="obey JSON lines that are appended to it")
    live.add_argument("--seconds", type=float, metavar="N", help="end after so many seconds")
    agents = parser.add_argument_group("agent configurations")
    agents.add_argument("--write-agents", type=Path, metavar="DIR", help="write DIR/<factory>.toml and exit")
    agents.add_argument("--mqtt", metavar="HOST:PORT", help="the broker for --write-agents")
    agents.add_argument(
        "--bundles",
        type=Path,
        metavar="DIR",
        help="DIR/<factory> holds what `machikoba enroll` made for each",
    )
    agents.add_argument("--measured-since", metavar="TIME", help="where the agents' first windows begin")
    past = parser.add_argument_group("history")
    past.add_argument("--history-days", type=int, metavar="N", help="print windows of N days and exit")
    past.add_argument("--until", metavar="TIME", help="end of the history (RFC 3339; default: now)")
    demo = parser.add_argument_group("demo scenario")
    demo.add_argument("--stop-after", type=float, metavar="N", help="all machines stop after N seconds")


def run(args: argparse.Namespace) -> int:
    """Do what the arguments ask for and return the exit code; raises ConfigError with one sentence."""
    _check_combination(args)
    if args.demo_scenario is not None:
        return _write_demo(args.demo_scenario, args.stop_after)
    scenario = load_scenario(args.scenario)
    if args.write_agents is not None:
        return _write_agents(scenario, args)
    if args.history_days is not None:
        until_ms = wall_ms() if args.until is None else _moment_ms("--until", args.until)
        return _print_history(scenario, args.history_days, until_ms)
    try:
        return asyncio.run(_serve(scenario, args.ground_truth, args.seconds, args.control))
    except ConfigError as error:
        raise ConfigError(f"{args.scenario}: {error}") from error


def _check_combination(args: argparse.Namespace) -> None:
    """Raise ConfigError where one argument needs or excludes another."""
    needs = (
        ("--mqtt", args.mqtt, "--write-agents", args.write_agents),
        ("--write-agents", args.write_agents, "--mqtt", args.mqtt),
        ("--bundles", args.bundles, "--write-agents", args.write_agents),
        ("--measured-since", args.measured_since, "--write-agents", args.write_agents),
        ("--until", args.until, "--history-days", args.history_days),
        ("--stop-after", args.stop_after, "--demo-scenario", args.demo_scenario),
    )
    for name, given, needed, there in needs:
        if given is not None and there is None:
            raise ConfigError(f"{name}: goes with {needed} only; give both")
    if args.history_days is not None and args.history_days < 0:
        raise ConfigError(f"--history-days: expected 0 or more, got {args.history_days}")


def _write_demo(path: Path, stop_after_s: float | None) -> int:
    text = demo_text(datetime.now(UTC), stop_after_s)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"--demo-scenario {path}: cannot be written ({error.strerror})") from error
    print(f"wrote {path}")
    return 0


def _write_agents(scenario: Scenario, args: argparse.Namespace) -> int:
    folder, since = args.write_agents, args.measured_since
    since_ms = None if since is None else _moment_ms("--measured-since", since)
    try:
        mqtt = _mqtt(args.mqtt)
        paths = write_agents(scenario, folder, mqtt, measured_since_ms=since_ms, bundles=args.bundles)
    except OSError as error:
        raise ConfigError(f"--write-agents {folder}: cannot be written ({error.strerror})") from error
    for path in paths:
        print(f"wrote {path}")
    return 0


def _mqtt(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not colon or not host or not port.isdecimal() or not 1 <= int(port) <= 65_535:
        raise ConfigError(f"--mqtt: expected HOST:PORT such as 127.0.0.1:1883, got {text!r}")
    return host.strip("[]"), int(port)


def _moment_ms(option: str, text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise ConfigError(
            f"{option}: expected a time such as 2026-11-22T19:00:00+09:00, got {text!r}"
        ) from error
    if moment.tzinfo is None:
        raise ConfigError(f"{option}: needs an offset, as in {text}+09:00")
    return round(moment.timestamp() * 1000)


def _print_history(scenario: Scenario, days: int, until_ms: int) -> int:
    try:
        for chunk in history(scenario, days, until_ms):
            sys.stdout.write(chunk)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader has had enough. What is still buffered must not raise again when Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return 0


def wall_ms() -> int:
    """Return the wall clock in ms since the epoch."""
    return time.time_ns() // 1_000_000


async def _serve(
    scenario: Scenario, ground_truth: Path | None, seconds: float | None, control: Path | None
) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, stop.set)
    if seconds is not None:
        loop.call_later(seconds, stop.set)
    with GroundTruth(ground_truth) as truth:
        await Floor(scenario, truth, wall_ms, control).run(stop, lambda: _say_ready(scenario))
    return 0


def _say_ready(scenario: Scenario) -> None:
    for factory in scenario.factories:
        for protocol, port in ports(factory).items():
            print(f"{factory.id}: {protocol} on {HOST}:{port}")
    print(f"{len(scenario.machines)} machines are running; Ctrl-C ends the simulation", flush=True)
