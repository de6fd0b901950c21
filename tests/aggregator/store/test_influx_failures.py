"""What InfluxDB refuses: nothing counts as stored that is not, one bad point holds up nothing else.

Whatever the engine can be brought to refuse it refuses itself; the rest is said in front of it, once.
"""

import itertools
import json
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest

from agent.contract.records import HOUR_MS, MINUTE_MS
from agent.contract.states import State
from aggregator.model.machine import MachineKey
from aggregator.model.window import StateChange, Window
from aggregator.store.influx.answers import LONGEST_WAIT_S, Meaning, read_refusal
from aggregator.store.influx.influx import Influx
from aggregator.store.influx.points import window_line
from aggregator.store.influx.server import MOST_REFUSED, Place, Server
from aggregator.store.timeseries import StoreError
from tests.aggregator.store.conformance import LATHE, MILL, NOON_MS, minute, minutes, summed, window
from tests.influx_adapter import ORG, READ_TOKEN, TOKEN
from tests.influx_engine import InfluxEngine, influx_engine
from tests.stack import free_port, wait_until

KEEP_DAYS = 36_500
LARGEST = 40_000  # bytes in a request: a hundred windows are more
WRITE = "/api/v2/write"
HOURLY = NOON_MS + HOUR_MS
_numbers = count()


@pytest.fixture(scope="module")
def engine_(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InfluxEngine]:
    with influx_engine(tmp_path_factory.mktemp("influx"), LARGEST) as engine:
        yield engine


@pytest.fixture
def open_server(engine_: InfluxEngine) -> Iterator[Callable[..., Server]]:
    opened: list[Server] = []

    def open_(token: str = TOKEN, org: str = ORG, timeout_s: float = 30.0, url: str = engine_.url) -> Server:
        opened.append(Server(Place(url, org, token, timeout_s)))
        return opened[-1]

    yield open_
    for server in opened:
        server.close()


@pytest.fixture
def bucket() -> str:
    return f"failing-{os.getpid()}-{next(_numbers)}"


@pytest.fixture
def influx(open_server: Callable[..., Server], bucket: str) -> Influx:
    return Influx(open_server(), bucket, KEEP_DAYS)


def kept(influx: Influx) -> list[int]:
    """Which minutes after noon are stored, and add up to what the hour says."""
    windows = influx.windows(MILL, NOON_MS, HOURLY)
    hours = influx.hours([MILL], NOON_MS, HOURLY)
    assert sum(sum(hour.state_ms) for hour in hours) == len(windows) * MINUTE_MS
    return [(window.start_ms - NOON_MS) // MINUTE_MS for window in windows]


class TestDenied:
    def test_a_wrong_token_is_told_in_one_sentence(
        self, open_server: Callable[..., Server], engine_: InfluxEngine
    ) -> None:
        influx = Influx(open_server("wrong"), "b", KEEP_DAYS)
        for call in (lambda: influx.write([minute(MILL, NOON_MS)], []), lambda: influx.latest([MILL])):
            with pytest.raises(
                StoreError, match=r"refuses the token for bucket 'b'; check influx\.token_file"
            ):
                call()
        assert "wrong" not in repr(Place(engine_.url, ORG, "wrong"))

    def test_a_token_that_only_reads_writes_nothing_and_says_so(
        self, open_server: Callable[..., Server], engine_: InfluxEngine, influx: Influx
    ) -> None:
        influx.write([minute(MILL, NOON_MS)], [])
        engine_.run(f'GRANT READ ON "{influx.bucket}" TO reader')
        reader = Influx(open_server(READ_TOKEN), influx.bucket, KEEP_DAYS)
        with pytest.raises(StoreError, match="refuses the token"):
            reader.write([minute(MILL, NOON_MS + MINUTE_MS)], [])
        assert kept(influx) == [0]

    def test_a_bucket_that_is_missing_is_made_with_its_retention(
        self, influx: Influx, open_server: Callable[..., Server]
    ) -> None:
        assert influx.write([minute(MILL, NOON_MS)], []) == []
        assert kept(influx) == [0]
        statement = f'SHOW RETENTION POLICIES ON "{influx.bucket}"'
        ((_, rows),) = open_server().series(influx.bucket, statement)
        assert [(row[1], row[-1]) for row in rows] == [(f"{KEEP_DAYS * 24}h0m0s", True)]

    def test_a_bucket_that_is_lost_comes_back_with_what_is_written_then(
        self, influx: Influx, engine_: InfluxEngine
    ) -> None:
        for lost in (influx.bucket, f"{influx.bucket}-totals"):
            influx.write([minute(MILL, NOON_MS)], [])
            engine_.run(f'DROP DATABASE "{lost}"')
            influx.write([minute(MILL, NOON_MS)], [])
            assert kept(influx) == [0]

    def test_where_the_token_may_not_make_the_bucket_what_to_do_is_said(
        self, open_server: Callable[..., Server], bucket: str, engine_: InfluxEngine
    ) -> None:
        engine_.answer_next(200, b'{"results":[]}')
        engine_.answer_next(404, b'{"message":"bucket not found"}')  # as who may read but not make is told
        told = (
            f"there is no bucket '{bucket}' and the token may not make it: make it, that keeps 400 days, or "
            r"let influx\.token_file hold a token that may"
        )
        with pytest.raises(StoreError, match=told):
            Influx(open_server(READ_TOKEN), bucket, 400).write([minute(MILL, NOON_MS)], [])

    def test_an_organisation_that_is_not_there_is_named(
        self, open_server: Callable[..., Server], bucket: str
    ) -> None:
        with pytest.raises(StoreError, match=r"does not see an organisation 'nobody'.*check influx\.org"):
            Influx(open_server(org="nobody"), bucket, KEEP_DAYS).write([minute(MILL, NOON_MS)], [])


class TestTooMuch:
    def test_a_batch_that_is_too_large_is_sent_in_parts(self, influx: Influx, engine_: InfluxEngine) -> None:
        windows = minutes(MILL, NOON_MS, 600)
        before = len(engine_.requests)
        assert influx.write(windows, []) == []
        assert engine_.requests[before:].count(WRITE) > 8
        assert list(influx.windows(MILL, NOON_MS, NOON_MS + 600 * MINUTE_MS)) == windows

    def test_asked_to_slow_down_it_does(
        self, influx: Influx, open_server: Callable[..., Server], engine_: InfluxEngine
    ) -> None:
        influx.write([minute(MILL, NOON_MS)], [])
        later = minute(MILL, NOON_MS + MINUTE_MS)
        server = open_server()
        patient = Influx(server, influx.bucket, KEEP_DAYS)
        engine_.answer_next(200, b'{"results":[]}')
        body = b'{"message":"org has exceeded limited_write plan limit"}'
        engine_.answer_next(429, body, headers={"Retry-After": "2"})
        with pytest.raises(StoreError, match=r"asks us to slow down for 2 s \(org has exceeded") as told:
            patient.write([later], [])
        assert told.value.wait_s == 2
        asked, began = engine_.requests.count(WRITE), time.monotonic()
        with pytest.raises(StoreError, match="asks us to slow down for"):
            patient.write([later], [])
        assert engine_.requests.count(WRITE) == asked or time.monotonic() - began > 1
        assert kept(influx) == [0]
        time.sleep(2.1)
        patient.write([later], [])
        assert kept(influx) == [0, 1]

    @pytest.mark.parametrize(
        ("asked", "waits"),
        [
            ("7", 7.0),
            ("", 0.0),
            ("soon", 0.0),
            ("-3", 0.0),
            ("999999", LONGEST_WAIT_S),
            ("Sat, 28 Nov 2026 09:00:40 GMT", 40.0),
            ("Sat, 28 Nov 2026 08:00:00 GMT", 0.0),
        ],
    )
    def test_a_wait_is_as_long_as_asked_within_reason(self, asked: str, waits: float) -> None:
        headers = {"Retry-After": asked, "Date": "Sat, 28 Nov 2026 09:00:00 GMT"}
        assert read_refusal(429, headers, b"").wait_s == waits

    def test_a_time_to_wait_for_without_the_servers_own_is_none(self) -> None:
        assert read_refusal(503, {"retry-after": "Sat, 28 Nov 2026 09:00:40 GMT"}, b"").wait_s == 0


class TestBroken:
    @pytest.mark.parametrize(
        ("status", "body", "said"),
        [
            (429, b"", "asks us to slow down"),
            (503, b'{"message":"unavailable"}', "status 503: unavailable"),
            (500, b"<html>\n\nbroken</html>", "status 500: <html> broken</html>"),
            (400, b'{"message":"precision is wrong"}', "status 400: precision is wrong"),
        ],
    )
    @pytest.mark.parametrize("place", [1, 2, 3])
    def test_wherever_it_breaks_nothing_counts_as_stored_and_the_next_try_makes_it_whole(
        self, *, influx: Influx, engine_: InfluxEngine, status: int, body: bytes, said: str, place: int
    ) -> None:
        influx.write([minute(MILL, NOON_MS)], [])
        later = minute(MILL, NOON_MS + MINUTE_MS)
        with engine_.breaking(WRITE, place, status, body), pytest.raises(StoreError, match=said):
            influx.write([later], [])
        influx.write([later], [])
        assert kept(influx) == [0, 1]

    def test_a_server_that_is_away_is_told_with_its_place(self, open_server: Callable[..., Server]) -> None:
        url = f"http://127.0.0.1:{free_port()}"
        influx = Influx(open_server(url=url), "b", KEEP_DAYS)
        for call in (lambda: influx.write([minute(MILL, NOON_MS)], []), lambda: influx.latest([MILL])):
            with pytest.raises(StoreError, match=f"influx {url}: cannot be reached .*; is it running"):
                call()

    def test_what_is_no_influxdb_is_told(self, influx: Influx, engine_: InfluxEngine) -> None:
        engine_.answer_next(200, b"<html>Welcome</html>")
        with pytest.raises(StoreError, match="answers in no way InfluxDB does"):
            influx.latest([MILL])

    @pytest.mark.parametrize("stores", [False, True])
    def test_no_answer_in_time_is_no_acknowledgement_and_stored_twice_it_counts_once(
        self, influx: Influx, open_server: Callable[..., Server], engine_: InfluxEngine, stores: bool
    ) -> None:
        influx.write([minute(MILL, NOON_MS)], [])
        hasty = Influx(open_server(timeout_s=0.5), influx.bucket, KEEP_DAYS)
        later = minute(MILL, NOON_MS + MINUTE_MS)
        with (
            engine_.breaking(WRITE, 1, 204, b"", hold_s=1.5, stores=stores),
            pytest.raises(StoreError, match=r"gave no answer within 0\.5 s"),
        ):
            hasty.write([later], [])
        influx.write([later], [])
        assert kept(influx) == [0, 1]


class TestKilled:
    def test_what_was_acknowledged_is_there_after_kills_and_hours_are_what_the_windows_say(
        self, tmp_path: Path
    ) -> None:
        with influx_engine(tmp_path) as engine:
            assert engine.server is not None
            server = Server(replace(engine.place, timeout_s=10.0))
            influx = Influx(server, "killed", KEEP_DAYS)
            sent: list[Window] = []
            stopping = threading.Event()

            def send() -> None:
                for number in itertools.count():
                    windows = minutes(MILL, NOON_MS + number * 40 * MINUTE_MS, 60)  # a third of them again
                    while not written(influx, windows):
                        time.sleep(0.05)
                    sent.extend(windows)
                    if stopping.is_set():
                        return

            with ThreadPoolExecutor(1) as pool:
                sending = pool.submit(send)
                for number in range(4):
                    least = len(sent) + 60
                    while len(sent) < least and not sending.done():
                        time.sleep(0.001)
                    time.sleep(0.013 * number)
                    engine.server.kill()
                    engine.server.launch()
                    engine.server.wait()
                stopping.set()
                sending.result(60)
            latest = {window.start_ms: window for window in sent}
            end_ms = max(latest) + MINUTE_MS
            assert influx.windows(MILL, 0, end_ms) == [latest[at_ms] for at_ms in sorted(latest)]
            whole = summed(MILL, 0, end_ms + HOUR_MS, list(latest.values()))
            assert influx.totals([MILL], 0, end_ms + HOUR_MS) == {MILL: whole}
            server.close()


def written(influx: Influx, windows: Sequence[Window]) -> bool:
    """Return whether they were acknowledged."""
    with suppress(StoreError):
        return list(influx.write(windows, [])) == []
    return False


class TestOnePoint:
    """A field of another type in the week before, as another program leaves it, makes a point impossible."""

    WEEK_MS = 7 * 24 * HOUR_MS

    @pytest.fixture
    def spoilt(self, influx: Influx, open_server: Callable[..., Server]) -> Influx:
        influx.write([minute(LATHE, NOON_MS)], [])
        line = window_line(minute(LATHE, NOON_MS - self.WEEK_MS)).replace("cycles=3i", "cycles=1.5")
        assert open_server().write(influx.bucket, [line]).refused == {}
        return influx

    def test_it_is_returned_with_its_reason_and_all_others_are_stored(self, spoilt: Influx) -> None:
        bad = minute(MILL, NOON_MS - self.WEEK_MS)
        change = StateChange(MILL, NOON_MS - self.WEEK_MS, State.DOWN)
        (refused,) = spoilt.write([*minutes(MILL, NOON_MS, 9), bad, minute(LATHE, HOURLY)], [change])
        assert refused.record == bad
        assert "field type conflict" in refused.reason
        assert kept(spoilt) == list(range(9))
        assert spoilt.windows(LATHE, HOURLY, HOURLY + 1) == [minute(LATHE, HOURLY)]
        assert spoilt.changes(MILL, 0, NOON_MS) == [change]
        assert spoilt.windows(MILL, 0, NOON_MS) == []
        assert spoilt.hours([MILL], 0, NOON_MS) == []

    def test_a_line_that_cannot_be_parsed_holds_up_none_of_its_request(
        self, influx: Influx, engine_: InfluxEngine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(engine_, "parses_first", True)
        too_many = replace(minute(MILL, NOON_MS + 4 * MINUTE_MS, job="注文" * 150), cycles=2**63)
        (refused,) = influx.write([*minutes(MILL, NOON_MS, 4), too_many], [])
        assert refused.record == too_many
        assert "unable to parse 'windows,factory=aoki,machine=mc-01 length_ms=60000i" in refused.reason
        assert refused.reason.endswith("value out of range")
        assert len(refused.reason) < 250
        assert kept(influx) == [0, 1, 2, 3]

    def test_many_have_a_common_cause_and_nothing_counts_as_stored(self, spoilt: Influx) -> None:
        bad = minutes(MILL, NOON_MS - self.WEEK_MS, MOST_REFUSED + 1)
        with pytest.raises(StoreError, match=r"refuses many points of bucket .*; does another program write"):
            spoilt.write([minute(MILL, NOON_MS), *bad], [])

    def test_a_line_that_is_larger_than_the_server_takes_is_one_point(
        self, influx: Influx, open_server: Callable[..., Server]
    ) -> None:
        influx.write([minute(MILL, NOON_MS)], [])
        large = minute(MILL, NOON_MS + MINUTE_MS, job="J" * LARGEST)
        (refused,) = influx.write([large, minute(MILL, NOON_MS + 2 * MINUTE_MS)], [])
        assert refused.record == large
        assert kept(influx) == [0, 2]

    @pytest.mark.parametrize("odd", ["a\nb", "a\r", "a\tb", "a\0b", "a\\", "a\\\\"])
    def test_an_id_that_a_tag_does_not_hold_is_refused_alone(self, influx: Influx, odd: str) -> None:
        keys = MachineKey(odd, "mc-01"), MachineKey("aoki", odd)
        bad = [minute(keys[0], NOON_MS), StateChange(keys[1], NOON_MS, State.DOWN)]
        refused = influx.write([bad[0], minute(MILL, NOON_MS)], [bad[1]])  # type: ignore[list-item]
        assert [each.record for each in refused] == bad
        assert "no id with control characters or a backslash at its end" in refused[0].reason
        assert kept(influx) == [0]
        assert influx.latest([*keys, MILL]) == {MILL: minute(MILL, NOON_MS)}

    @pytest.mark.parametrize(
        "odd", ["青木", "a b", " ", "a,b", "a=b", "a'b", 'a"b', "a\\b", "a\\,b", "#", "\u2028"]
    )
    def test_every_other_id_comes_back_as_it_was(self, influx: Influx, odd: str) -> None:
        windows = [minute(MachineKey(odd, "mc-01"), NOON_MS), minute(MachineKey("aoki", odd), NOON_MS)]
        assert influx.write(windows, []) == []
        assert influx.latest(influx.machines()) == {each.key: each for each in windows}


class TestVersion3:
    """Version 3 makes databases by itself, and says in another way what it refuses."""

    @pytest.fixture(autouse=True)
    def speaking(self, engine_: InfluxEngine, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(engine_, "speaks", 3)

    def test_one_point_is_returned_with_its_reason_and_all_others_are_stored(
        self, influx: Influx, open_server: Callable[..., Server]
    ) -> None:
        influx.write([minute(LATHE, NOON_MS)], [])
        before_ms = NOON_MS - TestOnePoint.WEEK_MS
        line = window_line(minute(LATHE, before_ms)).replace("cycles=3i", "cycles=1.5")
        assert open_server().write(influx.bucket, [line]).refused == {}
        bad = minute(MILL, before_ms)
        (refused,) = influx.write([*minutes(MILL, NOON_MS, 9), bad], [])
        assert refused.record == bad
        assert "partial write of line protocol occurred: partial write: field type conflict" in refused.reason
        assert kept(influx) == list(range(9))

    @pytest.mark.parametrize("status", [400, 500])  # 500 before 3.10
    def test_what_all_its_refusals_of_a_line_look_like(self, status: int) -> None:
        line = {"original_line": "a b=", "line_number": 2, "error_message": "No fields were provided"}
        for error, data in (
            ("partial write of line protocol occurred", [line, line]),
            ("parsing failed for write_lp endpoint", line),
            ("line protocol parsing error", line),
        ):
            refusal = read_refusal(status, {}, json.dumps({"error": error, "data": data}).encode())
            assert (refusal.meaning, refusal.said) == (Meaning.POINT, f"{error}: No fields were provided")
        refusal = read_refusal(status, {}, b'{"error":"out of space","data":null}')
        assert (refusal.meaning, refusal.said) == (Meaning.FAILED, "out of space")

    def test_a_database_that_is_not_there_reads_empty(self, influx: Influx, engine_: InfluxEngine) -> None:
        engine_.answer_next(404, b"database not found: machikoba")
        assert influx.latest([MILL]) == {}


class TestAnswers:
    """What cannot be read does not count as stored."""

    def test_what_can_be_written_but_not_read_does_not_count_as_stored(
        self, influx: Influx, engine_: InfluxEngine
    ) -> None:
        hidden = b'{"results":[{"statement_id":0,"error":"database not found: hidden"}]}'
        told = r"cannot be read there; may the token of influx\.token_file read it\?"
        with engine_.refusing("/query", 200, hidden), pytest.raises(StoreError, match=told):
            influx.write([minute(MILL, NOON_MS)], [])
        assert influx.write([minute(MILL, NOON_MS)], []) == []
        assert kept(influx) == [0]

    def test_a_bucket_that_another_one_made_meanwhile_is_there(
        self, influx: Influx, open_server: Callable[..., Server], engine_: InfluxEngine
    ) -> None:
        for name in (influx.bucket, f"{influx.bucket}-totals"):
            open_server().make_bucket(name, None)
        engine_.answer_next(200, b'{"results":[]}')
        engine_.answer_next(404, b'{"message":"bucket not found"}')
        assert influx.write([minute(MILL, NOON_MS)], []) == []
        assert kept(influx) == [0]


class TestClocks:
    DAYS = 30

    def home(self, server: Server, bucket: str, ahead_ms: int = 0) -> Influx:
        return Influx(server, bucket, self.DAYS, lambda: time.time_ns() // 1_000_000 + ahead_ms)

    def test_records_dropped_as_too_old_by_one_clock_alone_do_not_count_as_stored(
        self, open_server: Callable[..., Server], bucket: str
    ) -> None:
        now_ms = time.time_ns() // 1_000_000
        behind = self.home(open_server(), bucket, -40 * 24 * HOUR_MS)
        told = "drops records of .* UTC as older than bucket .* keeps; its clock or ours is wrong"
        with pytest.raises(StoreError, match=told):
            behind.write([minute(MILL, now_ms - 35 * 24 * HOUR_MS)], [])

    def test_a_retention_that_is_shorter_than_the_setting_is_told(
        self, open_server: Callable[..., Server], bucket: str, engine_: InfluxEngine
    ) -> None:
        engine_.run(f'CREATE DATABASE "{bucket}" WITH DURATION 7d')
        influx = self.home(open_server(), bucket)
        now_ms = time.time_ns() // 1_000_000
        with pytest.raises(StoreError, match=r"its retention is not influx\.keep_days \(30 days\)"):
            influx.write([minute(MILL, now_ms - 20 * 24 * HOUR_MS)], [])

    def test_a_time_that_influxdb_cannot_hold_is_refused_alone(self, influx: Influx) -> None:
        beyond = [minute(MILL, 10**14), StateChange(MILL, 10**14, State.DOWN)]
        refused = influx.write([minute(MILL, NOON_MS), beyond[0]], [beyond[1]])  # type: ignore[list-item]
        assert [each.record for each in refused] == beyond
        assert "knows no time from the year 2262 on; is the clock there right?" in refused[0].reason
        assert kept(influx) == [0]
        assert influx.windows(MILL, 0, 10**15) == [minute(MILL, NOON_MS)]

    def test_records_from_the_future_are_stored_as_told(
        self, open_server: Callable[..., Server], bucket: str
    ) -> None:
        influx = self.home(open_server(), bucket)
        ahead = minute(MILL, NOON_MS + 20 * 365 * 24 * HOUR_MS)
        assert influx.write([ahead], []) == []
        assert influx.latest([MILL]) == {MILL: ahead}


class TestRetention:
    """Windows go with their shard, hours stay for good, and what comes late never makes them less."""

    def test_minutes_go_hours_stay_and_late_windows_take_nothing_from_them(
        self, open_server: Callable[..., Server], bucket: str, engine_: InfluxEngine
    ) -> None:
        now_ms = time.time_ns() // 1_000_000
        hour_ms = (now_ms - 3 * 24 * HOUR_MS) // HOUR_MS * HOUR_MS
        influx = Influx(open_server(), bucket, 30)
        windows = minutes(MILL, hour_ms, 30)
        influx.write([*windows, minute(MILL, now_ms)], [])
        (before,) = influx.hours([MILL], hour_ms, hour_ms + HOUR_MS)
        engine_.run(f'ALTER RETENTION POLICY autogen ON "{bucket}" DURATION 1d')
        wait_until(lambda: influx.windows(MILL, hour_ms, hour_ms + HOUR_MS) == [], "minutes have gone")
        assert influx.hours([MILL], hour_ms, hour_ms + HOUR_MS) == [before]
        later = Influx(open_server(), bucket, 1)
        assert later.write([minute(MILL, hour_ms + 40 * MINUTE_MS)], []) == []
        assert later.hours([MILL], hour_ms, hour_ms + HOUR_MS) == [before]
        merged = window(MILL, hour_ms, HOUR_MS, HOUR_MS)
        later.write([merged], [])
        assert later.totals([MILL], hour_ms, hour_ms + HOUR_MS)[MILL].state_ms[0] == HOUR_MS

    def test_a_whole_history_that_is_older_than_minutes_are_kept_becomes_hours(
        self, open_server: Callable[..., Server], bucket: str
    ) -> None:
        now_ms = time.time_ns() // 1_000_000
        start_ms = (now_ms - 100 * 24 * HOUR_MS) // HOUR_MS * HOUR_MS
        influx = Influx(open_server(), bucket, 30)
        windows = minutes(MILL, start_ms, 300)
        for _ in range(2):
            assert influx.write(windows, []) == []
            assert influx.windows(MILL, 0, now_ms) == []
            found = influx.totals([MILL], start_ms, start_ms + 5 * HOUR_MS)
            assert found == {MILL: summed(MILL, start_ms, start_ms + 5 * HOUR_MS, windows)}
