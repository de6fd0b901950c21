"""The replay driver: a recorded log file enters, its readings leave, stamped with the log's own time."""

import asyncio
import csv
import gzip
import logging
import zlib
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

from agent.drivers.replay.log import Log
from agent.drivers.replay.settings import Settings
from agent.errors import ConfigError
from agent.measuring.reading import Batch

logger = logging.getLogger(__name__)

_LONGEST_PAUSE_S = 1.0


async def readings(settings: Settings, now: Callable[[], int]) -> AsyncIterator[Batch]:
    """Yield the log in batches of strictly increasing time, at `settings.speed`, and end with it.

    While pausing between rows it yields empty batches, to show that it is alive. `now` is not asked: a log
    has its own time. Raises ConfigError if the file or one of its columns is not there.
    """
    rows = read_rows(settings)
    log = Log(settings, next(rows, []))
    before_ms: int | None = None
    for batch in log.batches(rows):
        at_ms = batch[0].at_ms
        if before_ms is not None and settings.speed:
            async for sign_of_life in _pause((at_ms - before_ms) / 1000 / settings.speed):
                yield sign_of_life
        await asyncio.sleep(0)
        yield batch
        before_ms = at_ms
    _tell(settings, log)


def read_rows(settings: Settings) -> Iterator[list[str]]:
    """Yield the file's rows, the header first; a file that breaks off ends there, with a line in the log."""
    path = Path(settings.file)
    opener = gzip.open if path.suffix == ".gz" else open
    begun = False
    try:
        with opener(path, "rt", encoding="utf-8-sig", errors="replace", newline="") as file:
            for row in _split(file):
                begun = True
                yield row
    except (EOFError, zlib.error, OSError) as error:
        if not begun:
            raise ConfigError(f"replay.file: cannot read {path}: {_reason(error)}") from error
        logger.warning("%s breaks off: %s; what came before it is replayed", path, _reason(error))


def _split(file: Iterator[str]) -> Iterator[list[str]]:
    rows = csv.reader(file)
    while True:
        try:
            yield next(rows)
        except csv.Error as error:
            yield [str(error)]  # a row without columns: counted as bad
        except StopIteration:
            return


def _reason(error: Exception) -> str:
    return (isinstance(error, OSError) and error.strerror) or str(error)


async def _pause(pause_s: float) -> AsyncIterator[Batch]:
    while pause_s > 0:
        await asyncio.sleep(min(pause_s, _LONGEST_PAUSE_S))
        pause_s -= _LONGEST_PAUSE_S
        if pause_s > 0:
            yield ()


def _tell(settings: Settings, log: Log) -> None:
    logger.info("replayed %s: %d rows, %d stale ones dropped", settings.file, log.rows, log.stale)
    if log.bad:
        logger.warning("%s: %d rows cannot be read; the first: %s", settings.file, log.bad, log.first_bad)
