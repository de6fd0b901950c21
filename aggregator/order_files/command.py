"""`machikoba orders`: a CSV table of orders in, a proposal for each out."""

import argparse
import asyncio
from pathlib import Path

from aggregator.clock import now_ms
from aggregator.config import Config, from_arguments
from aggregator.config import add_arguments as add_config_arguments
from aggregator.errors import AggregatorError
from aggregator.homes import open_home
from aggregator.order_files.importing import propose_all, sorted_out, town_of
from aggregator.order_files.known import Sorted
from aggregator.order_files.read import MAX_BYTES, FileOrder, read_orders
from aggregator.services import Services, make_services
from aggregator.store.database import open_engine, place_of
from aggregator.store.migration import migrate
from aggregator.store.order_rows import OrderRows
from aggregator.store.records import Records

WHO = "machikoba orders"
"""Stands in the audit log for whoever may run commands here."""

_EXAMPLES = """\
example:
  machikoba orders import orders.csv --dry-run

The table has one row a step; rows of one order share the column order (注文).
needed: 注文 order, バイヤー buyer, 品名 part, 数量 quantity, 納期 due, 工程 process, サイクル秒 cycle_s
others: 前工程 after, 個/サイクル pieces_per_cycle, 段取り時間h setup_h, 輸送日数 transport_days,
        最大ロット max_lots, 最小ロット min_lot, 材質 material, 公差um tolerance_um,
        寸法mm size_mm (120x80x40), 加圧能力kN tonnage_kn, 条件 others
At most 200 orders and 1 MB; a proposal takes about half a second.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags and the commands below `machikoba orders`."""
    parser.epilog = _EXAMPLES
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    commands = parser.add_subparsers(dest="orders_command", required=True, metavar="COMMAND")
    does = "Propose a team for each order of a CSV table; what is open already is left out."
    add = commands.add_parser(
        "import",
        help="propose a team for each order of a file",
        description=does,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add.add_argument("file", metavar="FILE", type=Path, help="CSV table, UTF-8 or Shift_JIS")
    add.add_argument(
        "--dry-run", action="store_true", help="print what would be imported, and change nothing"
    )
    add_config_arguments(add)


def run(arguments: argparse.Namespace) -> int:
    """Do what was asked and return 0; raises AggregatorError."""
    config = from_arguments(arguments)
    data = _content(arguments.file)
    engine = open_engine(config.database_url)
    try:
        migrate(engine)
        services = _services(config, Records(engine))
        _import(services, data, arguments)
    finally:
        engine.dispose()
    return 0


def _services(config: Config, records: Records) -> Services:
    return make_services(config, open_home(config, records.engine), records, now_ms)


def _import(found: Services, data: bytes, arguments: argparse.Namespace) -> None:
    read = read_orders(data, town_of(found))
    if read.faults:
        said = "\n".join(f"  {fault}" for fault in read.faults)
        raise AggregatorError(f"{arguments.file}: nothing was imported\n{said}")
    rows = OrderRows(found.records.engine)
    told = sorted_out(rows, read.orders)
    for order, same in told.known:
        print(f"known\t{order.key}\t{same}\t{order.draft.part}")
    if arguments.dry_run:
        for order in told.fresh:
            print(f"new\t{order.key}\t{_line(order)}")
    count = len(told.fresh) if arguments.dry_run else _propose(found, rows, told)
    verb = "to import" if arguments.dry_run else "imported"
    print(f"{count} {verb}, {len(told.known) + len(told.fresh) - count} known already")


def _propose(found: Services, rows: OrderRows, told: Sorted) -> int:
    """Propose for the fresh orders; return how many were still new then."""
    if not told.fresh:
        return 0
    asyncio.run(_reckon(found))
    whole, number = len(told.fresh), 0
    for number, (order, match) in enumerate(propose_all(found.planning, rows, told.fresh, WHO), 1):
        print(f"{number}/{whole}\t{order.key}\t{match.id}\t{_line(order)}", flush=True)
    return number


async def _reckon(found: Services) -> None:
    await found.days.refresh()
    await found.spare.refresh()
    if not found.spare.fresh_ms():
        raise AggregatorError(f"{place_of(found.records.engine)}: the database does not answer; try again")


def _line(order: FileOrder) -> str:
    draft = order.draft
    return f"{draft.part}\t{draft.quantity}\t{draft.due}\t{draft.buyer}"


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        raise AggregatorError(f"{path}: cannot be read: {error.strerror}") from None
