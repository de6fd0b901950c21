"""`machikoba db`: upgrades the database, loads a history of windows and state changes, or copies it."""

import argparse
import json
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import IO, Any

from agent.contract.records import HOUR_MS
from agent.contract.states import State
from aggregator.config import Config, from_arguments
from aggregator.config import add_arguments as add_config_arguments
from aggregator.errors import AggregatorError
from aggregator.homes import open_home
from aggregator.model.machine import MachineKey
from aggregator.model.window import StateChange, Window
from aggregator.store import copy_command
from aggregator.store.audit import verify
from aggregator.store.database import open_engine, place_of, reading
from aggregator.store.migration import migrate
from aggregator.store.records import Records
from aggregator.store.refused_messages import RefusedMessages
from aggregator.store.timeseries import RefusedWrite, TimeSeries

CHUNK_ROWS = 3_000
"""Rows a transaction: a running aggregator writes in between."""
PROGRESS_S = 0.5
MOST_FAULTS = 20
_TOO_LARGE = 1 << 53  # no count and no time gets there; columns hold less than 2**63

_LINES = """\
A line is a JSON list:
  ["window", factory, machine, start_ms, length_ms, [ms in each of the six states], cycles, good, scrap, job]
  ["state", factory, machine, at_ms, state, job]
Times are UTC milliseconds since the epoch. Loading the same lines again changes nothing.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags and the commands below `machikoba db`."""
    commands = parser.add_subparsers(dest="db_command", required=True, metavar="COMMAND")
    upgrade = commands.add_parser(
        "upgrade",
        help="bring the tables to this version (`serve` does it, too)",
        description="Bring the tables to this version; `serve` does it, too.",
    )
    load = commands.add_parser(
        "load",
        help="load windows and state changes from JSON lines",
        description="Load windows and state changes from JSON lines.",
        epilog=_LINES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    load.add_argument("file", nargs="?", default="-", metavar="FILE", help="the lines; - for standard input")
    verify = commands.add_parser(
        "verify",
        help="check the audit log's chain: finds an entry that was changed or is missing",
        description="Check the audit log's chain: finds an entry that was changed or is missing.",
    )
    refused = commands.add_parser(
        "refused",
        help="list the newest messages and records that were refused, with the reason",
        description="List the newest messages and records that were refused, with the reason.",
    )
    for command in (upgrade, load, verify, refused, copy_command.add_arguments(commands)):
        add_config_arguments(command)


def run(arguments: argparse.Namespace) -> int:
    """Do what `machikoba db` is asked for; raises AggregatorError or StoreError in one sentence."""
    config = from_arguments(arguments)
    if arguments.db_command == "upgrade":
        _upgrade(config)
    elif arguments.db_command == "verify":
        _verify(config)
    elif arguments.db_command == "refused":
        _refused(config)
    elif arguments.db_command == "copy":
        copy_command.copy(config, arguments)
    else:
        _load(config, arguments.file)
    return 0


def _upgrade(config: Config) -> None:
    engine = open_engine(config.database_url)
    try:
        migrate(engine)
        print(f"{place_of(engine)}: up to date")
    finally:
        engine.dispose()


def _verify(config: Config) -> None:
    engine = open_engine(config.database_url)
    try:
        migrate(engine)
        with reading(engine) as connection:
            count, faults = verify(connection)
        place = place_of(engine)
    finally:
        engine.dispose()
    if faults:
        raise AggregatorError(f"{place}: the audit log was tampered with: {'; '.join(faults[:MOST_FAULTS])}")
    print(f"{place}: the audit log is whole: {count} entries")


def _refused(config: Config) -> None:
    engine = open_engine(config.database_url)
    try:
        migrate(engine)
        records = Records(engine)
        for message in RefusedMessages(engine).newest():
            at = f"{datetime.fromtimestamp(message.received_ms / 1000, UTC):%Y-%m-%dT%H:%M:%SZ}"
            print(f"{at}\t{message.topic}\t{message.size} bytes\t{message.reason}")
        for factory in records.factories():
            for row in records.refused(factory.id):
                at = f"{datetime.fromtimestamp(row.received_ms / 1000, UTC):%Y-%m-%dT%H:%M:%SZ}"
                print(f"{at}\tfactory {row.factory}, record {row.sequence}\t{row.reason}")
    finally:
        engine.dispose()


def _load(config: Config, file: str) -> None:
    with _opened(file) as lines:
        engine = open_engine(config.database_url)
        try:
            migrate(engine)
            _write(open_home(config, engine), _records(lines, file))
        finally:
            engine.dispose()


@contextmanager
def _opened(file: str) -> Iterator[IO[str]]:
    if file == "-":
        yield sys.stdin
        return
    try:
        lines = open(file, encoding="utf-8")  # noqa: SIM115, PTH123 (closed below; opening may fail)
    except OSError as error:
        raise AggregatorError(f"{file}: cannot be read: {error.strerror}") from error
    with lines:
        yield lines


def _write(store: TimeSeries, records: Iterator[Window | StateChange]) -> None:
    rows, told_s = 0, time.monotonic()
    refused: list[RefusedWrite] = []
    for chunk in _chunks(records):
        windows = [record for record in chunk if isinstance(record, Window)]
        refused += store.write(windows, [record for record in chunk if isinstance(record, StateChange)])
        rows += len(chunk)
        if sys.stderr.isatty() and time.monotonic() - told_s > PROGRESS_S:
            told_s = time.monotonic()
            at_ms = min((window.start_ms for window in windows), default=0)
            print(f"\r{rows:,} rows, at {_day(at_ms)} ", end="", file=sys.stderr, flush=True)
    print(f"{chr(13) if sys.stderr.isatty() else ''}{rows:,} rows are loaded   ", file=sys.stderr)
    if refused:
        raise AggregatorError(f"{len(refused)} of these rows were refused; the first: {refused[0].reason}")


def _chunks(records: Iterable[Window | StateChange]) -> Iterator[list[Window | StateChange]]:
    """Yield the records some at a time; before a wrong line ends it, those that came before that line."""
    chunk: list[Window | StateChange] = []
    try:
        for record in records:
            chunk.append(record)
            if len(chunk) == CHUNK_ROWS:
                yield chunk
                chunk = []
    except AggregatorError:
        if chunk:
            yield chunk
        raise
    if chunk:
        yield chunk


def _day(at_ms: int) -> str:
    return f"{datetime.fromtimestamp(at_ms / 1000, UTC):%Y-%m-%d}"


def _records(lines: Iterable[str], file: str) -> Iterator[Window | StateChange]:
    number = 0
    try:
        for number, line in enumerate(lines, 1):  # noqa: B007 (named in the messages below)
            yield _record(json.loads(line))
    except UnicodeDecodeError as error:  # of the lines read ahead
        raise AggregatorError(
            f"{file} after line {number}: is not UTF-8 text; the lines up to it are loaded"
        ) from error
    except ValueError as error:
        raise AggregatorError(f"{file} line {number}: {error}; the lines before it are loaded") from error


def _record(cells: Any) -> Window | StateChange:
    match cells:
        case ["window", str(factory), str(machine), int(start), int(length), [*spent], int(cycles), *rest]:
            return _window(MachineKey(factory, machine), (start, length), spent, (cycles, *rest))
        case ["state", str(factory), str(machine), int(at), str(state), str() | None as job]:
            if not 0 <= at < _TOO_LARGE:
                raise ValueError(f"the time of a state is UTC milliseconds, got {at}")
            return StateChange(MachineKey(factory, machine), at, State(state), job or "")
    raise ValueError(f"expected a window or a state, got {json.dumps(cells)[:80]}")


def _window(key: MachineKey, time_ms: tuple[int, int], spent: list[Any], counts: tuple[Any, ...]) -> Window:
    match spent, counts:
        case (
            [int(), int(), int(), int(), int(), int()],
            [int(cycles), int() | None as good, int() | None as scrap, str() | None as job],
        ):
            start_ms, length_ms = time_ms
            if not all(0 <= count < _TOO_LARGE for count in (start_ms, *counts[:3]) if count is not None):
                raise ValueError(f"start, cycles, good and scrap are 0 or more, got {start_ms, *counts[:3]}")
            if sum(spent) != length_ms or not 0 < length_ms <= HOUR_MS or min(spent) < 0:
                raise ValueError(f"the six states add up to {sum(spent)} ms, the window has {length_ms}")
            running, setup, idle, down, planned_stop, offline = spent
            state_ms = (running, setup, idle, down, planned_stop, offline)
            return Window(key, start_ms, length_ms, state_ms, cycles, good, scrap, None, job or "")
    raise ValueError("a window needs six times in ms, then cycles, good, scrap and job (or null)")
