"""`machikoba db copy`: moves the history of windows and state changes from one home to another."""

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.contract.masking import masked
from agent.contract.records import HOUR_MS
from aggregator.clock import now_ms
from aggregator.config import Config, load_config
from aggregator.errors import AggregatorError
from aggregator.homes import open_home
from aggregator.store.copy_bar import Bar
from aggregator.store.copying import Chunk, Copying
from aggregator.store.database import is_missing, open_engine, place_of
from aggregator.store.migration import migrate
from aggregator.store.timeseries import TimeSeries

DATABASE, INFLUX = "database", "influx"
PASSES = 3
"""What comes in while it copies is copied by another pass, but not for ever."""
DAY_MS = 24 * HOUR_MS

_EXPLAINED = """\
WHERE is one of
  database   the database of the settings
  influx     the InfluxDB of the settings ([influx])
  FILE.toml  the home that these other settings name
Only what is not there yet, or is another there, is copied: stopped or killed, it goes on where it was when
it is called again. At the end both are compared, window by window. Orders, people, calendars stay where they
are.

examples:
  machikoba db copy --config machikoba.toml --from database --to influx
  machikoba db copy --config machikoba.toml --from influx --to new-influx.toml
"""


@dataclass(frozen=True, slots=True)
class Home:
    """An open home: what people call it, and how many days it keeps minutes (None: for good)."""

    name: str
    series: TimeSeries
    keep_days: int | None


def add_arguments(commands: Any) -> argparse.ArgumentParser:
    """Add `copy` to the commands below `machikoba db`."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "copy",
        help="copy the history of all machines to another home",
        description="Copy the history of all machines to another home, and compare both at the end.",
        epilog=_EXPLAINED,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--from", dest="source", required=True, metavar="WHERE", help="home to read")
    parser.add_argument("--to", dest="target", required=True, metavar="WHERE", help="home to write")
    return parser


def copy(config: Config, arguments: argparse.Namespace) -> None:
    """Copy and compare; raises AggregatorError or StoreError in one sentence."""
    with ExitStack() as opened:
        source = opened.enter_context(_opened("--from", arguments.source, config, new=False))
        target = opened.enter_context(_opened("--to", arguments.target, config, new=True))
        if source.name == target.name:
            raise AggregatorError(f"--from and --to are the same home: {source.name}")
        keeps = [DAY_MS * days for days in (source.keep_days, target.keep_days) if days is not None]
        since_ms = now_ms() - min(keeps) + DAY_MS if keeps else 0
        copying = Copying(source.series, target.series, since_ms)
        if not copying.keys:
            raise AggregatorError(f"--from: {source.name} holds no history")
        _copy(copying, source.name, target.name)


def _copy(copying: Copying, source: str, target: str) -> None:
    print(f"{source} -> {target}: {len(copying.keys)} machines", file=sys.stderr)
    for _ in range(PASSES):
        _with_bar(copying.chunks(), copying.copy, "minutes of windows")
        copying.copy_changes()
        copying.forget()
        _with_bar(copying.kept(), copying.hold_against, "minutes compared")
        differs = list(copying.compare())
        if copying.refused or not differs:
            break
    if copying.refused:
        first = copying.refused[0]
        raise AggregatorError(
            f"{target} refuses {len(copying.refused)} records, all others are copied; the first, of "
            f"{first.record.key.factory}/{first.record.key.machine}: {first.reason}"
        )
    if differs:
        one = differs[0]
        raise AggregatorError(
            f"{target} differs from {source} in {len(differs)} sums; the first: {one.key.factory}/"
            f"{one.key.machine} has {one.source:,} {one.what} and {one.target:,} there; stop what writes "
            "into either and copy again"
        )
    counts = copying.counted()
    print(
        f"{target} has {counts.windows:,} windows and {counts.changes:,} state changes of these machines; "
        "every window, hours, changes, times in every state, cycles and pieces are the same on both sides"
    )


def _with_bar(chunks: Sequence[Chunk], work: Callable[[Chunk], None], unit: str) -> None:
    bar = Bar(sum(chunk.minutes for chunk in chunks), unit)
    for chunk in chunks:
        work(chunk)
        bar.add(chunk.minutes)
    bar.end()


@contextmanager
def _opened(flag: str, where: str, config: Config, *, new: bool) -> Iterator[Home]:
    if where == INFLUX and config.influx is None:
        raise AggregatorError(
            f"{flag} influx: the settings name none; give [influx] with url, org, token_file"
        )
    if where not in {DATABASE, INFLUX}:
        if not where.endswith(".toml"):
            got = masked(repr(where))
            raise AggregatorError(f"{flag}: expected database, influx or a file of settings, got {got}")
        config = load_config(Path(where))
    elif where == DATABASE:
        config = config.model_copy(update={"influx": None})
    if not new and config.influx is None and is_missing(config.database_url):
        raise AggregatorError(f"{flag}: there is no database at {masked(config.database_url)}")
    engine = open_engine(config.database_url)
    try:
        if config.influx is None:
            migrate(engine)
            yield Home(f"database {place_of(engine)}", open_home(config, engine), None)
        else:
            name = f"influx {config.influx.url.rstrip('/')} bucket {config.influx.bucket}"
            yield Home(name, open_home(config, engine), config.influx.keep_days)
    finally:
        engine.dispose()
