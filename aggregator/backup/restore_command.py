"""`machikoba restore`: brings back what a backup holds, and overwrites nothing unless it is told to."""

import argparse
import logging
import os
import shutil
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import Engine

from aggregator.backup.archive import Manifest, opened
from aggregator.backup.command import DATABASE, kept_folders
from aggregator.config import Config, from_arguments
from aggregator.config import add_arguments as add_config_arguments
from aggregator.errors import AggregatorError
from aggregator.store.database import open_engine, place_of, reading
from aggregator.store.migration import migrate, require_known, schema_of
from aggregator.store.snapshot import counts_of, fill

logger = logging.getLogger(__name__)

_EXPLAINED = """\
Stop machikoba serve first. The settings say where to: a backup of SQLite can go into PostgreSQL, and the
other way round. Nothing that is there is overwritten without --replace; with it, what was there in SQLite and
in the folders of keys is kept beside it, its name ending with .before-TIME.

Start machikoba serve afterwards: agents send again what they still have. What they were told to forget since
the backup was made is lost, and the log says how much of which factory.

example:
  machikoba restore machikoba-higashimachi-20261128T180000Z.tar.gz --config machikoba.toml
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `machikoba restore`."""
    parser.epilog = _EXPLAINED
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("file", type=Path, metavar="FILE", help="the backup")
    parser.add_argument("--replace", action="store_true", help="replace what is there")
    parser.add_argument("--check", action="store_true", help="only tell whether the backup is whole")
    add_config_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Restore; raises AggregatorError or StoreError in one sentence, and has changed nothing then."""
    config = from_arguments(arguments)
    with opened(arguments.file) as archive:
        manifest = archive.manifest
        require_known(manifest.schema_, str(arguments.file))
        if manifest.federation != config.federation:
            raise AggregatorError(
                f"{arguments.file}: is of the federation {manifest.federation}, the settings name "
                f"{config.federation}"
            )
        try:
            config.data.mkdir(mode=0o700, parents=True, exist_ok=True)
            with TemporaryDirectory(dir=config.data, prefix=".restore-") as place:
                archive.extract(Path(place))
                _require_whole(Path(place) / DATABASE, manifest, arguments.file)
                if not arguments.check:
                    _put_in_place(config, Path(place), replace=arguments.replace)
        except OSError as error:
            if error.strerror is None:  # of the archive itself
                raise
            raise AggregatorError(f"{error.filename or config.data}: {error.strerror}") from error
    what = "is whole" if arguments.check else "is restored"
    held = ", ".join(
        f"{manifest.counts.get(name, 0):,} {name}" for name in ("factories", "orders", "windows")
    )
    print(f"{arguments.file}: of {manifest.made_at}, machikoba {manifest.version}, {what}: {held}")
    if manifest.history != "database":
        print(f"The history of the machines is not in it: it was in {manifest.history}")
    return 0


def _require_whole(copy: Path, manifest: Manifest, path: Path) -> None:
    engine = open_engine(f"sqlite:///{copy}")
    try:
        with reading(engine) as connection:
            found = str(connection.exec_driver_sql("PRAGMA integrity_check").scalar())
            counts = counts_of(connection)
        if found != "ok" or counts != manifest.counts:
            raise AggregatorError(f"{path}: is damaged: its database does not hold what its manifest says")
    finally:
        engine.dispose()


def _put_in_place(config: Config, place: Path, *, replace: bool) -> None:
    ending = f".before-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    folders = {name: target for name, target in kept_folders(config).items() if (place / name).is_dir()}
    engine = open_engine(config.database_url)
    try:
        taken = [str(target) for target in folders.values() if target.exists()]
        taken += [f"the database {place_of(engine)}"] if _holds_tables(engine) else []
        if taken and not replace:
            raise AggregatorError(
                f"{' and '.join(taken)} would be overwritten; say --replace if that is meant"
            )
        with _staged({place / name: target for name, target in folders.items()}) as staged:
            _upgrade(place / DATABASE)
            _put_database(engine, place / DATABASE, ending)
            for folder, target in staged.items():
                if target.exists():
                    target.rename(target.with_name(target.name + ending))
                folder.rename(target)
    finally:
        engine.dispose()


@contextmanager
def _staged(folders: Mapping[Path, Path]) -> Iterator[dict[Path, Path]]:
    """Bring folders beside their places, which may be on other disks; one that cannot be used is told now."""
    staged = {target.with_name(f".{target.name}.restored"): target for target in folders.values()}
    try:
        for (source, target), beside in zip(folders.items(), staged, strict=True):
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            shutil.rmtree(beside, ignore_errors=True)
            shutil.move(source, beside)
        yield staged
    finally:
        for beside in staged:
            shutil.rmtree(beside, ignore_errors=True)


def _holds_tables(engine: Engine) -> bool:
    if engine.dialect.name == "sqlite":  # a damaged one is replaced, too, so it is not opened
        return Path(place_of(engine)).exists()
    with reading(engine) as connection:
        return schema_of(connection) is not None


def _upgrade(copy: Path) -> None:
    engine = open_engine(f"sqlite:///{copy}")
    try:
        migrate(engine)
    finally:
        engine.dispose()


def _put_database(engine: Engine, copy: Path, ending: str) -> None:
    if engine.dialect.name == "postgresql":
        fill(engine, copy)
        return
    target = Path(place_of(engine))
    if target.exists():
        _close_log(target)
    staged = _beside(copy, target)  # before anything is put away: its disk may be full
    for name in (target.name, f"{target.name}-wal", f"{target.name}-shm"):
        if target.with_name(name).exists():
            target.with_name(name).rename(target.with_name(name + ending))
    staged.rename(target)


def _beside(copy: Path, target: Path) -> Path:
    """Bring the database beside its place, which may lie on another disk than the data folder."""
    staged = target.with_name(f".{target.name}.restored")
    try:
        shutil.move(copy, staged)
        with staged.open("rb") as file:
            os.fsync(file.fileno())
    except OSError:
        if staged.is_file():
            staged.unlink()
        raise
    return staged


def _close_log(target: Path) -> None:
    """Fold SQLite's log into the file; that is possible only while nobody else has it open."""
    try:
        with closing(sqlite3.connect(target, timeout=1)) as connection:
            connection.execute("PRAGMA journal_mode=DELETE")
    except (sqlite3.Error, UnicodeDecodeError) as error:  # SQLite's message may quote what is no text
        if getattr(error, "sqlite_errorcode", None) in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
            raise AggregatorError(f"database {target}: is in use; stop machikoba serve first") from error
        logger.warning("database %s: is damaged (%s), and is kept as it is", target, error)
