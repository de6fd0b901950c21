"""CSV tables in three encodings and two languages, and broken ones."""

from datetime import date

import pytest

from aggregator.calendar_files.imported import Imported, Kind
from aggregator.calendar_files.table import read_table
from aggregator.model.calendar import Closure, Overtime, PlannedStop
from aggregator.tables import FileFault
from tests.aggregator.calendar_files.dates import ms, wishes

JAPANESE = """種別,開始,終了,機械,台数,名称\r
休業,2026/8/13,2026/8/16,,,お盆休み\r
計画停止,2026/11/27 13:00,2026/11/27 17:00,1号機,,"主軸の点検, 半日"\r
残業,2026年12月5日 8:00,2026年12月5日 12時00分,,2,土曜出勤\r
"""
EXPECTED = Imported(
    (Closure(date(2026, 8, 13), date(2026, 8, 16), "お盆休み"),),
    (PlannedStop(ms(2026, 11, 27, 13), ms(2026, 11, 27, 17), "mc-01", "主軸の点検, 半日"),),
    (Overtime(ms(2026, 12, 5, 8), ms(2026, 12, 5, 12), None, 2, "土曜出勤"),),
)


@pytest.mark.parametrize("encoding", ["cp932", "utf-8", "utf-8-sig"])
def test_a_table_as_excel_in_japan_writes_it(encoding: str) -> None:
    assert read_table(JAPANESE.encode(encoding), wishes()) == EXPECTED


@pytest.mark.parametrize("delimiter", ["\t", ";", ","])
def test_an_english_table_with_any_usual_delimiter(delimiter: str) -> None:
    rows = [
        ["name", "First", "LAST", "kind", "ignored"],
        ["Obon", "2026-08-13", "", "closure", "x"],
        ["", "", "", "", ""],
        ["Late", "2026-12-05T20:00:00", "2026-12-05 24:00", "Overtime", ""],
    ]
    data = "\n".join(delimiter.join(row) for row in rows).encode()
    assert read_table(data, wishes()) == Imported(
        closures=(Closure(date(2026, 8, 13), date(2026, 8, 13), "Obon"),),
        overtime=(Overtime(ms(2026, 12, 5, 20), ms(2026, 12, 6), name="Late"),),
    )


def test_full_width_letters_and_digits_are_understood() -> None:
    data = "開始日,終了日\n２０２６／８／１３,２０２６／８／１４".encode()
    assert read_table(data, wishes()).closures == (Closure(date(2026, 8, 13), date(2026, 8, 14)),)


def test_the_wished_kind_is_for_rows_that_do_not_say() -> None:
    data = b"start,end\n2026-12-05 08:00,2026-12-05 12:00\n"
    assert len(read_table(data, wishes(Kind.OVERTIME)).overtime) == 1
    assert len(read_table(data, wishes()).planned_stops) == 1


HEAD = "kind,start,end,machine,staff,name\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "the file: holds no dates"),
        (HEAD, "the file: holds no dates"),
        ("a,b,c\n1,2,3\n", "line 1: has no header"),
        (HEAD + "stop,2026-08-13,2026-08-32,,,", "line 2, column end: expected a date such as 2026-08-13"),
        (HEAD + "stop,9999-12-31,9999-12-31,,,", "line 2, column start: expected a date such as 2026-08-13"),
        (HEAD + "overtime,0001-01-01 0:00,0001-01-01 1:00,,,", "line 2, column start: expected a date"),
        (HEAD + "stop,soon,2026-08-14,,,", "line 2, column start: expected a date"),
        (
            HEAD + ",2026-08-13,,,,ok\nholyday,2026-08-13,,,,",
            "line 3, column kind: expected closure",
        ),
        (HEAD + "stop,2026-08-13 25:00,2026-08-14 8:00,,,", "line 2, column start: expected a date"),
        (HEAD + "stop,2026-08-13,2026-08-14 8:00,,,", "line 2, column end: start and end both need a time"),
        (HEAD + "stop,2026-08-14,2026-08-13,,,", "line 2, column end: ends before it starts"),
        (HEAD + "overtime,2026-08-14,2026-08-14,,,", "line 2, column end: is overtime, so it needs times"),
        (HEAD + "stop,2026-08-14,2026-08-14,mc-99,,", "line 2, column machine: 'mc-99' is no machine"),
        (HEAD + "stop,2026-08-14,2026-08-14,,two,", "line 2, column staff: expected a whole number"),
        (HEAD + 'stop,2026-08-14,2026-08-14,,,"open', "line 2: cannot be read as a table"),
        ("種別,開始日\n休業,いつか\n", "line 2, column 開始日: expected a date"),
    ],
)
def test_a_bad_table_is_told_with_line_and_column(text: str, said: str) -> None:
    with pytest.raises(FileFault) as told:
        read_table(text.encode(), wishes())
    assert said in str(told.value)
    assert "\n" not in str(told.value)


def test_what_is_no_text_is_refused() -> None:
    for data in (bytes(range(256)), b"start\0,end\n"):
        with pytest.raises(FileFault, match="neither UTF-8 nor Shift_JIS"):
            read_table(data, wishes())


def test_more_than_five_thousand_rows_are_refused() -> None:
    with pytest.raises(FileFault, match="more than 5,000 entries"):
        read_table(b"start\n" + b"2026-08-13\n" * 5_001, wishes())
