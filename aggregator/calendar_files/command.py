"""`machikoba calendar`: dates of a file into a factory's calendar."""

import argparse
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlalchemy import Engine

from aggregator.calendar_files.imported import (
    MAX_BYTES,
    Imported,
    Kind,
    Wishes,
    machine_names,
    merged,
    news,
)
from aggregator.calendar_files.read import read_file
from aggregator.capacity.local_time import local_day
from aggregator.clock import now_ms
from aggregator.config import add_arguments as add_config_arguments
from aggregator.config import from_arguments
from aggregator.errors import AggregatorError
from aggregator.store.database import open_engine
from aggregator.store.migration import migrate
from aggregator.store.profiles import Profiles
from aggregator.store.records import Records
from aggregator.tables import FileFault

WHO = "machikoba calendar"
"""Stands in the audit log for whoever may run commands here."""

_EXAMPLES = """\
examples:
  machikoba calendar import aoki holidays.ics
  machikoba calendar import aoki maintenance.csv --machine mc-01 --kind stop --dry-run
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags and the commands below `machikoba calendar`."""
    parser.epilog = _EXAMPLES
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    commands = parser.add_subparsers(dest="calendar_command", required=True, metavar="COMMAND")
    does = "Add the dates of an iCalendar file or a CSV table to a factory's calendar; each date once."
    add = commands.add_parser("import", help="add the dates of a file to a calendar", description=does)
    add.add_argument("factory", metavar="FACTORY", help="id of the factory")
    add.add_argument("file", metavar="FILE", type=Path, help="iCalendar (.ics) or CSV")
    add.add_argument("--machine", metavar="ID", help="the machine of dates that name none")
    add.add_argument(
        "--kind",
        choices=[kind.value for kind in Kind],
        help="what dates are that do not say it (default: whole days close, times are planned stops)",
    )
    add.add_argument("--dry-run", action="store_true", help="print what would be added, and change nothing")
    add_config_arguments(add)


def run(arguments: argparse.Namespace) -> int:
    """Do what was asked and return 0; raises AggregatorError in one sentence."""
    config = from_arguments(arguments)
    engine = open_engine(config.database_url)
    try:
        migrate(engine)
        _import(engine, arguments, config.zone)
    finally:
        engine.dispose()
    return 0


def _import(engine: Engine, arguments: argparse.Namespace, zone: ZoneInfo) -> None:
    factory, now = arguments.factory, now_ms()
    wishes = _wishes(_machines(engine, factory), arguments, zone, now)
    try:
        found = read_file(_content(arguments.file), wishes)
    except FileFault as fault:
        raise AggregatorError(f"{arguments.file}: {fault}") from None
    profiles = Profiles(engine)
    before = profiles.get(factory)
    fresh = news(before.calendar, found)
    for line in _lines(fresh, zone):
        print(line)
    if not arguments.dry_run:
        after = replace(before, calendar=merged(before.calendar, found))
        profiles.save(after, before.revision, WHO, now)
    print(
        f"{len(fresh)} {'to add' if arguments.dry_run else 'added'}, {len(found) - len(fresh)} known already"
    )


def _machines(engine: Engine, factory: str) -> dict[str, str]:
    """Return the ids of the factory's machines by id and name; raises AggregatorError for no factory."""
    machines = Records(engine).machines([factory])
    if not machines and not Records(engine).factories([factory]):
        raise AggregatorError(f"factory {factory!r}: none of that id has connected yet")
    return machine_names((machine.key.machine, machine.name) for machine in machines)


def _wishes(machines: Mapping[str, str], arguments: argparse.Namespace, zone: ZoneInfo, now: int) -> Wishes:
    machine = arguments.machine
    if machine is not None and machine not in machines.values():
        raise AggregatorError(f"--machine: {machine!r} is no machine of factory {arguments.factory!r}")
    kind = Kind(arguments.kind) if arguments.kind else None
    return Wishes.on(local_day(now, zone), zone, kind, machine, machines)


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        raise AggregatorError(f"{path}: cannot be read: {error.strerror}") from None


def _lines(fresh: Imported, zone: ZoneInfo) -> Iterator[str]:
    for closure in fresh.closures:
        yield f"closure\t{closure.first}\t{closure.last}\t\t{closure.name}"
    for kind, events in (("stop", fresh.planned_stops), ("overtime", fresh.overtime)):
        for event in events:
            start, end = (_local(at_ms, zone) for at_ms in (event.start_ms, event.end_ms))
            yield f"{kind}\t{start}\t{end}\t{event.machine or ''}\t{event.name}"


def _local(at_ms: int, zone: ZoneInfo) -> str:
    return f"{datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(zone):%Y-%m-%d %H:%M}"
