"""An InfluxDB for the tests: Debian's 1.6 on loopback, or a server that is named.

`MACHIKOBA_TEST_INFLUX_URL`, `_TOKEN` and `_ORG` name a server: whatever needs no engine of its own runs
there, in buckets that are made and removed. Otherwise it runs on Debian's, behind `influx_adapter.Adapter`.
What an engine cannot be brought to say (it is too busy, it broke, nothing at all) is said on purpose by
`answer_next`, `breaking` and `refusing`, in front of it.
"""

import os
import subprocess
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from urllib.parse import urlencode

import urllib3
from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.rest import ApiException

from aggregator.store.influx.server import Place
from tests.influx_adapter import ORG, READ_TOKEN, TOKEN, Adapter, Front, basic, listening
from tests.stack import free_port, listens, wait_until

NAMED = "MACHIKOBA_TEST_INFLUX"
_SETTINGS = """
reporting-disabled = true
bind-address = "127.0.0.1:{rpc}"
[meta]
dir = "{folder}/meta"
[data]
dir = "{folder}/data"
wal-dir = "{folder}/wal"
query-log-enabled = false
[retention]
check-interval = "1s"
[http]
bind-address = "127.0.0.1:{http}"
log-enabled = false
auth-enabled = true
max-body-size = {largest}
max-row-limit = {rows}
[monitor]
store-enabled = false
"""
LARGEST = 25_000_000
_numbers = count()


@dataclass(frozen=True)
class Answer:
    """What is answered once on purpose; `stores`: after the engine has done what it was asked."""

    status: int
    body: bytes = b'{"message":"on purpose"}'
    headers: Mapping[str, str] = field(default_factory=dict)
    hold_s: float = 0.0
    stores: bool = False


class Influxd:
    """Debian's server on loopback, its data in `folder`: it may be killed and launched again."""

    def __init__(self, folder: Path, largest: int, rows: int) -> None:
        self.port, rpc = free_port(), free_port()
        self._log, self._settings = folder / "influxd.log", folder / "influxdb.conf"
        text = _SETTINGS.format(folder=folder, http=self.port, rpc=rpc, largest=largest, rows=rows)
        self._settings.write_text(text)
        self._server: subprocess.Popen[bytes] | None = None

    def launch(self) -> None:
        """Start it without waiting until it answers."""
        with self._log.open("ab") as log:
            self._server = subprocess.Popen(
                ["influxd", "-config", str(self._settings)], stdout=log, stderr=log
            )

    def wait(self) -> None:
        """Wait until it listens."""
        server = self._server
        assert server is not None
        wait_until(lambda: listens(self.port) or server.poll() is not None, "influxd listens")
        assert server.poll() is None, self._log.read_text()

    def kill(self) -> None:
        """End it at once."""
        if self._server is not None:
            self._server.kill()
            self._server.wait()

    def end(self) -> None:
        """End it in good order."""
        if self._server is not None:
            self._server.terminate()
            self._server.wait(30)


class InfluxEngine:
    """Where it answers, what it answers on purpose, request by request or always, and what was asked."""

    def __init__(
        self, port: int, inner: str, token: str = TOKEN, org: str = ORG, server: "Influxd | None" = None
    ) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.server = server
        """Debian's, if it is that one."""
        self.place = Place(self.url, org, token)
        self.answers: deque[Answer] = deque()
        self.always: dict[str, Answer] = {}
        self.breaks: dict[str, tuple[int, Answer]] = {}
        self.requests: list[str] = []
        self.encodings: list[str | None] = []
        self.inner = inner
        self.speaks = 2
        """Of which version paths and words are: 2 or 3."""
        self.parses_first = False
        """Whether one line that cannot be parsed holds up all of its request, as version 2 does."""

    def answer_next(self, status: int, body: bytes = Answer.body, **more: object) -> None:
        """Answer the next request but one for every one that was set before."""
        self.answers.append(Answer(status, body, **more))  # type: ignore[arg-type]

    @contextmanager
    def breaking(
        self, path: str, place: int, status: int, body: bytes = Answer.body, **more: object
    ) -> Iterator[None]:
        """Answer the request to `path` that comes in this place (1: the next one) on purpose."""
        self.breaks[path] = (place, Answer(status, body, **more))  # type: ignore[arg-type]
        try:
            yield
        finally:
            self.breaks.pop(path, None)

    @contextmanager
    def refusing(self, path: str, status: int, body: bytes = Answer.body) -> Iterator[None]:
        """Answer every request to `path` with `status`."""
        self.always[path] = Answer(status, body)
        try:
            yield
        finally:
            del self.always[path]

    def wanted(self, path: str) -> Answer | None:
        """Return what is to be answered to this request on purpose."""
        place, answer = self.breaks.pop(path, (0, None))
        if place > 1 and answer is not None:
            self.breaks[path] = (place - 1, answer)
        elif answer is not None:
            return answer
        if path in self.always:
            return self.always[path]
        return self.answers.popleft() if self.answers else None

    def run(self, statement: str) -> None:
        """Let Debian's engine run a statement as its administrator."""
        url = f"{self.inner}/query?{urlencode({'q': statement})}"
        answer = urllib3.request("POST", url, headers=basic(TOKEN))
        assert answer.status == 200, answer.data
        assert b"error" not in answer.data, answer.data

    @contextmanager
    def bucket(self, name: str) -> Iterator[str]:
        """Give the name of a bucket that is not there; a named server is rid of it afterwards."""
        bucket = f"machikoba-test-{os.getpid()}-{next(_numbers)}-{name}"
        yield bucket
        if self.server is None:
            for one in (bucket, f"{bucket}-totals"):
                self._remove(one)

    def _remove(self, bucket: str) -> None:
        with InfluxDBClient(self.url, self.place.token, org=self.place.org) as client:
            try:
                found = client.buckets_api().find_bucket_by_name(bucket)
            except ApiException as error:
                assert error.status == 404, error  # InfluxDB 3 has no buckets
                url = f"{self.url}/api/v3/configure/database?{urlencode({'db': bucket})}"
                urllib3.request("DELETE", url, headers={"Authorization": f"Bearer {self.place.token}"})
                return
            if found is not None:
                client.buckets_api().delete_bucket(found)


@contextmanager
def any_influxdb(folder: Path) -> Iterator[InfluxEngine]:
    """Give the server that is named, or else an engine of our own."""
    url = os.environ.get(f"{NAMED}_URL")
    if url is None:
        with influx_engine(folder) as engine:
            yield engine
        return
    port = free_port()
    token, org = os.environ[f"{NAMED}_TOKEN"], os.environ[f"{NAMED}_ORG"]
    engine = InfluxEngine(port, url.rstrip("/"), token, org)
    with listening(port, engine, Front):
        yield engine


@contextmanager
def influx_engine(folder: Path, largest: int = LARGEST, rows: int = 0) -> Iterator[InfluxEngine]:
    """Give an engine of our own, with no bucket in it.

    It takes requests of up to `largest` bytes, and answers with up to so many `rows` (0: all).
    """
    server, outer = Influxd(folder, largest, rows), free_port()
    try:
        server.launch()
        server.wait()
        engine = InfluxEngine(outer, f"http://127.0.0.1:{server.port}", server=server)
        engine.run(f"CREATE USER machikoba WITH PASSWORD '{TOKEN}' WITH ALL PRIVILEGES")
        engine.run(f"CREATE USER reader WITH PASSWORD '{READ_TOKEN}'")
        with listening(outer, engine, Adapter):
            yield engine
    finally:
        server.end()
