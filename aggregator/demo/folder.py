"""The demo's folder: checked, locked against a second start, and what lies where in it."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from aggregator.errors import AggregatorError

FORMAT = 1


class DemoError(AggregatorError):
    """The demo cannot start or go on; one sentence with the cure."""


class Memory(BaseModel):
    """What the demo remembers from start to start; `*_ms` are UTC milliseconds.

    `measured_since_ms` is where the agents' windows begin and the made history ends; `history_since_ms` is
    how far back the history has been loaded, so that the next start goes on from there.
    """

    model_config = ConfigDict(extra="forbid")

    format: int = FORMAT
    measured_since_ms: int
    history_since_ms: int
    mqtt_port: int


@dataclass(frozen=True, slots=True)
class Folder:
    """Paths below `root`, which is absolute."""

    root: Path

    @property
    def lock(self) -> Path:
        return self.root / "lock"

    @property
    def memory(self) -> Path:
        return self.root / "demo.json"

    @property
    def accounts(self) -> Path:
        return self.root / "accounts.json"

    @property
    def buyers(self) -> Path:
        return self.root / "buyers.json"

    @property
    def access(self) -> Path:
        return self.root / "access.json"

    @property
    def scenario(self) -> Path:
        return self.root / "scenario.toml"

    @property
    def ground_truth(self) -> Path:
        return self.root / "ground-truth.jsonl"

    @property
    def control(self) -> Path:
        return self.root / "control.jsonl"

    @property
    def agents(self) -> Path:
        return self.root / "agents"

    @property
    def aggregator(self) -> Path:
        return self.root / "aggregator"

    @property
    def aggregator_config(self) -> Path:
        return self.root / "aggregator.toml"

    @property
    def logs(self) -> Path:
        return self.root / "logs"


@contextmanager
def open_folder(path: Path) -> Iterator[Folder]:
    """Make or reuse the folder and hold its lock; raises DemoError when it cannot be ours."""
    folder = Folder(path.absolute())
    try:
        folder.root.mkdir(parents=True, exist_ok=True)
        with folder.lock.open("a+") as lock:
            _lock(lock.fileno(), path)
            _check_ours(folder, path)
            lock.truncate(0)
            lock.write(str(os.getpid()))
            lock.flush()
            folder.logs.mkdir(exist_ok=True)
            folder.aggregator.mkdir(exist_ok=True)
            yield folder
    except (FileExistsError, NotADirectoryError):
        raise DemoError(f"{path}: is a file, or lies below one; choose a folder with --data") from None
    except PermissionError as error:
        raise DemoError(
            f"{error.filename or path}: may not be written; choose a folder with --data"
        ) from None
    except OSError as error:  # read-only, full, a name too long, ...
        reason = error.strerror or error
        raise DemoError(
            f"{error.filename or path}: cannot be used: {reason}; choose a folder with --data"
        ) from error


def _lock(descriptor: int, path: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        pid = Folder(path).lock.read_text() or "just starting"
        raise DemoError(
            f"{path}: a demo runs here already (process {pid}); stop it, or choose another folder with --data"
        ) from None


def _check_ours(folder: Folder, path: Path) -> None:
    others = [entry for entry in folder.root.iterdir() if entry.name != "lock"]
    if others and not folder.memory.exists():
        folder.lock.unlink()
        raise DemoError(f"{path}: holds other things ({others[0].name}, …); choose a new folder with --data")


def recall(folder: Folder) -> Memory | None:
    """Return what an earlier start left; raises DemoError when it is broken or of another format."""
    try:
        memory = Memory.model_validate_json(folder.memory.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError):
        raise DemoError(broken(folder, folder.memory)) from None
    if memory.format != FORMAT:
        raise DemoError(broken(folder, folder.memory))
    return memory


def broken(folder: Folder, file: Path) -> str:
    """Return the sentence about a file of an earlier start that cannot be used."""
    return (
        f"{file}: is broken or of another version; delete {folder.root}, or choose another folder with --data"
    )


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read, in one step: readers see all of it or the old one."""
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(
        os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8"
    ) as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
