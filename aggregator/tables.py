"""Tables that people keep (CSV), Japanese or English, from Excel too: bytes in, rows by our columns out."""

import csv
import io
import re
import unicodedata
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import date, datetime, time, timedelta
from typing import TypeVar

NO_TEXT = "is neither UTF-8 nor Shift_JIS (CP932) text"
BROKEN = "cannot be read as a table: {said}"
NO_DATE = "expected a date such as 2026-08-13, or with a time 2026-08-13 8:00, got {said}"

_DATE = re.compile(
    r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?(?:[ T]+(\d{1,2})[:時](\d{2})分?(?::(\d{2}))?)?"
)
YEARS = range(1900, 2201)
"""What lies outside was mistyped; and the first and last days of all time cannot be reckoned with."""

Columns = Mapping[str, Collection[str]]
"""Our names of columns, and what files call them, in small letters."""
Value = TypeVar("Value")


class FileFault(Exception):
    """A file cannot be imported: in which line (from 1) and column or property, and why.

    `reason` is a sentence of the module that raises it; `values` fill its braces.
    """

    def __init__(self, reason: str, line: int | None = None, column: str = "", **values: object) -> None:
        self.reason, self.line, self.column, self.values = reason, line, column, values
        places = [f"line {line}"] * (line is not None) + [f"column {column}"] * bool(column)
        super().__init__(f"{', '.join(places) or 'the file'}: {reason.format(**values)}")


class Line:
    """One row: cells by our columns; faults get its number, and the column as the file calls it."""

    def __init__(self, cells: dict[str, str], names: Mapping[str, str], number: int) -> None:
        self._cells = cells
        self._names = names
        self.number = number

    def text(self, column: str) -> str:
        """Return the cell without spaces around it; nothing where there is none."""
        return self._cells.get(column, "")

    def read(self, column: str, parse: Callable[[str], Value]) -> Value:
        """Return what the cell means; raises FileFault with its place."""
        try:
            return parse(self.text(column))
        except FileFault as fault:
            raise self.fault(column, fault) from None

    def fault(self, column: str, fault: FileFault) -> FileFault:
        """Return the fault with this line and the column's name."""
        return FileFault(fault.reason, self.number, self.name(column), **fault.values)

    def name(self, column: str) -> str:
        """Return what the file calls the column."""
        return self._names.get(column, column)


def lines(data: bytes, columns: Columns, needed: Collection[str], no_header: str) -> Iterator[Line]:
    """Yield the rows under a header; raises FileFault: `no_header` when a `needed` one is missing."""
    text = text_of(data)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text, columns), strict=True)
    names: dict[str, str] = {}
    order: list[str | None] = []
    try:
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if not names:
                order = [_column(cell, columns) for cell in cells]
                names = {name: cell.strip() for name, cell in zip(order, cells, strict=True) if name}
                missing = [name for name in needed if name not in names]
                if missing:
                    raise FileFault(no_header, reader.line_num, missing=", ".join(missing))
                continue
            row = {column: cell.strip() for column, cell in zip(order, cells, strict=False) if column}
            yield Line(row, names, reader.line_num)
    except csv.Error as error:
        raise FileFault(BROKEN, reader.line_num, said=str(error)) from None


def text_of(data: bytes) -> str:
    """Return the file's text; raises FileFault."""
    for encoding in ("utf-8-sig", "cp932"):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise FileFault(NO_TEXT)


def narrow(text: str) -> str:
    """Return full-width digits and signs, as Japanese keyboards write them, in their plain form."""
    return unicodedata.normalize("NFKC", text).strip()


def moment(text: str) -> date | datetime:
    """Return the day, or day and time, that a cell names; raises FileFault."""
    match = _DATE.fullmatch(narrow(text))
    if match is None:
        raise FileFault(NO_DATE, said=repr(text[:40]))
    year, month, day, hour, minute, second = (int(part) if part else None for part in match.groups())
    try:
        found = date(year or 0, month or 0, day or 0)
        if found.year not in YEARS:
            raise ValueError
        if hour is None:
            return found
        if hour == 24 and not minute:  # as people write the end of a day
            return datetime.combine(found + timedelta(days=1), time())
        return datetime.combine(found, time(hour, minute or 0, second or 0))
    except (ValueError, OverflowError):
        raise FileFault(NO_DATE, said=repr(text[:40])) from None


def _delimiter(text: str, columns: Columns) -> str:
    head = next((line for line in text.splitlines() if line.strip()), "")
    return max(",\t;", key=lambda sign: sum(bool(_column(cell, columns)) for cell in head.split(sign)))


def _column(cell: str, columns: Columns) -> str | None:
    word = narrow(cell).strip('"').lower()
    return next((column for column, words in columns.items() if word in words), None)
