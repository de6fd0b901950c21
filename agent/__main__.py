"""The command `machikoba-agent`: arguments in; a subcommand's work and its exit code out."""

import argparse
import importlib
import importlib.metadata
import sys
from collections.abc import Sequence
from typing import Any, NamedTuple

from agent.errors import AgentError
from agent.logs import LOG_LEVELS, log_to_stderr

INTERRUPTED = 130  # what shells report for a command ended by Ctrl-C


class Subcommand(NamedTuple):
    """The module with the subcommand's `add_arguments(parser)` and `run(args) -> int`, and how to use it."""

    module: str
    help: str
    example: str


COMMANDS: dict[str, Subcommand] = {
    "run": Subcommand(
        "agent.app",
        "follow the machines of a factory and deliver what they do",
        "machikoba-agent run --config agent.toml",
    ),
    "check": Subcommand(
        "agent.check",
        "check a configuration, what each machine answers now, and what leaves the factory",
        "machikoba-agent check --config agent.toml",
    ),
    "discover": Subcommand(
        "agent.discover",
        "list what a machine offers to be read",
        "machikoba-agent discover opcua opc.tcp://192.168.0.10:4840",
    ),
    "simulate": Subcommand(
        "agent.simulator.command",
        "serve simulated machines over OPC UA and Modbus TCP",
        "machikoba-agent simulate --scenario scenario.toml",
    ),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the subcommand; a failure is one sentence on stderr and exit code 1, wrong usage exits with 2."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    args = make_parser(arguments).parse_args(arguments)
    log_to_stderr(args.log_level)
    try:
        subcommand: Any = importlib.import_module(COMMANDS[args.command].module)
        return int(subcommand.run(args))
    except AgentError as error:
        print(f"machikoba-agent: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED


def make_parser(arguments: Sequence[str]) -> argparse.ArgumentParser:
    """Return the parser; of the subcommands only those named in `arguments` are imported."""
    parser = argparse.ArgumentParser(
        prog="machikoba-agent",
        description="Reads the machines of one factory and publishes what they do over MQTT (Sparkplug B).",
        epilog=f"example: {COMMANDS['run'].example}",
    )
    version = importlib.metadata.version("machikoba")
    parser.add_argument("--version", action="version", version=f"machikoba-agent {version}")
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, command in COMMANDS.items():
        subparser = subparsers.add_parser(
            name,
            help=command.help,
            description=f"{command.help[:1].upper()}{command.help[1:]}.",
            epilog=f"example: {command.example}",
        )
        subparser.add_argument(
            "--log-level", choices=LOG_LEVELS, default="info", help="how much is logged to stderr (info)"
        )
        if name in arguments:
            importlib.import_module(command.module).add_arguments(subparser)
    return parser


if __name__ == "__main__":
    sys.exit(main())
