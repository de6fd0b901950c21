"""What was imported goes into a calendar once, however often the file comes."""

from datetime import date

import pytest

from aggregator.calendar_files.imported import MAX_BYTES, Imported, merged, news
from aggregator.calendar_files.read import read_file
from aggregator.model.calendar import Calendar, Closure, Overtime, PlannedStop, Shift
from aggregator.tables import FileFault
from tests.aggregator.calendar_files.dates import DATA, wishes
from tests.aggregator.calendar_files.test_table import JAPANESE

BEFORE = Calendar(
    (Shift(frozenset({0}), 480, 1020),),
    closures=(
        Closure(date(2026, 8, 13), date(2026, 8, 16), "お盆休み"),
        Closure(date(2027, 8, 1), date(2027, 8, 2)),
    ),
)


@pytest.mark.parametrize("data", [(DATA / "google.ics").read_bytes(), JAPANESE.encode("cp932")])
def test_the_same_file_again_changes_nothing(data: bytes) -> None:
    found = read_file(data, wishes())
    once = merged(BEFORE, found)
    assert once != BEFORE
    assert merged(once, read_file(data, wishes())) == once
    assert len(news(once, found)) == 0


def test_what_is_there_already_is_no_news_and_the_rest_is_kept_in_order() -> None:
    found = read_file((DATA / "google.ics").read_bytes(), wishes())
    assert [closure.name for closure in news(BEFORE, found).closures] == ["年末年始"]
    after = merged(BEFORE, found)
    assert after is not None
    assert [closure.first.year for closure in after.closures] == [2026, 2026, 2027]
    assert after.shifts == BEFORE.shifts


def test_a_factory_without_a_calendar_gets_one_only_from_a_file_with_entries() -> None:
    assert merged(None, Imported()) is None
    stop, extra = PlannedStop(0, 1), Overtime(2, 3)
    assert merged(None, Imported((), (stop,), (extra,))) == Calendar(planned_stops=(stop,), overtime=(extra,))


def test_a_file_of_more_than_a_megabyte_is_refused_unread() -> None:
    with pytest.raises(FileFault, match="the file: is larger than 1 MB"):
        read_file(b"x" * (MAX_BYTES + 1), wishes())
