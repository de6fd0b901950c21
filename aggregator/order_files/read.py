"""Tables of orders (CSV), one row a step: bytes in; order drafts, and everything that is wrong, out."""

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TypeVar

from aggregator.matching.faults import Fault, faults
from aggregator.model.order import DraftStep, Needs, OrderDraft
from aggregator.model.text import shows
from aggregator.tables import FileFault, Line, lines, moment, narrow

MAX_BYTES = 1_000_000
MAX_ORDERS = 200

TOO_LARGE = "is larger than {most} MB; split it"
TOO_MANY = "has more than {most} orders; split it"
NO_ORDERS = "holds no orders"
NO_HEADER = "has no column for: {missing}"
EMPTY = "this must not be empty"
NO_NUMBER = "expected a number of 0 or more, got {said}"
NO_COUNT = "expected a whole number, got {said}"
NO_SIZE = "expected length, width and height in millimetres such as 120x80x40, got {said}"
NO_DAY = "expected a date such as 2026-12-25, got {said}"
NO_STEP = "expected the number or the process of one step of this order, got {said}"
DIFFERS = "is not what line {first} says of the same order"
UNPRINTABLE = "holds characters that cannot be shown"

COLUMNS: dict[str, set[str]] = {
    "order": {"order", "注文", "注文番号", "注文no", "注文no."},
    "buyer": {"buyer", "バイヤー", "発注元", "得意先"},
    "part": {"part", "品名", "部品", "品番"},
    "quantity": {"quantity", "数量", "個数"},
    "due": {"due", "納期"},
    "process": {"process", "工程"},
    "cycle_s": {"cycle_s", "サイクル秒", "サイクル"},
    "after": {"after", "前工程"},
    "pieces_per_cycle": {"pieces_per_cycle", "個/サイクル", "取り数", "取数"},
    "setup_h": {"setup_h", "段取り時間h", "段取り時間", "段取時間h"},
    "transport_days": {"transport_days", "輸送日数"},
    "max_lots": {"max_lots", "最大ロット"},
    "min_lot": {"min_lot", "最小ロット"},
    "materials": {"material", "materials", "材質"},
    "tolerance_um": {"tolerance_um", "公差um", "公差μm", "公差"},
    "size_mm": {"size_mm", "寸法mm", "寸法"},
    "tonnage_kn": {"tonnage_kn", "加圧能力kn", "加圧能力"},
    "others": {"others", "条件"},
}
NEEDED = ("order", "buyer", "part", "quantity", "due", "process", "cycle_s")
FIRST_STEP = {"-", "なし", "無し", "none", "0"}

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Town:
    """What a file is read against: ids of processes by what people call them, those that somebody has."""

    names: Mapping[str, str]
    processes: Collection[str]
    today: date

    @classmethod
    def of(cls, words: Mapping[str, Collection[str]], processes: Collection[str], today: date) -> "Town":
        """Return it; `words` are what people call a process, by its id."""
        names = {narrow(word).lower(): id_ for id_, said in words.items() for word in (*said, id_)}
        return cls(names | {id_.lower(): id_ for id_ in processes}, processes, today)


@dataclass(frozen=True, slots=True)
class FileOrder:
    """An order of the file: what the file calls it, its first line, and its draft."""

    key: str
    line: int
    draft: OrderDraft


class DraftFault(FileFault):
    """Something that an order cannot be; `fault` is what matching says of it."""

    def __init__(self, fault: Fault, line: int, column: str) -> None:
        super().__init__("{said}", line, column, said=fault.reason)
        self.fault = fault


@dataclass(frozen=True, slots=True)
class OrdersRead:
    """The orders in the order of the file; none of them is to be imported while there are `faults`."""

    orders: tuple[FileOrder, ...]
    faults: tuple[FileFault, ...]


def read_orders(data: bytes, town: Town) -> OrdersRead:
    """Return the orders, and every fault by line; never raises."""
    try:
        if len(data) > MAX_BYTES:
            raise FileFault(TOO_LARGE, most=MAX_BYTES // 1_000_000)
        rows, found = _grouped(lines(data, COLUMNS, NEEDED, NO_HEADER))
    except FileFault as fault:
        return OrdersRead((), (fault,))
    orders = []
    for key, of_order in rows.items():
        reader = _Reader(of_order, town)
        draft = reader.draft()
        found += reader.faults or _draft_faults(draft, of_order, town)
        orders.append(FileOrder(key, of_order[0].number, draft))
    if not orders and not found:
        found.append(FileFault(NO_ORDERS))
    return OrdersRead(tuple(orders), tuple(sorted(found, key=lambda fault: fault.line or 0)))


def _grouped(rows: Iterator[Line]) -> tuple[dict[str, list[Line]], list[FileFault]]:
    """Return the rows of each order, and those of none as faults."""
    orders: dict[str, list[Line]] = {}
    found: list[FileFault] = []
    for row in rows:
        key = narrow(row.text("order"))
        if not key:
            found.append(row.fault("order", FileFault(EMPTY)))
            continue
        orders.setdefault(key, []).append(row)
        if len(orders) > MAX_ORDERS:
            raise FileFault(TOO_MANY, most=MAX_ORDERS)
    return orders, found


class _Reader:
    """Reads the rows of one order; a cell that means nothing is remembered, and stands for an empty one."""

    def __init__(self, rows: Sequence[Line], town: Town) -> None:
        self._rows = rows
        self._town = town
        self.faults: list[FileFault] = []

    def draft(self) -> OrderDraft:
        """Return the order; it has no meaning when there are faults."""
        buyer, part = (self._common(name, _needed_text, "") for name in ("buyer", "part"))
        quantity = self._common("quantity", _needed_count, 0)
        due = self._common("due", _day, self._town.today)
        processes = [self._read(row, "process", self._process, "") for row in self._rows]
        steps = [self._step(at, row, processes) for at, row in enumerate(self._rows)]
        return OrderDraft(buyer, part, quantity, due, tuple(steps))

    def _common(self, column: str, parse: Callable[[str], Value], instead: Value) -> Value:
        """Return what the first row says; the others say the same, or nothing."""
        first = self._rows[0]
        value = self._read(first, column, parse, instead)
        for row in self._rows[1:]:
            if row.text(column) and self._read(row, column, parse, value) != value:
                self.faults.append(row.fault(column, FileFault(DIFFERS, first=first.number)))
        return value

    def _step(self, at: int, row: Line, processes: Sequence[str]) -> DraftStep:
        def count(column: str, usual: int) -> int:
            return self._read(row, column, lambda text: _count(text, usual), usual)

        needs = Needs(
            materials=self._read(row, "materials", _words, frozenset()),
            tolerance_um=self._read(row, "tolerance_um", _number, None),
            size_mm=self._read(row, "size_mm", _size, None),
            tonnage_kn=self._read(row, "tonnage_kn", _number, None),
            others=self._read(row, "others", _words, frozenset()),
        )
        return DraftStep(
            id=str(at + 1),
            process=processes[at],
            cycle_s=self._read(row, "cycle_s", _needed_number, 1.0),
            after=self._read(row, "after", lambda text: _after(text, at, processes, self._town), ()),
            pieces_per_cycle=count("pieces_per_cycle", 1),
            setup_h=self._read(row, "setup_h", _number, None) or 0.0,
            transport_days=count("transport_days", 1),
            max_lots=count("max_lots", 1),
            min_lot=count("min_lot", 1),
            needs=needs,
        )

    def _process(self, text: str) -> str:
        said = _needed_text(text)
        return self._town.names.get(narrow(said).lower(), said)

    def _read(self, row: Line, column: str, parse: Callable[[str], Value], instead: Value) -> Value:
        try:
            return row.read(column, parse)
        except FileFault as fault:
            self.faults.append(fault)
            return instead


def _draft_faults(draft: OrderDraft, rows: Sequence[Line], town: Town) -> list[FileFault]:
    found: list[FileFault] = []
    for fault in faults(draft, town.processes, town.today):
        step = re.match(r"steps\[(\d+)\]", fault.place)
        row = rows[int(step[1])] if step else rows[0]
        column = fault.place.rpartition(".")[2]
        found.append(DraftFault(fault, row.number, row.name(column if column in COLUMNS else "order")))
    return found


def _after(text: str, at: int, processes: Sequence[str], town: Town) -> tuple[str, ...]:
    """Return the ids of the steps before; empty is the step before, and a word such as なし none."""
    if not text:
        return (str(at),) if at else ()
    if narrow(text).lower() in FIRST_STEP:
        return ()
    return tuple(sorted({_step_id(word, processes, town) for word in _words(text)}))


def _step_id(word: str, processes: Sequence[str], town: Town) -> str:
    said = narrow(word)
    if said.isascii() and said.isdecimal() and 1 <= int(said[:9]) <= len(processes):
        return str(int(said))
    process = town.names.get(said.lower(), said)
    places = [number for number, each in enumerate(processes, 1) if each == process]
    if len(places) != 1:
        raise FileFault(NO_STEP, said=repr(word[:40]))
    return str(places[0])


def _needed_text(text: str) -> str:
    said = " ".join(text.split())
    if not said:
        raise FileFault(EMPTY)
    if not shows(said):
        raise FileFault(UNPRINTABLE)
    return said


def _words(text: str) -> frozenset[str]:
    found = frozenset(word.strip() for word in re.split(r"[,、\uff0c;；\n]", text) if word.strip())
    if not all(shows(word) for word in found):
        raise FileFault(UNPRINTABLE)
    return found


def _day(text: str) -> date:
    try:
        found = moment(text)
    except FileFault:
        raise FileFault(NO_DAY, said=repr(text[:40])) from None
    if isinstance(found, datetime):
        raise FileFault(NO_DAY, said=repr(text[:40]))
    return found


def _number(text: str) -> float | None:
    said = narrow(text).replace(",", "")
    if said and not re.fullmatch(r"[0-9]{1,12}(\.[0-9]{1,9})?", said):
        raise FileFault(NO_NUMBER, said=repr(text[:40]))
    return float(said) if said else None


def _size(text: str) -> tuple[float, float, float] | None:
    if not text:
        return None
    sides = re.split(r"[x×*]", narrow(text).lower())
    try:
        length, width, height = (_needed_number(side) for side in sides)
    except (ValueError, FileFault):
        raise FileFault(NO_SIZE, said=repr(text[:40])) from None
    return length, width, height


def _needed_number(text: str) -> float:
    found = _number(text)
    if found is None:
        raise FileFault(EMPTY)
    return found


def _count(text: str, usual: int) -> int:
    said = narrow(text).replace(",", "")
    if said and not re.fullmatch(r"[0-9]{1,12}", said):
        raise FileFault(NO_COUNT, said=repr(text[:40]))
    return int(said) if said else usual


def _needed_count(text: str) -> int:
    if not text:
        raise FileFault(EMPTY)
    return _count(text, 0)
