"""agent/drivers/replay/log.py: rows in, batches in strictly increasing time out, hazards and all."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.drivers.replay.log import Log, follows, to_ms
from agent.drivers.replay.settings import Settings
from agent.errors import ConfigError
from agent.measuring.reading import GOOD, Batch

HEADER = ["file", "at", "key", "value"]
SETTINGS = Settings(
    file="log.csv", signals={"run": "execution", "mode": "mode"}, file_column="file", unknown=("UNAVAILABLE",)
)
MONDAY, TUESDAY, FRIDAY = "0502-0503", "0503-0504", "0506-0507"


def told(rows: Sequence[Sequence[str]], settings: Settings = SETTINGS) -> list[tuple[int, dict[str, object]]]:
    """Return (second, values) of each batch."""
    return [
        (batch[0].at_ms // 1000, {reading.signal: reading.value for reading in batch})
        for batch in Log(settings, HEADER).batches(rows)
    ]


def at(second: float) -> str:
    return f"1970-01-01T00:{int(second) // 60:02}:{second % 60:06.3f}Z"


def test_rows_of_one_millisecond_are_one_batch() -> None:
    rows = [
        [MONDAY, "1970-01-01T00:00:01.000100Z", "execution", "READY"],
        [MONDAY, "1970-01-01T00:00:01.000900Z", "mode", "MANUAL"],
        [MONDAY, "1970-01-01T00:00:02Z", "execution", "ACTIVE"],
        [MONDAY, "1970-01-01T00:00:03Z", "tool", "7"],
    ]
    assert told(rows)[:2] == [(1, {"run": "READY", "mode": "MANUAL"}), (2, {"run": "ACTIVE"})]


def test_keys_that_no_signal_names_are_passed_over_and_one_key_can_be_two_signals() -> None:
    settings = Settings(file="log.csv", signals={"a": "execution", "b": "execution"})
    rows = [[MONDAY, at(1), "execution", "READY"], [MONDAY, at(2), "tool", "7"]]
    assert told(rows, settings) == [(1, {"a": "READY", "b": "READY"}), (2, {"a": None, "b": None})]


def test_unknown_and_empty_values_are_none_with_the_logs_own_word() -> None:
    rows = [
        [MONDAY, at(1), "execution", "UNAVAILABLE"],
        [MONDAY, at(2), "mode", ""],
        [MONDAY, at(3), "mode", "0"],
    ]
    batches = list(Log(SETTINGS, HEADER).batches(rows))
    first, second, third = (batch[0] for batch in batches[:3])
    assert (first.value, first.quality) == (None, "UNAVAILABLE")
    assert (second.value, second.quality) == (None, "no value")
    assert (third.value, third.quality) == ("0", GOOD)


def test_a_stale_snapshot_at_the_head_of_a_file_moves_nothing_back() -> None:
    rows = [
        [MONDAY, at(10), "execution", "ACTIVE"],
        [MONDAY, at(20), "execution", "READY"],
        [TUESDAY, at(5), "mode", "AUTOMATIC"],
        [TUESDAY, at(10), "execution", "ACTIVE"],
        [TUESDAY, at(20), "execution", "READY"],
        [TUESDAY, at(30), "mode", "MANUAL"],
    ]
    log = Log(SETTINGS, HEADER)
    batches = list(log.batches(rows))
    assert [batch[0].at_ms // 1000 for batch in batches] == [10, 20, 30]
    assert [reading.value for reading in batches[1]] == ["READY", "READY"]
    assert (log.rows, log.stale, log.bad) == (6, 2, 0)


def test_adjacent_files_are_one_log() -> None:
    rows = [
        [MONDAY, at(10), "execution", "ACTIVE"],
        [TUESDAY, at(30), "execution", "READY"],
        [TUESDAY, at(31), "tool", "7"],
    ]
    assert told(rows)[:2] == [(10, {"run": "ACTIVE"}), (30, {"run": "READY"})]


def test_between_files_that_are_not_adjacent_everything_is_unknown() -> None:
    rows = [
        [MONDAY, at(10), "execution", "ACTIVE"],
        [MONDAY, at(20), "mode", "MANUAL"],
        # the snapshot: since before the gap, and not told anew
        [FRIDAY, at(10), "execution", "ACTIVE"],
        [FRIDAY, at(20), "mode", "MANUAL"],
        [FRIDAY, at(40), "execution", "ACTIVE"],
    ]
    assert told(rows) == [
        (10, {"run": "ACTIVE"}),
        (20, {"mode": None, "run": None}),
        (40, {"run": None, "mode": None}),
    ]


def test_what_happened_in_a_gap_counts_from_when_it_happened() -> None:
    rows = [[MONDAY, at(10), "execution", "ACTIVE"], [FRIDAY, at(15), "execution", "READY"]]
    assert told(rows)[:2] == [(10, {"run": None, "mode": None}), (15, {"run": None, "mode": None})]
    assert [reading.value for reading in list(Log(SETTINGS, HEADER).batches(rows))[1]] == [
        "READY",
        None,
        None,
    ]


def test_files_that_tell_nothing_new_add_nothing() -> None:
    rows = [[MONDAY, at(10), "execution", "ACTIVE"]]
    rows += [[f"{year}0101-{year}0102", at(5), "execution", "UNAVAILABLE"] for year in range(2018, 2030)]
    (batch,) = Log(SETTINGS, HEADER).batches(rows)
    assert [(one.signal, one.value) for one in batch] == [("run", "ACTIVE"), ("run", None), ("mode", None)]


def test_after_the_last_row_everything_is_unknown() -> None:
    rows = [[MONDAY, at(10), "execution", "ACTIVE"], [MONDAY, at(25), "tool", "7"]]
    assert told(rows)[-1] == (25, {"run": None, "mode": None})


def test_without_a_file_column_the_log_is_one() -> None:
    settings = Settings(file="log.csv", signals={"run": "execution"})
    rows = [[MONDAY, at(10), "execution", "ACTIVE"], [FRIDAY, at(40), "execution", "READY"]]
    assert [second for second, _ in told(rows, settings)] == [10, 40]


@pytest.mark.parametrize(
    ("before", "file", "adjacent"),
    [
        ("", "20160502-20160503", True),
        ("20160502-20160503", "20160503-20160504", True),
        ("20160627-20160628", "20160927-20160928", False),
        ("a.csv", "b.csv", False),
    ],
)
def test_files_are_adjacent_when_their_names_say_so(before: str, file: str, adjacent: bool) -> None:
    assert follows(before, file) is adjacent


def test_bad_rows_are_counted_and_the_first_is_named() -> None:
    rows = [
        [MONDAY, at(1), "execution", "READY"],
        [MONDAY, "yesterday", "execution", "ACTIVE"],
        [MONDAY, "2016-05-02T05:00:00", "execution", "ACTIVE"],
        [MONDAY],
        [],
        [MONDAY, at(2), "execution", "ACTIVE"],
    ]
    log = Log(SETTINGS, HEADER)
    assert len(list(log.batches(rows))) == 2
    assert (log.rows, log.bad) == (6, 4)
    assert log.first_bad == "row 2: Invalid isoformat string: 'yesterday'"


def test_a_time_without_an_offset_is_refused_and_one_with_is_exact() -> None:
    with pytest.raises(ValueError, match="no offset from UTC"):
        to_ms("2016-05-02T05:00:00")
    assert to_ms("2016-05-02T14:00:00.0009+09:00") == to_ms("2016-05-02T05:00:00Z") == 1_462_165_200_000


@pytest.mark.parametrize("setting", ["at", "key", "value", "file_column"])
def test_a_missing_column_is_named_with_its_setting(setting: str) -> None:
    columns: dict[str, Any] = {setting: "zeit"}
    settings = Settings(file="log.csv", signals={"run": "execution"}, **columns)
    with pytest.raises(
        ConfigError, match=f"replay.{setting}: log.csv has no column 'zeit'; its columns: file, at"
    ):
        Log(settings, HEADER)


texts = st.sampled_from(["READY", "ACTIVE", "UNAVAILABLE", ""]) | st.text(max_size=3)
times = st.integers(0, 3_599).map(at) | st.text(max_size=5)
cells = st.tuples(
    st.sampled_from([MONDAY, TUESDAY, FRIDAY]), times, st.sampled_from(["execution", "mode", "x"]), texts
)
some_rows = st.lists(cells.map(list) | st.lists(st.text(max_size=3), max_size=5), max_size=30)


@given(rows=some_rows)
def test_whatever_the_log_holds_time_only_goes_forward(rows: list[list[str]]) -> None:
    log = Log(SETTINGS, HEADER)
    batches: list[Batch] = list(log.batches(rows))
    assert all(batch for batch in batches)
    assert all(len({reading.at_ms for reading in batch}) == 1 for batch in batches)
    assert all(one[0].at_ms < after[0].at_ms for one, after in pairwise(batches))
    assert log.rows == len(rows)
    if batches:
        last = {reading.signal: reading.value for reading in batches[-1]}
        assert last == {"run": None, "mode": None}
