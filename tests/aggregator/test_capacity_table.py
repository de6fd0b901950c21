import pytest

from aggregator.capacity_table import aligned, capacity_table, columns, language_of


def row(process: str, week: int, p50: float | None, **more: object) -> dict[str, object]:
    spare = None if p50 is None else {"p10": p50 - 5, "p50": p50, "p90": p50 + 5}
    told: dict[str, object] = {
        "process": process,
        "factory": None,
        "week": f"2026-W{week}",
        "monday": "2026-11-23",
        "coverage": 0.96,
        "level": "plenty",
        "spare": spare,
        "reason": None,
        "silent": [],
    }
    return told | more


def answer(*rows: dict[str, object], by: str = "process", progress: float = 1.0) -> dict[str, object]:
    return {"by": by, "fresh": "2026-11-24T14:05:30+09:00", "progress": progress, "rows": list(rows)}


def test_columns_stand_below_each_other_although_japanese_letters_are_wide() -> None:
    lines = capacity_table(
        answer(row("cutting", 48, 120), row("surface_treatment", 48, 8), row("laser", 48, 1234)), "ja"
    ).splitlines()
    table = lines[2:]
    assert len({columns(line) for line in table}) == 1
    assert table[1].startswith("切削      ")
    assert table[2].startswith("表面処理")
    assert table[3].endswith("1234 (1229-1239)")


def test_unknown_and_closed_weeks_are_words() -> None:
    closed = row("cutting", 49, 0, level="closed")
    text = capacity_table(answer(row("cutting", 48, None, reason="no_calendar"), closed), "en")
    assert text.splitlines()[-1].split()[-2:] == ["unknown", "closed"]


def test_who_has_no_number_is_named_with_the_reason() -> None:
    silent = row("cutting", 48, 20, silent=[{"factory": "tanabe", "reason": "low_coverage"}])
    assert capacity_table(answer(silent), "en").endswith(
        "factories without a number: tanabe (too little data)"
    )
    alone = row("cutting", 48, None, factory="tanabe", reason="no_history")
    assert "数字のない工場: tanabe (実測が短い)" in capacity_table(answer(alone, by="factory"), "ja")


def test_rows_by_factory_have_a_column_for_it() -> None:
    lines = capacity_table(answer(row("cutting", 48, 20, factory="aoki"), by="factory"), "en").splitlines()
    assert lines[2].split()[:3] == ["process", "factory", "data"]
    assert lines[3].split() == ["Cutting", "aoki", "96%", "20", "(15-25)"]


def test_a_past_that_is_still_read_and_an_empty_town_are_said() -> None:
    assert "still being read: 40%" in capacity_table(answer(progress=0.4), "en")
    assert capacity_table(answer(), "en").endswith("There are no machines yet.")
    assert capacity_table(answer() | {"fresh": None}, "ja").startswith("まだ計算されていません")


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({"LANG": "ja_JP.UTF-8"}, "ja"),
        ({"LANG": "en_US.UTF-8"}, "en"),
        ({"LC_ALL": "", "LC_MESSAGES": "ja_JP", "LANG": "en_US"}, "ja"),
        ({"LC_ALL": "C", "LANG": "ja_JP"}, "en"),
        ({}, "en"),
    ],
)
def test_the_locale_chooses_the_language(environment: dict[str, str], language: str) -> None:
    assert language_of(environment) == language


def test_numbers_end_right_and_words_begin_left() -> None:
    assert aligned([["工程", "h"], ["a", "123"]], left=1) == ["工程    h", "a     123"]
