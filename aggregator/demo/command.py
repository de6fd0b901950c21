"""`machikoba demo`: everything that a user would start by hand, as processes, until Ctrl-C."""

import argparse
import asyncio
import sys
from pathlib import Path

from aggregator.demo.folder import Folder, open_folder
from aggregator.demo.run import Wish, check_port, run_demo
from aggregator.demo.screen import Screen

_EPILOG = """\
Starts an MQTT broker, six simulated factories with twenty machines, an agent a factory and the aggregator
with its pages, and keeps them alive. The same folder goes on where it was; a new one begins anew.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `machikoba demo`."""
    parser.epilog = _EPILOG
    parser.add_argument(
        "--data",
        type=Path,
        default=Path(".machikoba-demo"),
        metavar="DIR",
        help="folder for everything it writes (default: .machikoba-demo)",
    )
    parser.add_argument(
        "--port", type=_port, default=8000, metavar="N", help="port of the pages (default: 8000)"
    )
    parser.add_argument("--seconds", type=_seconds, metavar="N", help="end by itself after so many seconds")


def run(arguments: argparse.Namespace) -> int:
    """Run the demo to its end; raises AggregatorError in one sentence when it cannot start."""
    if not Folder(arguments.data).lock.exists():  # before there is a folder that a start in vain would leave
        check_port(arguments.port)
    with open_folder(arguments.data) as folder:  # that a demo runs here already is the better sentence
        check_port(arguments.port)
        asyncio.run(run_demo(folder, Wish(arguments.port, arguments.seconds), Screen(sys.stdout)))
    return 0


def _port(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 65_535:
        raise argparse.ArgumentTypeError(f"expected 1 to 65535, got {text!r}")
    return int(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < 1e9:
        raise argparse.ArgumentTypeError(f"expected a number above 0, got {text!r}")
    return seconds
