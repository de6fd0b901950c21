"""What can still be read of a damaged outbox: its files in, their sound records out.

SQLite refuses a file as a whole when a page that leads to others is torn. So the pages are read one by one
(the newest committed form of each, be it in the file or in its write-ahead log), and each row that is found
proves itself by its check sum. See https://www.sqlite.org/fileformat2.html, 1.6 and 4.1.
"""

import struct
from collections.abc import Iterator
from pathlib import Path

from agent.contract.records import Record
from agent.sealed import Damaged, from_blob

PAGE_SIZES = frozenset(1 << power for power in range(9, 17))
USUAL_PAGE = 4_096
_FILE_HEADER = 100
_WAL_HEADER, _FRAME_HEADER = 32, 24
_TABLE_LEAF = 13
_NULL, _FIRST_BLOB = 0, 12
_MOST_OVERFLOW = 64
"""No record fills so many pages."""


class Pages:
    """The pages of a database file, by number from 1."""

    def __init__(self, content: bytes, log: bytes) -> None:
        self._content = content
        self._log = log
        size = int.from_bytes(content[16:18], "big")
        size = 65_536 if size == 1 else size
        self.size = size if size in PAGE_SIZES else _log_page_size(log) or USUAL_PAGE
        self._logged = _committed(log, self.size)
        self.count = max(-(-len(content) // self.size), max(self._logged, default=0))

    def page(self, number: int) -> bytes:
        """Return a page; it is short or empty where the file ends early."""
        logged = self._logged.get(number)
        if logged is not None:
            return self._log[logged : logged + self.size]
        return self._content[(number - 1) * self.size : number * self.size]


def read_records(path: Path) -> Iterator[tuple[int, bytes, Record]]:
    """Yield number, bytes and meaning of every sound record; one may come twice, and in any order.

    Rows that were deleted may be among them: their page was free, and not used again yet.
    """
    pages = Pages(_bytes(path), _bytes(log_of(path)))
    for number in range(1, pages.count + 1):
        for row, blob in _rows(pages, number):
            try:
                yield row, blob, from_blob(blob)
            except Damaged:
                continue


def log_of(path: Path) -> Path:
    """Return where SQLite keeps the write-ahead log of a file."""
    return path.with_name(f"{path.name}-wal")


def _bytes(path: Path) -> bytes:
    return path.read_bytes() if path.is_file() else b""


def _log_page_size(log: bytes) -> int | None:
    size = int.from_bytes(log[8:12], "big")
    return size if size in PAGE_SIZES else None


def _committed(log: bytes, page_size: int) -> dict[int, int]:
    """Return where in the log the newest committed form of each page begins.

    Frames of an earlier round have other salts. Check sums of frames are left out: rows have their own.
    """
    found: dict[int, int] = {}
    since_commit: dict[int, int] = {}
    salts, at = log[16:24], _WAL_HEADER
    while at + _FRAME_HEADER + page_size <= len(log) and log[at + 8 : at + 16] == salts:
        number, size_after = struct.unpack_from(">II", log, at)
        since_commit[number] = at + _FRAME_HEADER
        if size_after:
            found |= since_commit
            since_commit = {}
        at += _FRAME_HEADER + page_size
    return found


def _rows(pages: Pages, number: int) -> Iterator[tuple[int, bytes]]:
    """Yield row id and blob of the rows (NULL, BLOB) in a page, if it is a leaf of a table."""
    page = pages.page(number)
    head = _FILE_HEADER if number == 1 else 0
    if len(page) < head + 8 or page[head] != _TABLE_LEAF:
        return
    count = int.from_bytes(page[head + 3 : head + 5], "big")
    for place in range(min(count, pages.size // 4)):
        pointer = head + 8 + 2 * place
        try:
            found = _cell(pages, page, int.from_bytes(page[pointer : pointer + 2], "big"))
        except IndexError:  # it leads out of the page: torn
            continue
        if found is not None:
            yield found


def _cell(pages: Pages, page: bytes, at: int) -> tuple[int, bytes] | None:
    length, at = _varint(page, at)
    row, at = _varint(page, at)
    local = _local_bytes(length, pages.size)
    payload = page[at : at + local]
    if local < length:
        payload += _overflow(pages, int.from_bytes(page[at + local : at + local + 4], "big"), length - local)
    head, first = _varint(payload, 0)
    alias, first = _varint(payload, first)
    kind, first = _varint(payload, first)
    if first != head or alias != _NULL or kind < _FIRST_BLOB or kind % 2:
        return None
    return row, payload[head : head + (kind - _FIRST_BLOB) // 2]


def _local_bytes(length: int, page_size: int) -> int:
    """Return how much of a row's bytes lies in its own page."""
    if length <= page_size - 35:
        return length
    least = (page_size - 12) * 32 // 255 - 23
    some = least + (length - least) % (page_size - 4)
    return some if some <= page_size - 35 else least


def _overflow(pages: Pages, number: int, length: int) -> bytes:
    content = b""
    for _ in range(_MOST_OVERFLOW):
        if len(content) >= length or not 0 < number <= pages.count:
            break
        page = pages.page(number)
        content += page[4:]
        number = int.from_bytes(page[:4], "big")
    return content[:length]


def _varint(content: bytes, at: int) -> tuple[int, int]:
    """Return SQLite's variable-length whole number at `at`, and where the next thing begins."""
    number = 0
    for place in range(8):
        byte = content[at + place]
        number = number << 7 | byte & 0x7F
        if byte < 0x80:
            return number, at + place + 1
    return number << 8 | content[at + 8], at + 9
