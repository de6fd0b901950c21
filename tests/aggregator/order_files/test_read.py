"""Tables of orders in three encodings and two languages; whatever is wrong is named with line and column."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.model.order import DraftStep, Needs, OrderDraft
from aggregator.order_files.read import MAX_BYTES, MAX_ORDERS, read_orders
from tests.aggregator.order_files.tables import ENGLISH, JAPANESE, TOWN

FIRST = OrderDraft(
    "大手精機",
    "ブラケット",
    600,
    date(2027, 1, 8),
    (
        DraftStep(
            "1", "cutting", 60.0, setup_h=1.0, max_lots=2, min_lot=100,
            needs=Needs(materials=frozenset({"SUS304", "A5052"}), tolerance_um=20.0),
        ),
        DraftStep("2", "inspection", 20.0, after=("1",), transport_days=0),
    ),
)  # fmt: skip
SECOND = OrderDraft(
    "東海ポンプ",
    "軸受ケース",
    1_200,
    date(2027, 1, 15),
    (
        DraftStep("1", "cutting", 45.0, pieces_per_cycle=2, setup_h=0.5),
        DraftStep("2", "inspection", 10.0, needs=Needs(others=frozenset({"三次元測定"}))),
        DraftStep("3", "inspection", 5.0, after=("1", "2")),
    ),
)


def said(text: str) -> list[str]:
    return [str(fault) for fault in read_orders(text.encode(), TOWN).faults]


@pytest.mark.parametrize("encoding", ["cp932", "utf-8", "utf-8-sig"])
def test_a_table_as_excel_in_japan_writes_it(encoding: str) -> None:
    read = read_orders(JAPANESE.encode(encoding), TOWN)
    assert read.faults == ()
    assert [(each.key, each.line, each.draft) for each in read.orders] == [
        ("A-1", 2, FIRST),
        ("A-2", 4, SECOND),
    ]


@pytest.mark.parametrize("delimiter", ["\t", ";", ","])
def test_an_english_table_with_any_usual_delimiter(delimiter: str) -> None:
    (order,) = read_orders(ENGLISH.format(delimiter).encode(), TOWN).orders
    assert [(step.process, step.after) for step in order.draft.steps] == [
        ("cutting", ()),
        ("inspection", ("1",)),
    ]


@pytest.mark.parametrize("size", ["120x80x40.5", "１２０×８０×４０．５", "120 * 80 * 40.5"])
def test_what_a_press_and_a_part_need_is_understood(size: str) -> None:
    head = "注文,バイヤー,品名,数量,納期,工程,サイクル秒,寸法mm,加圧能力kN\n"
    table = f"{head}A,大手,板,1,2027/1/8,切削,60,{size},800\n"
    (order,) = read_orders(table.encode(), TOWN).orders
    assert order.draft.steps[0].needs == Needs(size_mm=(120.0, 80.0, 40.5), tonnage_kn=800.0)
    assert (
        "line 2, column 寸法mm: expected length, width and height" in said(table.replace(size, "120x80"))[0]
    )
    assert "cannot be; give a number above 0" in said(table.replace(",800", ",0"))[0]


WRONG = {
    "no number": (("60,,,1", "x,,,1"), "line 2, column サイクル秒: expected a number of 0 or more, got 'x'"),
    "no whole number": (("600,", "6.5,"), "line 2, column 数量: expected a whole number, got '6.5'"),
    "no quantity": ((",600,", ",,"), "line 2, column 数量: this must not be empty"),
    "zero pieces": ((",600,", ",0,"), "line 2, column 数量: 0 pieces cannot be made; order at least 1"),
    "no date": (("2027/1/8", "来週"), "line 2, column 納期: expected a date such as 2026-12-25, got '来週'"),
    "a date over": (("2027/1/8", "2026/1/8"), "line 2, column 納期: 2026-01-08 is over"),
    "a process nobody has": (("切削", "めっき"), "line 2, column 工程: no factory has the process plating"),
    "no step": ((',"1、2",', ",5,"), "line 6, column 前工程: expected the number or the process"),
    "which inspection": ((',"1、2",', ",検査,"), "line 6, column 前工程: expected the number or the process"),
    "a loop": ((',"1、2",', ",3,"), "line 6, column 前工程: the steps wait for each other"),
    "two buyers": (("A-1,,", "A-1,別会社,"), "line 3, column バイヤー: is not what line 2 says"),
    "no order": (("A-1,,", ",,"), "line 3, column 注文: this must not be empty"),
    "a lot too large": ((",100,SUS", ",700,SUS"), "line 2, column 最小ロット: a lot of at least 700 pieces"),
    "a broken quote": (("ブラケット", '"ブラ"ケット'), "cannot be read as a table"),
    "no column": (("サイクル秒", "秒"), "line 1: has no column for: cycle_s"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_named_with_line_and_column(case: str) -> None:
    (old, new), expected = WRONG[case]
    assert old in JAPANESE
    (fault,) = said(JAPANESE.replace(old, new, 1))
    assert expected in fault


def test_everything_wrong_is_named_at_once_in_the_order_of_the_lines() -> None:
    text = JAPANESE.replace("検査,10", "検査,?").replace(",600,", ",,").replace("2027/1/8", "2020/1/8")
    assert [fault.split(":")[0] for fault in said(text)] == [
        "line 2, column 数量",
        "line 5, column サイクル秒",
    ]


def test_limits_and_empty_files_are_told() -> None:
    head = JAPANESE.splitlines()[0]
    rows = "".join(f"\nA-{number},B,P,1,2027-01-08,cutting,1" for number in range(MAX_ORDERS + 1))
    assert said(head + rows) == ["the file: has more than 200 orders; split it"]
    assert len(read_orders((head + rows.rpartition("\n")[0]).encode(), TOWN).orders) == MAX_ORDERS
    assert said(head) == ["the file: holds no orders"]
    assert said(head + "x" * MAX_BYTES) == ["the file: is larger than 1 MB; split it"]
    assert "neither UTF-8 nor" in str(read_orders(b"\xff\xff\x00", TOWN).faults[0])


@given(st.binary(max_size=300) | st.text(max_size=300).map(lambda text: (JAPANESE + text).encode("utf-8")))
def test_no_file_breaks_the_reader(data: bytes) -> None:
    read = read_orders(data, TOWN)
    assert read.orders or read.faults
