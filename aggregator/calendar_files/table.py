"""Tables of dates (CSV), Japanese or English, from Excel too: bytes in, entries of a calendar out."""

import csv
import io
import re
import unicodedata
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from typing import TypeVar

from aggregator.calendar_files.imported import (
    MAX_ENTRIES,
    NO_SUCH_MACHINE,
    NOTHING_IN_IT,
    TOO_MANY,
    Dated,
    FileFault,
    Imported,
    Kind,
    Wishes,
    entry_of,
    gathered,
    utc_ms,
)
from aggregator.model.calendar import Closure, Overtime, PlannedStop

NO_TEXT = "is neither UTF-8 nor Shift_JIS (CP932) text"
NO_HEADER = "has no header with a column for the start: expected kind, start, end, machine, staff, name"
NO_DATE = "expected a date such as 2026-08-13, or with a time 2026-08-13 8:00, got {said}"
BOTH_OR_NONE = "start and end both need a time of day, or neither"
NO_KIND = "expected closure, stop or overtime, got {said}"
NO_STAFF = "expected a whole number of machines, got {said}"
BROKEN = "cannot be read as a table: {said}"

COLUMNS: dict[str, set[str]] = {
    "kind": {"kind", "type", "種別", "種類", "区分"},
    "start": {"first", "start", "from", "開始", "開始日", "開始日時", "日付", "自"},
    "end": {"last", "end", "to", "終了", "終了日", "終了日時", "至"},
    "machine": {"machine", "機械", "設備", "号機", "機械id"},
    "staff": {"staff", "台数", "担当台数", "見られる台数"},
    "name": {"name", "title", "名称", "名前", "内容", "件名", "備考"},
}
KINDS: dict[str, Kind] = {
    **dict.fromkeys(("closure", "closed", "休業", "休業日", "休み", "休日"), Kind.CLOSURE),
    **dict.fromkeys(("stop", "planned stop", "停止", "計画停止", "点検", "保全"), Kind.STOP),
    **dict.fromkeys(("overtime", "残業", "休日出勤", "早出"), Kind.OVERTIME),
}
_DATE = re.compile(
    r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?(?:[ T]+(\d{1,2})[:時](\d{2})分?(?::(\d{2}))?)?"
)

Value = TypeVar("Value")


def read_table(data: bytes, wishes: Wishes) -> Imported:
    """Return what the rows mean. Raises FileFault with the line, and the column as the file calls it.

    Days without times close the factory (both ends count), or stop a machine; days with times are planned
    stops or overtime, as the column `kind` or else the wished kind says.
    """
    text = _text(data)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
    names: dict[str, str] = {}
    columns: list[str | None] = []
    entries = []
    try:
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if not names:
                names = _header(cells, reader.line_num)
                columns = [_column(cell) for cell in cells]
                continue
            row = {column: cell.strip() for column, cell in zip(columns, cells, strict=False) if column}
            entries.append(_entry(_Line(row, names, reader.line_num), wishes))
            if len(entries) > MAX_ENTRIES:
                raise FileFault(TOO_MANY, most=f"{MAX_ENTRIES:,}")
    except csv.Error as error:
        raise FileFault(BROKEN, reader.line_num, said=str(error)) from None
    if not entries:
        raise FileFault(NOTHING_IN_IT)
    return gathered(entries)


def _text(data: bytes) -> str:
    for encoding in ("utf-8-sig", "cp932"):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise FileFault(NO_TEXT)


def _delimiter(text: str) -> str:
    head = next((line for line in text.splitlines() if line.strip()), "")
    return max(",\t;", key=lambda sign: sum(bool(_column(cell)) for cell in head.split(sign)))


def _header(cells: list[str], line: int) -> dict[str, str]:
    """Return what the file calls our columns."""
    names = {column: cell.strip() for cell in cells if (column := _column(cell))}
    if "start" not in names:
        raise FileFault(NO_HEADER, line)
    return names


def _column(cell: str) -> str | None:
    word = unicodedata.normalize("NFKC", cell).strip().strip('"').lower()
    return next((column for column, words in COLUMNS.items() if word in words), None)


def _entry(line: "_Line", wishes: Wishes) -> Closure | PlannedStop | Overtime:
    start = line.read("start", _moment)
    end = line.read("end", lambda text: _moment(text) if text else start)
    kind = line.read("kind", _kind)
    staff = line.read("staff", _staff)
    machine = line.read("machine", lambda text: _machine(text, wishes))
    name = line.read("name", lambda text: " ".join(text.split())[:120])
    if isinstance(start, datetime) and isinstance(end, datetime):
        times = utc_ms(start, wishes.zone), utc_ms(end, wishes.zone)
        dated = Dated(name, kind, machine, staff, None, None, *times)
    elif isinstance(start, datetime) or isinstance(end, datetime):
        raise line.fault("end", FileFault(BOTH_OR_NONE))
    else:
        dated = Dated(name, kind, machine, staff, start, end)
    return line.read("end", lambda _text: entry_of(dated, wishes))


class _Line:
    """One row: cells by our columns; faults get its number, and the column as the file calls it."""

    def __init__(self, cells: dict[str, str], names: dict[str, str], number: int) -> None:
        self._cells = cells
        self._names = names
        self._number = number

    def read(self, column: str, parse: Callable[[str], Value]) -> Value:
        try:
            return parse(self._cells.get(column, ""))
        except FileFault as fault:
            raise self.fault(column, fault) from None

    def fault(self, column: str, fault: FileFault) -> FileFault:
        return FileFault(fault.reason, self._number, self._names.get(column, column), **fault.values)


def _moment(text: str) -> date | datetime:
    match = _DATE.fullmatch(unicodedata.normalize("NFKC", text).strip())
    if match is None:
        raise FileFault(NO_DATE, said=repr(text[:40]))
    year, month, day, hour, minute, second = (int(part) if part else None for part in match.groups())
    try:
        found = date(year or 0, month or 0, day or 0)
        if hour is None:
            return found
        if hour == 24 and not minute:  # as people write the end of a day
            return datetime.combine(found + timedelta(days=1), time())
        return datetime.combine(found, time(hour, minute or 0, second or 0))
    except (ValueError, OverflowError):
        raise FileFault(NO_DATE, said=repr(text[:40])) from None


def _kind(text: str) -> Kind | None:
    word = unicodedata.normalize("NFKC", text).strip().lower()
    if word and word not in KINDS:
        raise FileFault(NO_KIND, said=repr(text[:40]))
    return KINDS.get(word)


def _staff(text: str) -> int | None:
    word = unicodedata.normalize("NFKC", text).strip()
    if word and not re.fullmatch(r"[0-9]{1,4}", word):
        raise FileFault(NO_STAFF, said=repr(text[:40]))
    return int(word) if word else None


def _machine(text: str, wishes: Wishes) -> str | None:
    if text and text not in wishes.machines:
        raise FileFault(NO_SUCH_MACHINE, said=repr(text[:40]))
    return wishes.machines[text] if text else None
