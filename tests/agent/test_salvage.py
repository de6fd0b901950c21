"""A torn or corrupted outbox: what reads is kept, what does not is told, and the bad file stays."""

import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.contract.records import Record
from agent.errors import OutboxDamaged
from agent.outbox import Outbox, open_outbox
from agent.outbox_file import FILE
from agent.salvage import Pages, log_of, read_records
from tests.agent.records import window, windows

PAGE = 4_096
COUNT = 5_000


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an outbox in good order: 1,000 records forgotten, 4,000 pending, all in the file."""
    folder = tmp_path_factory.mktemp("whole")
    outbox = open_outbox(folder)
    outbox.append(windows(1, COUNT), {"mc-01": {"at": 5_000}, "mc-02": {"at": 4_000}})
    outbox.forget(1_000)
    outbox.next_bd_seq()
    outbox.close()
    return folder


@pytest.fixture
def folder(whole: Path, tmp_path: Path) -> Path:
    """A copy of it, to be spoilt."""
    shutil.copy(whole / FILE, tmp_path / FILE)
    return tmp_path


def spoil(folder: Path, first: int, count: int, by: bytes = b"\xff") -> bytes:
    """Overwrite bytes of the file; return what it holds now."""
    path = folder / FILE
    content = bytearray(path.read_bytes())
    content[first : first + count] = (by * count)[: len(content[first : first + count])]
    path.write_bytes(content)
    return bytes(content)


def records(outbox: Outbox) -> list[Record]:
    rows = outbox.pending(0, 10**6)
    assert [sequence for sequence, _ in rows] == list(
        range(outbox.forgotten_through + 1, outbox.last_sequence + 1)
    )
    return [record for _, record in rows]


def records_of(path: Path) -> list[Record]:
    return [record for _, _, record in read_records(path)]


def aside(folder: Path) -> Path:
    (found,) = [path for path in folder.iterdir() if ".damaged-" in path.name and "-wal" not in path.name]
    return found


def test_a_sound_file_reads_as_a_whole(whole: Path) -> None:
    found = {number: record for number, _, record in read_records(whole / FILE)}
    assert {number: found[number] for number in range(1_001, COUNT + 1)} == {
        number: window(number) for number in range(1_001, COUNT + 1)
    }


def test_what_reads_of_a_file_with_torn_pages_goes_on_and_the_rest_is_told(
    folder: Path, whole: Path, caplog: pytest.LogCaptureFixture
) -> None:
    pages = len((whole / FILE).read_bytes()) // PAGE
    spoilt = spoil(folder, (pages - 20) * PAGE, 3 * PAGE)
    outbox = open_outbox(folder)
    found = records(outbox)
    lost = 4_000 - len(found)
    assert 50 < lost < 400
    left = set(found)
    assert found == [each for each in windows(1_001, COUNT) if each in left]
    assert aside(folder).read_bytes() == spoilt
    assert f"{len(found)} records that wait" in caplog.text
    assert f"{lost} are lost" in caplog.text
    assert str(aside(folder)) in caplog.text
    assert outbox.snapshots() == {"mc-01": {"at": 5_000}, "mc-02": {"at": 4_000}}
    assert outbox.next_bd_seq() == 1
    outbox.close()
    outbox = open_outbox(folder)
    assert records(outbox) == found, "a start later nothing is damaged any more"
    assert outbox.append([window(COUNT + 1)], {}).start == len(found) + 1
    outbox.close()


KILLED = """
import os, signal, sys
from pathlib import Path
from agent import outbox_file
from agent.outbox import open_outbox
setattr(outbox_file, sys.argv[2], lambda *_: os.kill(os.getpid(), signal.SIGKILL))
open_outbox(Path(sys.argv[1]))
"""


@pytest.mark.parametrize("at", ["_copy_records", "_put_aside", "_drop_oldest_aside"])
def test_a_kill_while_it_is_recovered_loses_nothing_that_can_be_read(
    folder: Path, whole: Path, at: str
) -> None:
    pages = len((whole / FILE).read_bytes()) // PAGE
    spoilt = spoil(folder, (pages - 20) * PAGE, 3 * PAGE)
    killed = subprocess.run([sys.executable, "-c", KILLED, str(folder), at], check=False)
    assert killed.returncode == -signal.SIGKILL
    outbox = open_outbox(folder)
    assert len(records(outbox)) > 3_500
    assert aside(folder).read_bytes() == spoilt
    outbox.close()


def test_a_kill_when_only_the_log_is_put_aside_lets_the_file_follow_it(folder: Path, whole: Path) -> None:
    pages = len((whole / FILE).read_bytes()) // PAGE
    spoilt = spoil(folder, (pages - 20) * PAGE, 3 * PAGE)
    subprocess.run([sys.executable, "-c", KILLED, str(folder), "_put_aside"], check=False)
    beside = folder / f"{FILE}.damaged-20260101T000000"
    log_of(beside).write_bytes(b"its newest writes")
    built = set(records_of(folder / f"{FILE}.recovered"))
    outbox = open_outbox(folder)
    assert set(records(outbox)) == built
    assert len(built) > 3_500
    assert aside(folder) == beside
    assert (beside.read_bytes(), log_of(beside).read_bytes()) == (spoilt, b"its newest writes")
    outbox.close()


def test_what_was_held_for_its_true_time_is_held_in_the_recovered_file_too(tmp_path: Path) -> None:
    outbox = open_outbox(tmp_path)
    outbox.append(windows(1, 2_000), {})
    outbox.hold("boot", 7)
    outbox.append(windows(2_001, 2_010), {})
    outbox.close()
    pages = (tmp_path / FILE).stat().st_size // PAGE
    spoil(tmp_path, pages // 2 * PAGE, PAGE)
    outbox = open_outbox(tmp_path)
    assert outbox.held == ("boot", 7)
    outbox.append([], {}, (60_000, {"mc-01"}))
    found = records(outbox)
    assert len(found) < 2_010
    held = [window(number) for number in range(2_001, 2_011)]
    assert found[-10:] == [replace(each, start_ms=each.start_ms + 60_000) for each in held]
    assert found[-11] == window(2_000)
    outbox.close()


@pytest.mark.parametrize("torn_at", [PAGE * 7 + 100, PAGE * 3, 50_000])
def test_a_file_that_ends_too_early_is_read_to_its_end(folder: Path, torn_at: int) -> None:
    content = (folder / FILE).read_bytes()
    (folder / FILE).write_bytes(content[:torn_at])
    outbox = open_outbox(folder)
    assert set(records(outbox)) <= set(windows(1_001, COUNT))
    assert outbox.append([window(1)], {})
    outbox.close()


def test_a_file_without_its_first_page_still_gives_its_records(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It is the page that is written most, so the one that is torn first."""
    spoil(folder, 0, PAGE)
    outbox = open_outbox(folder)
    assert set(records(outbox)) >= set(windows(1_001, COUNT))
    assert outbox.snapshots() == {}, "one that might be old would count cycles twice"
    assert "how many are lost cannot be told" in caplog.text
    outbox.close()


@pytest.mark.parametrize(
    "spoilt", [b"this is no database" * 1_000, b"SQLite format 3\0" + b"x" * 9_000, b"\0" * 5]
)
def test_a_file_of_which_nothing_reads_is_kept_aside_and_a_new_one_begun(
    tmp_path: Path, spoilt: bytes
) -> None:
    (tmp_path / FILE).write_bytes(spoilt)
    outbox = open_outbox(tmp_path)
    assert outbox.pending_count == 0
    outbox.append(windows(1, 3), {})
    outbox.close()
    assert aside(tmp_path).read_bytes() == spoilt


def test_what_lay_in_the_write_ahead_log_is_recovered_too(tmp_path: Path) -> None:
    (tmp_path / "live").mkdir()
    outbox = open_outbox(tmp_path / "live")
    outbox.append(windows(1, 100), {})
    outbox._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    for number in range(101, 301):
        outbox.append([window(number)], {"mc-01": {"at": number}})
    for path in (tmp_path / "live" / FILE, log_of(tmp_path / "live" / FILE)):
        shutil.copy(path, tmp_path / path.name)
    outbox.close()
    assert log_of(tmp_path / FILE).stat().st_size > 100 * PAGE
    spoil(tmp_path, 0, PAGE, b"\0")
    log_of(tmp_path / FILE).write_bytes(log_of(tmp_path / FILE).read_bytes()[:-PAGE])  # its end is torn
    found = {number for number, _, _ in read_records(tmp_path / FILE)}
    assert found >= set(range(1, 300))


def test_a_record_with_a_flipped_bit_is_no_record(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    """SQLite does not notice: the page hangs together. Its count would be wrong, not missing."""
    content = (folder / FILE).read_bytes()
    place = content.rindex(b"mc-01") + 8
    spoil(folder, place, 1, bytes([content[place] ^ 4]))
    outbox = open_outbox(folder)
    with pytest.raises(OutboxDamaged, match="has a damaged record after sequence"):
        outbox.pending(0, 10**6)
    before = outbox.epoch
    outbox.recover()
    assert outbox.epoch != before
    assert len(records(outbox)) == 3_999
    assert set(records(outbox)) < set(windows(1_001, COUNT))
    assert "1 are lost" in caplog.text
    outbox.close()


def test_a_snapshot_with_a_flipped_bit_is_not_gone_on_from(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    content = (folder / FILE).read_bytes()
    place = content.rindex(b'{"at":5000}') + 6
    spoil(folder, place, 1, b"9")
    outbox = open_outbox(folder)
    assert outbox.snapshots() == {"mc-02": {"at": 4_000}}
    assert "what is remembered of mc-01 is damaged" in caplog.text
    outbox.close()


def test_few_damaged_files_are_kept(tmp_path: Path) -> None:
    """A disk that fails shall not be filled with what it spoilt."""
    for number in range(5):
        (tmp_path / FILE).write_bytes(b"%d" % number * 5_000)
        open_outbox(tmp_path).close()
    kept = sorted(path.read_bytes()[:1] for path in tmp_path.glob("*.damaged-*") if "-wal" not in path.name)
    assert kept == [b"2", b"3", b"4"]


def test_damage_that_the_message_about_it_quotes_is_met_in_the_same_way(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    content = (folder / FILE).read_bytes()
    (folder / FILE).write_bytes(content.replace(b"CREATE TABLE held", b"CREATE TABL\x80 held"))
    outbox = open_outbox(folder)
    assert records(outbox) == windows(1_001, COUNT)
    assert 'is damaged (malformed database schema (held) - near "TABL\ufffd": syntax error)' in caplog.text
    outbox.close()


@settings(max_examples=25)
@given(
    st.lists(st.tuples(st.integers(0, 10**6), st.integers(1, 9_000)), min_size=1, max_size=5), st.randoms()
)
def test_whatever_is_spoilt_only_true_records_come_out(
    whole: Path, tmp_path_factory: pytest.TempPathFactory, holes: list[tuple[int, int]], chance: random.Random
) -> None:
    folder = tmp_path_factory.mktemp("spoilt")
    content = bytearray((whole / FILE).read_bytes())
    hurt: set[int] = set()
    for first, count in holes:
        at = first % len(content)
        end = min(at + count, len(content))
        content[at:end] = chance.randbytes(end - at)
        hurt |= set(range(at // PAGE, (end - 1) // PAGE + 1))
    (folder / FILE).write_bytes(content)
    outbox = open_outbox(folder)
    try:
        found = set(records(outbox))
    except OutboxDamaged:
        outbox.recover()
        found = set(records(outbox))
    assert found <= set(windows(1, COUNT))
    sound = Pages((whole / FILE).read_bytes(), b"").count - len(hurt)
    assert len(found) >= 20 * (sound - 20), "a page that was not hurt gives its records"
    outbox.append([window(1)], {})
    outbox.close()
    shutil.rmtree(folder)


@pytest.fixture
def running(folder: Path) -> Iterator[Outbox]:
    outbox = open_outbox(folder)
    yield outbox
    outbox.close()


def test_damage_that_is_met_while_it_runs_is_met_in_the_same_way(running: Outbox, folder: Path) -> None:
    running._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    running._connection.execute("PRAGMA cache_size = 0")
    pages = (folder / FILE).stat().st_size // PAGE
    with (folder / FILE).open("r+b") as file:
        file.seek((pages - 20) * PAGE)
        file.write(b"\xff" * 10 * PAGE)
    with pytest.raises(OutboxDamaged, match="is damaged"):
        running.pending(0, 10**6)
    running.recover()
    assert 3_000 < len(records(running)) < 4_000
    assert running.append([window(1)], {})
