"""`machikoba backup`: database, keys and certificates of one moment into one file, also while it serves."""

import argparse
import contextlib
import fcntl
import importlib.metadata
import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from aggregator.backup.archive import write_archive
from aggregator.config import Config, from_arguments
from aggregator.config import add_arguments as add_config_arguments
from aggregator.errors import AggregatorError
from aggregator.store.database import is_missing, open_engine, reading
from aggregator.store.migration import schema_of
from aggregator.store.snapshot import counts_of, save

DATABASE = "machikoba.db"
LOCK = ".machikoba.lock"
UNFINISHED = ".machikoba-"

_EXPLAINED = """\
The file holds the database of one moment (from PostgreSQL, too, as a SQLite file), the federation's authority
(the setting ca), certificates of the data folder, and a manifest with versions, counts and checksums.
Whoever has it can sign in and enrol anybody: keep it as safe as the computer itself, and on another one.

examples:
  machikoba backup --config machikoba.toml --out /var/backups/machikoba --keep 14
  machikoba restore machikoba-higashimachi-20261128T180000Z.tar.gz --config machikoba.toml
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `machikoba backup`."""
    parser.epilog = _EXPLAINED
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="folder that the file is written into"
    )
    parser.add_argument("--keep", type=int, metavar="N", help="keep the newest N there, delete older ones")
    add_config_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Write the backup; raises AggregatorError or StoreError in one sentence."""
    config = from_arguments(arguments)
    if arguments.keep is not None and arguments.keep < 1:
        raise AggregatorError(f"--keep: expected 1 or more, got {arguments.keep}")
    back_up(config, arguments.out, datetime.now(UTC))
    older = sorted(arguments.out.glob(f"machikoba-{config.federation}-????????T??????Z.tar.gz"))
    for old in older[: -arguments.keep] if arguments.keep else []:
        old.unlink()
    if config.influx is not None:
        print(
            f"The history of the machines is not in it, but in {config.influx.url}: back that up after this "
            "one (influx backup, or machikoba db copy --from influx --to FILE.toml)"
        )
    return 0


def kept_folders(config: Config) -> dict[str, Path]:
    """Return folders of keys and certificates, and where they lie.

    Without `ca`, the authority, every factory would have to be enrolled anew.
    """
    return {"ca": config.ca, "mqtt": config.data / "mqtt", "broker": config.data / "broker"}


def back_up(config: Config, folder: Path, now: datetime) -> Path:
    """Write a backup into `folder` and return its path."""
    if is_missing(config.database_url):
        raise AggregatorError("there is no database yet, so nothing to back up: check the settings")
    path = folder / f"machikoba-{config.federation}-{now:%Y%m%dT%H%M%SZ}.tar.gz"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _alone_in(folder), TemporaryDirectory(dir=folder, prefix=UNFINISHED) as place:
            copy, partly = Path(place) / DATABASE, Path(place) / path.name
            _save(config, copy)
            files = {DATABASE: copy, **_kept(config, Path(place) / "kept")}
            manifest = write_archive(partly, _about(config, copy, now), files)
            partly.rename(path)  # it is there whole, or not at all
    except OSError as error:
        raise AggregatorError(f"{error.filename or folder}: cannot be used: {error.strerror}") from error
    rows = sum(manifest.counts.values())
    print(f"{path}: {path.stat().st_size / 1e6:.1f} MB, {rows:,} rows, {len(manifest.files)} files")
    if config.mqtt.tls is not None and "ca/ca.key" not in manifest.files:
        print(
            f"The authority's key is not in it, as there is none in {config.ca}: keep that one safe yourself"
        )
    return path


@contextlib.contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Let one backup at a time write into the folder; what a killed one left there unfinished is removed."""
    with (folder / LOCK).open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AggregatorError(
                f"{folder}: another backup is being written into it; try again when that one has ended"
            ) from None
        for left in folder.glob(f"{UNFINISHED}*"):
            shutil.rmtree(left)
        yield


def _save(config: Config, copy: Path) -> None:
    engine = open_engine(config.database_url)
    try:
        save(engine, copy)
    finally:
        engine.dispose()


def _about(config: Config, copy: Path, now: datetime) -> dict[str, Any]:
    engine = open_engine(f"sqlite:///{copy}")
    try:
        with reading(engine) as connection:
            counts, schema = counts_of(connection), schema_of(connection)
    finally:
        engine.dispose()
    if schema is None:
        raise AggregatorError("the database holds no tables of machikoba, so nothing to back up")
    influx = config.influx
    return {
        "version": importlib.metadata.version("machikoba"),
        "schema": schema,
        "federation": config.federation,
        "made_at": now.isoformat(timespec="seconds"),
        "history": "database" if influx is None else f"{influx.url} bucket {influx.bucket}",
        "counts": counts,
    }


def _kept(config: Config, place: Path) -> dict[str, Path]:
    """Copy what is in the folders, for it may change before it is packed; of a link what it leads to."""
    kept: dict[str, Path] = {}
    for name, folder in kept_folders(config).items():
        for file in _files(folder):
            inside = f"{name}/{file.relative_to(folder)}"
            kept[inside] = place / inside
            kept[inside].parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(file, kept[inside])
    return kept


def _files(folder: Path) -> Iterator[Path]:
    """Yield its files; OSError where a folder may not be read, of which `rglob` would say nothing."""

    def refuse(error: OSError) -> None:
        raise error

    if folder.exists():
        for place, _, names in os.walk(folder, onerror=refuse):
            yield from (file for name in names if (file := Path(place, name)).is_file())
