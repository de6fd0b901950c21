"""The ledger as a CSV file that Excel opens as it is: UTF-8 with a mark, no cell that could be a formula."""

import csv
import io

from aggregator.model.ledger import Ledger
from aggregator.web.ledger_table import COLUMNS, Cell, Names, rows_of

MARK = "\ufeff"  # Excel takes a file without it for Shift_JIS
_BEGINS_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def ledger_csv(ledger: Ledger, names: Names) -> bytes:
    """Return the file, lines ended as RFC 4180 says."""
    fmt = names.say.say.fmt
    written = io.StringIO()
    writer = csv.writer(written)
    writer.writerow([fmt.text(column) for column in COLUMNS])
    for row in rows_of(ledger, names):
        writer.writerow([_safe(cell, fmt.unknown) for cell in row])
    return (MARK + written.getvalue()).encode()


def _safe(cell: Cell, unknown: str) -> str | int | float:
    """Return what no spreadsheet runs: what people typed may begin like a formula."""
    if cell is None:
        return unknown
    if isinstance(cell, str) and cell.startswith(_BEGINS_FORMULA):
        return f"'{cell}"
    return cell
