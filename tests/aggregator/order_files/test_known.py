"""An order that is open already is known by what is made, whatever file or form it came in."""

from dataclasses import replace
from datetime import date

from aggregator.order_files.known import sort_out
from aggregator.order_files.read import read_orders
from tests.aggregator.order_files.tables import JAPANESE, TOWN

FIRST, SECOND = read_orders(JAPANESE.encode(), TOWN).orders


def test_an_open_order_of_the_same_work_is_known_under_other_names_of_steps() -> None:
    cut, check = FIRST.draft.steps
    form = replace(FIRST.draft, steps=(replace(cut, id="cut"), replace(check, id="check", after=("cut",))))
    told = sort_out([FIRST, SECOND], {"2026-0007": [form]})
    assert told.fresh == (SECOND,)
    assert told.known == ((FIRST, "2026-0007"),)


def test_an_order_that_was_revised_since_is_known_by_its_first_form() -> None:
    revised = replace(FIRST.draft, due=date(2027, 2, 1))
    assert sort_out([FIRST], {"2026-0007": [revised, FIRST.draft]}).fresh == ()
    assert sort_out([FIRST], {"2026-0007": [revised]}).fresh == (FIRST,)


def test_the_same_order_twice_in_a_file_is_new_once() -> None:
    again = replace(FIRST, key="A-9", line=9)
    told = sort_out([FIRST, again], {})
    assert (told.fresh, told.known) == ((FIRST,), ((again, "A-1"),))
