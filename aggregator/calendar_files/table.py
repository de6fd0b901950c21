"""Tables of dates (CSV), Japanese or English, from Excel too: bytes in, entries of a calendar out."""

import re
from datetime import datetime

from aggregator.calendar_files.imported import (
    MAX_ENTRIES,
    NO_SUCH_MACHINE,
    NOTHING_IN_IT,
    TOO_MANY,
    Dated,
    Imported,
    Kind,
    Wishes,
    entry_of,
    gathered,
    utc_ms,
)
from aggregator.model.calendar import Closure, Overtime, PlannedStop
from aggregator.tables import FileFault, Line, lines, moment, narrow

NO_HEADER = "has no header with a column for the start: expected kind, start, end, machine, staff, name"
BOTH_OR_NONE = "start and end both need a time of day, or neither"
NO_KIND = "expected closure, stop or overtime, got {said}"
NO_STAFF = "expected a whole number of machines, got {said}"

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


def read_table(data: bytes, wishes: Wishes) -> Imported:
    """Return what the rows mean. Raises FileFault with the line, and the column as the file calls it.

    Days without times close the factory (both ends count), or stop a machine; days with times are planned
    stops or overtime, as the column `kind` or else the wished kind says.
    """
    entries = []
    for line in lines(data, COLUMNS, ["start"], NO_HEADER):
        entries.append(_entry(line, wishes))
        if len(entries) > MAX_ENTRIES:
            raise FileFault(TOO_MANY, most=f"{MAX_ENTRIES:,}")
    if not entries:
        raise FileFault(NOTHING_IN_IT)
    return gathered(entries)


def _entry(line: Line, wishes: Wishes) -> Closure | PlannedStop | Overtime:
    start = line.read("start", moment)
    end = line.read("end", lambda text: moment(text) if text else start)
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


def _kind(text: str) -> Kind | None:
    word = narrow(text).lower()
    if word and word not in KINDS:
        raise FileFault(NO_KIND, said=repr(text[:40]))
    return KINDS.get(word)


def _staff(text: str) -> int | None:
    word = narrow(text)
    if word and not re.fullmatch(r"[0-9]{1,4}", word):
        raise FileFault(NO_STAFF, said=repr(text[:40]))
    return int(word) if word else None


def _machine(text: str, wishes: Wishes) -> str | None:
    if text and text not in wishes.machines:
        raise FileFault(NO_SUCH_MACHINE, said=repr(text[:40]))
    return wishes.machines[text] if text else None
