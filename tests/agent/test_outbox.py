"""The outbox: durable, in order, contiguous in its epoch, and plain about a file it cannot use."""

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.contract.records import Record
from agent.errors import OutboxError
from agent.outbox import Outbox, open_outbox
from agent.outbox_file import FILE, is_in_use
from agent.sealed import to_blob, unseal
from tests.agent.records import RECORDS, window, windows


@contextmanager
def opened(folder: Path) -> Iterator[Outbox]:
    outbox = open_outbox(folder)
    try:
        yield outbox
    finally:
        outbox.close()


def sequences(outbox: Outbox) -> list[int]:
    return [sequence for sequence, _ in outbox.pending(0, 1_000_000)]


def test_records_come_back_in_order_after_a_restart(tmp_path: Path) -> None:
    with opened(tmp_path) as outbox:
        assert outbox.append(windows(1, 3), {}) == range(1, 4)
        assert outbox.append(windows(4, 5), {}) == range(4, 6)
    with opened(tmp_path) as outbox:
        assert outbox.pending(0, 100) == [(number, window(number)) for number in range(1, 6)]
        assert outbox.pending(2, 2) == [(3, window(3)), (4, window(4))]
        assert outbox.pending(5, 100) == []


@settings(max_examples=20)
@given(st.lists(RECORDS, max_size=50))
def test_any_record_comes_back_as_it_was(records: list[Record]) -> None:
    with TemporaryDirectory() as folder, opened(Path(folder)) as outbox:
        outbox.append(records, {})
        assert [record for _, record in outbox.pending(0, 100)] == records


def test_the_sequence_goes_on_when_everything_was_forgotten_and_the_agent_restarted(tmp_path: Path) -> None:
    with opened(tmp_path) as outbox:
        epoch = outbox.epoch
        outbox.append(windows(1, 7), {})
        assert outbox.forget(7) == 7
    for expected in (8, 9):
        with opened(tmp_path) as outbox:
            assert (outbox.epoch, outbox.pending_count) == (epoch, 0)
            assert outbox.append([window(1)], {}) == range(expected, expected + 1)
            outbox.forget(expected)


def test_each_file_has_an_epoch_of_its_own(tmp_path: Path) -> None:
    with opened(tmp_path / "a") as one, opened(tmp_path / "b") as other:
        assert one.epoch != other.epoch


def test_only_what_is_stored_is_forgotten_and_never_more_than_there_is(tmp_path: Path) -> None:
    with opened(tmp_path) as outbox:
        outbox.append(windows(1, 5), {})
        assert outbox.forget(2) == 2
        assert outbox.forget(2) == outbox.forget(1) == 0
        assert (sequences(outbox), outbox.forgotten_through, outbox.pending_count) == ([3, 4, 5], 2, 3)
        assert outbox.forget(99) == 3
        assert (outbox.forgotten_through, outbox.last_sequence) == (5, 5)


def test_what_is_forgotten_leaves_the_file_with_the_next_write_or_in_the_end(tmp_path: Path) -> None:
    """A write of its own for each announcement would wear an SD card."""
    with opened(tmp_path) as outbox:
        outbox.append(windows(1, 5), {})
        outbox.forget(3)
        assert (rows_in(outbox), sequences(outbox)) == ([1, 2, 3, 4, 5], [4, 5])
        outbox.append([window(6)], {})
        assert rows_in(outbox) == [4, 5, 6]
        outbox.forget(5)
        outbox._connection.close()  # killed: it is sent again, which counts once all the same
    with opened(tmp_path) as outbox:
        assert (outbox.forgotten_through, sequences(outbox)) == (3, [4, 5, 6])
        outbox.forget(6)
    with opened(tmp_path) as outbox:
        assert (outbox.forgotten_through, rows_in(outbox)) == (6, [])


def rows_in(outbox: Outbox) -> list[int]:
    return [number for (number,) in outbox._connection.execute("SELECT number FROM records")]


def test_what_is_said_of_another_epoch_forgets_and_returns_nothing(tmp_path: Path) -> None:
    with opened(tmp_path) as outbox:
        outbox.append(windows(1, 5), {})
        before = outbox.epoch
        outbox.renew()
        assert (outbox.forget(3, before), outbox.pending(0, 10, before)) == (0, [])
        assert len(outbox.pending(0, 10, outbox.epoch)) == 5
        assert outbox.forget(3, outbox.epoch) == 3


FORMAT_1 = """
CREATE TABLE outbox (epoch TEXT NOT NULL, forgotten_through INTEGER NOT NULL, bd_seq INTEGER NOT NULL);
CREATE TABLE records (sequence INTEGER PRIMARY KEY, record BLOB NOT NULL);
CREATE TABLE machines (machine TEXT PRIMARY KEY, snapshot BLOB NOT NULL) WITHOUT ROWID;
PRAGMA user_version = 1;
"""


def test_the_outbox_of_an_older_agent_goes_on(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / FILE)
    connection.executescript(FORMAT_1)
    rows = [(number, unseal(to_blob(window(number)))) for number in (8, 9)]
    with connection:
        connection.execute("INSERT INTO outbox VALUES ('old', 7, 41)")
        connection.executemany("INSERT INTO records VALUES (?, ?)", rows)
        connection.execute("INSERT INTO machines VALUES (?, ?)", ("mc-01", b'{"at":9}'))
    connection.close()
    for _ in range(2):
        with opened(tmp_path) as outbox:
            assert (outbox.epoch, outbox.forgotten_through, outbox.last_sequence) == ("old", 7, 9)
            assert outbox.pending(0, 10) == [(8, window(8)), (9, window(9))]
            assert outbox.snapshots() == {"mc-01": {"at": 9}}


def test_renewed_it_keeps_what_is_pending_under_a_new_epoch_and_new_numbers(tmp_path: Path) -> None:
    with opened(tmp_path) as outbox:
        outbox.append(windows(1, 1_000), {"mc-01": {"at": 1}})
        outbox.forget(300)
        before = outbox.epoch
        outbox.renew()
        assert outbox.append([window(1_001)], {}) == range(701, 702)
    with opened(tmp_path) as outbox:
        assert outbox.epoch != before
        assert (outbox.forgotten_through, outbox.last_sequence, outbox.pending_count) == (0, 701, 701)
        assert outbox.pending(0, 10**6) == list(enumerate(windows(301, 1_001), start=1))
        assert outbox.snapshots() == {"mc-01": {"at": 1}}
        outbox.forget(701)
        outbox.renew()
        assert (outbox.forgotten_through, outbox.last_sequence, outbox.pending_count) == (0, 0, 0)
        assert outbox.append([window(1_002)], {}) == range(1, 2)


def test_what_came_since_the_centre_was_last_heard_is_known_over_restarts(tmp_path: Path) -> None:
    with opened(tmp_path) as outbox:
        assert outbox.is_confirmed  # nobody else can know it
        outbox.append(windows(1, 5), {})
        outbox.next_bd_seq()
    for confirmed, last in ((5, 7), (5, 9)):
        with opened(tmp_path) as outbox:
            assert (outbox.is_confirmed, outbox.confirmed_through) == (False, confirmed)
            outbox.append(windows(last - 1, last), {})
    with opened(tmp_path) as outbox:
        outbox.confirm("another epoch")
        assert not outbox.is_confirmed
        outbox.confirm(outbox.epoch)
        assert outbox.is_confirmed
        outbox.append(windows(10, 11), {})
    with opened(tmp_path) as outbox:
        assert (outbox.is_confirmed, outbox.confirmed_through) == (False, 11)
        outbox.append(windows(12, 13), {})
        outbox.renew()
        assert outbox.is_confirmed
    with opened(tmp_path) as outbox:
        assert (outbox.is_confirmed, outbox.confirmed_through) == (False, 13)


def test_copies_of_an_outbox_that_was_never_used_have_epochs_of_their_own(tmp_path: Path) -> None:
    epochs = []
    for _ in range(2):  # as on the same image of an SD card
        with opened(tmp_path) as outbox:
            epochs.append(outbox.epoch)
    assert epochs[0] != epochs[1]


def test_snapshots_change_with_the_records_that_led_to_them(tmp_path: Path) -> None:
    with opened(tmp_path) as outbox:
        outbox.append([window(1)], {"mc-01": {"at": 1}, "mc-02": {"at": 1}})
        outbox.append([window(2)], {"mc-01": {"at": 2, "名": [1, None, 0.5]}})
    with opened(tmp_path) as outbox:
        assert outbox.snapshots() == {"mc-01": {"at": 2, "名": [1, None, 0.5]}, "mc-02": {"at": 1}}


def test_bd_seq_counts_every_connect_over_restarts_and_wraps_after_255(tmp_path: Path) -> None:
    seen = []
    for _ in range(3):
        with opened(tmp_path) as outbox:
            seen += [outbox.next_bd_seq() for _ in range(100)]
    assert seen == [number % 256 for number in range(300)]


APPENDING = """
import sys
from pathlib import Path
from agent.outbox import open_outbox
from tests.agent.records import window
outbox = open_outbox(Path(sys.argv[1]))
number = outbox.last_sequence
while True:
    number += 1
    outbox.append([window(number)], {"mc-01": {"through": number}})
    print(number, flush=True)
"""


def test_what_was_appended_is_there_after_a_sigkill(tmp_path: Path) -> None:
    for _ in range(3):
        with subprocess.Popen(
            [sys.executable, "-c", APPENDING, tmp_path], stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout
            told = [int(process.stdout.readline()) for _ in range(20)]
            os.kill(process.pid, signal.SIGKILL)
            told += [int(line) for line in process.stdout.read().splitlines() if line]
        with opened(tmp_path) as outbox:
            assert outbox.last_sequence >= max(told)
            assert sequences(outbox) == list(range(1, outbox.last_sequence + 1))
            assert [record for _, record in outbox.pending(0, 10**6)] == windows(1, outbox.last_sequence)
            assert outbox.snapshots() == {"mc-01": {"through": outbox.last_sequence}}


def test_a_second_agent_on_the_same_folder_is_told_so(tmp_path: Path) -> None:
    with opened(tmp_path), pytest.raises(OutboxError, match="is in use by another agent; stop it, or give"):
        open_outbox(tmp_path)
    with opened(tmp_path) as outbox:
        assert outbox.pending_count == 0


def test_a_folder_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutboxError, match="file/data: cannot be made or used as the data folder: Not a dir"):
        open_outbox(tmp_path / "file" / "data")
    (tmp_path / "data" / FILE).mkdir(parents=True)
    with pytest.raises(OutboxError, match=r"data/outbox\.db: cannot be opened; check that the folder"):
        open_outbox(tmp_path / "data")


def test_a_file_of_a_newer_agent_is_not_touched(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / FILE)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(OutboxError, match=r"was written by a newer agent \(format 99\); update this one"):
        open_outbox(tmp_path)


FILLING = """
import resource, sys
from pathlib import Path
from agent.errors import OutboxError
from agent.outbox import open_outbox
from tests.agent.records import windows
outbox = open_outbox(Path(sys.argv[1]))
outbox.append(windows(1, 10), {"mc-01": {"through": 10}})
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))
try:
    outbox.append(windows(11, 5_000), {"mc-01": {"through": 5_000}})
except OutboxError as error:
    print(error)
print(outbox.last_sequence, outbox.next_bd_seq())
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
print(outbox.append(windows(11, 20), {"mc-01": {"through": 20}}))
"""


def test_a_file_that_may_not_grow_fails_the_write_and_nothing_else(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FILLING, tmp_path], capture_output=True, text=True, check=True
    )
    sentence, numbers, written = done.stdout.splitlines()
    assert sentence.startswith(f"{tmp_path / FILE}: the disk")
    assert (numbers, written) == ("10 0", "range(11, 21)")
    with opened(tmp_path) as outbox:
        assert [record for _, record in outbox.pending(0, 100)] == windows(1, 20)
        assert outbox.snapshots() == {"mc-01": {"through": 20}}


def test_whether_an_agent_runs_on_it_is_told_without_touching_it(tmp_path: Path) -> None:
    assert not is_in_use(tmp_path)
    assert list(tmp_path.iterdir()) == []
    with opened(tmp_path) as outbox:
        outbox.append(windows(1, 3), {})
        assert is_in_use(tmp_path)
    before = (tmp_path / FILE).read_bytes()
    assert not is_in_use(tmp_path)
    assert (tmp_path / FILE).read_bytes() == before
    (tmp_path / FILE).write_bytes(b"no database at all")
    assert not is_in_use(tmp_path)
