"""The command `machikoba`: arguments in; a subcommand's work and its exit code out."""

import argparse
import importlib
import importlib.metadata
import os
import sys
from collections.abc import Sequence
from typing import Any, NamedTuple

from aggregator.errors import AggregatorError
from aggregator.store.timeseries import StoreError

INTERRUPTED = 130  # what shells report for a command ended by Ctrl-C


class Subcommand(NamedTuple):
    """The module with the subcommand's `add_arguments(parser)` and `run(arguments) -> int`."""

    module: str
    help: str


COMMANDS: dict[str, Subcommand] = {
    "serve": Subcommand("aggregator.app", "receive, store and show what the federation's machines do"),
    "db": Subcommand("aggregator.store.command", "upgrade the database, load a history into it, or copy one"),
    "user": Subcommand("aggregator.access.command", "say who may sign in, and give programs tokens"),
    "enroll": Subcommand(
        "aggregator.enrolment.command", "make keys and certificates for factories, broker and aggregator"
    ),
    "capacity": Subcommand(
        "aggregator.capacity_command", "print who has spare machine hours, by process and week"
    ),
    "calendar": Subcommand("aggregator.calendar_files.command", "import dates into a factory's calendar"),
    "orders": Subcommand("aggregator.order_files.command", "import a table of orders"),
    "backup": Subcommand("aggregator.backup.command", "write a backup into one file, also while it serves"),
    "restore": Subcommand("aggregator.backup.restore_command", "bring back what a backup holds"),
    "grafana": Subcommand("aggregator.grafana.command", "bring dashboards and alert rules into a Grafana"),
    "demo": Subcommand("aggregator.demo.command", "run six simulated factories and everything around them"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the subcommand; a failure is one sentence on stderr and exit code 1, wrong usage exits with 2."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    parsed = make_parser(given).parse_args(given)
    try:
        command: Any = importlib.import_module(COMMANDS[parsed.command].module)
        return int(command.run(parsed))
    except (AggregatorError, StoreError) as error:
        print(f"machikoba: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # whoever read our output has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def make_parser(arguments: Sequence[str]) -> argparse.ArgumentParser:
    """Return the parser; of the subcommands only the one named in `arguments` is imported."""
    parser = argparse.ArgumentParser(
        prog="machikoba", description="The centre of a federation of small factories."
    )
    version = importlib.metadata.version("machikoba")
    parser.add_argument("--version", action="version", version=f"machikoba {version}")
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, command in COMMANDS.items():
        description = f"{command.help[0].upper()}{command.help[1:]}."
        subparser = subparsers.add_parser(name, help=command.help, description=description)
        if name in arguments:
            importlib.import_module(command.module).add_arguments(subparser)
    return parser


if __name__ == "__main__":
    sys.exit(main())
