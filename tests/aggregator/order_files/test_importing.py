"""Orders of a file are stored once, also when another process imports the same file at the same time."""

from sqlalchemy import Engine

from aggregator.order_files.importing import propose_all
from aggregator.order_files.read import read_orders
from aggregator.store.order_rows import OrderRows
from tests.aggregator.order_files.tables import JAPANESE, TOWN
from tests.aggregator.planning.markets import HandMadeSpare, market, planning_on


def test_what_another_process_stored_meanwhile_is_left_out(engine: Engine) -> None:
    first, second = read_orders(JAPANESE.encode(), TOWN).orders
    planning, rows = planning_on(engine, HandMadeSpare(market())), OrderRows(engine)
    making = propose_all(planning, rows, [first, second], "one")
    assert next(making)[0] == first
    planning.propose(second.draft, "another")
    assert list(making) == []
    assert sorted(match.created_by for match in planning.matches()) == ["another", "one"]
    assert list(propose_all(planning, rows, [first, second], "one")) == []
