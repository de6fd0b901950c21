"""A backup as one file: a compressed tar of files and of a manifest with the checksum of each."""

import hashlib
import io
import json
import os
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from aggregator.errors import AggregatorError

FORMAT = 1
MANIFEST = "manifest.json"
COMPRESSION = 3
"""More would cost minutes on a small computer, and save little."""
CHUNK = 1 << 20


class Entry(BaseModel):
    """One file in the backup."""

    model_config = ConfigDict(frozen=True)
    bytes: int
    sha256: str


class Manifest(BaseModel):
    """What the backup holds; `counts` are the rows of each table."""

    model_config = ConfigDict(frozen=True)
    format: int
    version: str
    schema_: Annotated[str, Field(alias="schema")]
    federation: str
    made_at: str
    history: str
    counts: dict[str, int]
    files: dict[str, Entry] = {}


def write_archive(path: Path, about: dict[str, Any], files: dict[str, Path]) -> Manifest:
    """Write all into the new file `path`, for its owner alone; on the disk when this returns."""
    entries = {name: _entry(file) for name, file in sorted(files.items())}
    manifest = Manifest(**about, format=FORMAT, files=entries)
    try:
        with _new(path) as raw:
            with tarfile.open(fileobj=raw, mode="w:gz", compresslevel=COMPRESSION) as tar:
                _add_text(tar, MANIFEST, manifest.model_dump_json(by_alias=True, indent=1))
                for name, file in sorted(files.items()):
                    tar.add(file, name, recursive=False)
            raw.flush()
            os.fsync(raw.fileno())
    except OSError as error:
        raise AggregatorError(f"{path}: cannot be written: {error.strerror}") from error
    return manifest


@contextmanager
def opened(path: Path) -> Iterator["Archive"]:
    """Open a backup; raises AggregatorError in one sentence when it is none, or is damaged."""
    try:
        with tarfile.open(path, "r:gz") as tar:
            yield Archive(path, tar)
    except OSError as error:
        if error.strerror is None:
            raise AggregatorError(f"{path}: is damaged or no backup") from error
        raise AggregatorError(f"{path}: cannot be read: {error.strerror}") from error
    except (tarfile.TarError, EOFError, zlib.error) as error:
        raise AggregatorError(f"{path}: is damaged or no backup") from error


class Archive:
    """An open backup."""

    def __init__(self, path: Path, tar: tarfile.TarFile) -> None:
        self._path = path
        self._tar = tar
        first = tar.next()
        if first is None or first.name != MANIFEST:
            raise AggregatorError(f"{path}: is no backup of machikoba")
        self.manifest = self._read_manifest(first)

    def extract(self, folder: Path) -> None:
        """Write every file below `folder`, for its owner alone; a checksum that is wrong raises."""
        wanted = dict(self.manifest.files)
        for member in self._tar:
            if member.name == MANIFEST:
                continue
            entry, source = wanted.pop(member.name, None), self._source(member)
            if entry is None or source is None or ".." in Path(member.name).parts:
                raise AggregatorError(
                    f"{self._path}: holds {member.name}, of which its manifest says nothing"
                )
            file = folder / member.name
            file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            digest = hashlib.sha256()
            with _new(file) as target:
                while chunk := source.read(CHUNK):
                    digest.update(chunk)
                    target.write(chunk)
            if digest.hexdigest() != entry.sha256:
                raise AggregatorError(f"{self._path}: is damaged: {member.name} has another checksum")
        if wanted:
            raise AggregatorError(f"{self._path}: is damaged: {', '.join(wanted)} is missing")

    def _source(self, member: tarfile.TarInfo) -> IO[bytes] | None:
        try:
            return self._tar.extractfile(member)
        except KeyError as error:
            raise AggregatorError(f"{self._path}: is damaged: {member.name} is a link to nothing") from error

    def _read_manifest(self, member: tarfile.TarInfo) -> Manifest:
        source = self._tar.extractfile(member)
        try:
            said = json.loads(source.read()) if source else None
            if isinstance(said, dict) and said.get("format") != FORMAT:
                raise AggregatorError(
                    f"{self._path}: was written by another machikoba ({said.get('version')}), "
                    f"in a form ({said.get('format')}) that this one cannot read"
                )
            return Manifest.model_validate(said)
        except (ValueError, ValidationError) as error:
            raise AggregatorError(f"{self._path}: is damaged: its manifest cannot be read") from error


def _entry(path: Path) -> Entry:
    with path.open("rb") as file:
        return Entry(bytes=path.stat().st_size, sha256=hashlib.file_digest(file, "sha256").hexdigest())


def _add_text(tar: tarfile.TarFile, name: str, text: str) -> None:
    data = text.encode()
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(data), 0o600
    tar.addfile(member, io.BytesIO(data))


def _new(path: Path) -> IO[bytes]:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
