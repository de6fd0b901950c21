"""The outbox at its bounds: size and age merge the oldest windows, and the file stays small."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from agent import outbox as outbox_module
from agent.contract.records import HOUR_MS, MINUTE_MS, Record, Window
from agent.merging import MEGABYTE, Bounds
from agent.outbox import Outbox, open_outbox
from agent.outbox_file import FILE, LOG_BYTES
from agent.salvage import log_of
from tests.agent.records import NOON_MS, window

MACHINES = [f"mc-{number:02}" for number in range(20)]


def hours(first: int, count: int, machines: list[str]) -> list[Record]:
    """Return the minutes of so many hours of machines, as they come."""
    start = (NOON_MS // HOUR_MS * HOUR_MS - NOON_MS) // MINUTE_MS + first * 60
    return [window(number, machine) for number in range(start, start + count * 60) for machine in machines]


def lengths(outbox: Outbox) -> list[int]:
    rows = outbox.pending(0, 10**7)
    assert [sequence for sequence, _ in rows] == list(
        range(outbox.forgotten_through + 1, outbox.last_sequence + 1)
    )
    return [record.length_ms for _, record in rows if isinstance(record, Window)]


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path


def test_at_its_size_the_oldest_windows_become_hours_and_the_file_grows_no_more(folder: Path) -> None:
    outbox = open_outbox(folder, Bounds(size_mb=8, age_days=365))
    cycles = days = 0
    while days < 9:
        records = hours(24 * days, 24, MACHINES)
        cycles += sum(record.cycles or 0 for record in records if isinstance(record, Window))
        outbox.append(records, {})
        before = outbox.epoch
        assert outbox.keep_bounds() is (outbox.epoch != before)
        days += 1
        size = (folder / FILE).stat().st_size + log_of(folder / FILE).stat().st_size
        assert size < 8 * MEGABYTE + LOG_BYTES  # a day comes in one write here, which its log holds besides
    found = [record for _, record in outbox.pending(0, 10**7) if isinstance(record, Window)]
    assert sum(record.cycles or 0 for record in found) == cycles
    assert sum(record.length_ms for record in found) == days * 24 * HOUR_MS * len(MACHINES)
    assert found[0].length_ms == HOUR_MS
    assert found[-1].length_ms == MINUTE_MS, "the newest stay minutes"
    assert len(lengths(outbox)) < days * 1_440 * len(MACHINES) // 3
    outbox.close()


def test_windows_that_waited_for_too_long_become_hours_and_the_others_stay(folder: Path) -> None:
    now_ms = [NOON_MS]
    outbox = open_outbox(folder, Bounds(age_days=1), lambda: now_ms[0])

    def pass_hours(first: int, count: int) -> None:
        for hour in range(first, first + count):
            now_ms[0] += HOUR_MS
            outbox.append(hours(hour, 1, ["mc-01"]), {})

    pass_hours(0, 36)
    before = outbox.epoch
    assert outbox.keep_bounds()
    assert outbox.epoch != before
    assert lengths(outbox) == [HOUR_MS] * 12 + [MINUTE_MS] * 24 * 60
    assert outbox.forgotten_through == 0
    assert not outbox.keep_bounds(), "once a day is often enough"
    pass_hours(36, 25)
    outbox.close()
    outbox = open_outbox(folder, Bounds(age_days=1), lambda: now_ms[0])
    assert outbox.keep_bounds()
    assert lengths(outbox) == [HOUR_MS] * 37 + [MINUTE_MS] * 24 * 60
    outbox.close()


def test_a_recorded_log_of_years_ago_is_not_old(folder: Path) -> None:
    outbox = open_outbox(folder, Bounds(age_days=1), lambda: NOON_MS + 10**11)
    outbox.append(hours(0, 100, ["mc-01"]), {})
    assert not outbox.keep_bounds()
    outbox.close()


def test_a_merged_outbox_goes_on_after_a_restart_with_what_came_before_and_after(folder: Path) -> None:
    outbox = open_outbox(folder)
    outbox.append(hours(0, 3, ["mc-01"]), {"mc-01": {"at": 1}})
    outbox.forget(30)
    assert outbox.merge(120)
    epoch, found = outbox.epoch, outbox.pending(0, 1_000)
    assert lengths(outbox) == [30 * MINUTE_MS, HOUR_MS, *[MINUTE_MS] * 60]
    outbox.close()
    outbox = open_outbox(folder)
    assert (outbox.epoch, outbox.pending(0, 1_000), outbox.snapshots()) == (
        epoch,
        found,
        {"mc-01": {"at": 1}},
    )
    assert outbox.append(hours(3, 1, ["mc-01"]), {}) == range(63, 123)
    outbox.close()


def test_nothing_to_merge_changes_nothing(folder: Path) -> None:
    outbox = open_outbox(folder)
    outbox.append([window(1, job="J-1"), window(2, job="J-2")], {})
    before = outbox.epoch
    assert not outbox.merge(2)
    assert (outbox.epoch, outbox.pending_count) == (before, 2)
    outbox.close()


def test_chunks_are_merged_one_after_another_without_a_hole(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.rewriting.CHUNK_ROWS", 100)
    outbox = open_outbox(folder)
    outbox.append(hours(0, 5, ["mc-01", "mc-02"]), {})
    assert outbox.merge(outbox.last_sequence)
    assert sum(lengths(outbox)) == 10 * HOUR_MS
    assert outbox.merge(outbox.last_sequence), "what chunks cut apart is joined the next time"
    assert lengths(outbox) == [HOUR_MS] * 10
    outbox.close()


def test_what_cannot_be_made_smaller_stays_and_is_said_once(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(outbox_module, "MEGABYTE", LOG_BYTES // 8 + 1_000)
    outbox = open_outbox(folder, Bounds(size_mb=8))
    records: list[Record] = [window(number, job=f"J-{number}") for number in range(2_000)]
    for first in (0, 1_000):
        outbox.append(records[first : first + 1_000], {})
        outbox.keep_bounds()
    assert [record for _, record in outbox.pending(0, 10_000)] == records
    assert caplog.text.count("so that no total is lost; raise size_mb") == 1
    outbox.close()
