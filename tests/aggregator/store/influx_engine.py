"""A real InfluxDB engine: Debian's 1.6 on loopback, behind an adapter that gives it the paths of version 2.

The adapter maps `/api/v2/write` to `/write`, buckets to databases, and tokens to people; `/query` goes
through as it is. Who may do what, what is too large, too old or of the wrong type, the engine itself decides;
its refusals get the words of version 2. What it cannot be brought to say (it is too busy, it broke, nothing
at all) is said on purpose by `InfluxEngine.answer_next` and `refusing`, in front of the engine.
"""

import base64
import gzip
import json
import re
import subprocess
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import urllib3

from tests.stack import free_port, listens, wait_until

TOKEN = "tests-only-token"
READ_TOKEN = "tests-only-token-that-reads"
_PEOPLE = {TOKEN: "machikoba", READ_TOKEN: "reader"}
ORG = "machikoba"
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
[monitor]
store-enabled = false
"""
LARGEST = 25_000_000


@dataclass(frozen=True)
class Answer:
    """What is answered once on purpose; `stores`: after the engine has done what it was asked."""

    status: int
    body: bytes = b'{"message":"on purpose"}'
    headers: Mapping[str, str] = field(default_factory=dict)
    hold_s: float = 0.0
    stores: bool = False


class InfluxEngine:
    """Where it answers, what it answers on purpose, request by request or always, and what was asked."""

    def __init__(self, port: int, inner: str) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.answers: deque[Answer] = deque()
        self.always: dict[str, Answer] = {}
        self.breaks: dict[str, tuple[int, Answer]] = {}
        self.requests: list[str] = []
        self.encodings: list[str | None] = []
        self.inner = inner

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
    def refusing(self, path: str, status: int) -> Iterator[None]:
        """Answer every request to `path` with `status`."""
        self.always[path] = Answer(status)
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
        """Let the engine run a statement as its administrator."""
        url = f"{self.inner}/query?{urlencode({'q': statement})}"
        answer = urllib3.request("POST", url, headers=_basic(TOKEN))
        assert answer.status == 200, answer.data
        assert b"error" not in answer.data, answer.data


@contextmanager
def influx_engine(folder: Path, largest: int = LARGEST) -> Iterator[InfluxEngine]:
    """Give an engine of our own, with no bucket in it, that takes requests of up to `largest` bytes."""
    inner, rpc, outer = free_port(), free_port(), free_port()
    settings = folder / "influxdb.conf"
    settings.write_text(_SETTINGS.format(folder=folder, http=inner, rpc=rpc, largest=largest))
    with (folder / "influxd.log").open("wb") as log:
        server = subprocess.Popen(["influxd", "-config", str(settings)], stdout=log, stderr=log)
    try:
        wait_until(lambda: listens(inner) or server.poll() is not None, "influxd listens")
        assert server.poll() is None, (folder / "influxd.log").read_text()
        engine = InfluxEngine(outer, f"http://127.0.0.1:{inner}")
        engine.run(f"CREATE USER machikoba WITH PASSWORD '{TOKEN}' WITH ALL PRIVILEGES")
        engine.run(f"CREATE USER reader WITH PASSWORD '{READ_TOKEN}'")
        http = urllib3.PoolManager(maxsize=16, retries=False)
        handler = type("Adapter", (_Adapter,), {"engine": engine, "http": http})
        adapter = ThreadingHTTPServer(("127.0.0.1", outer), handler)
        thread = threading.Thread(target=adapter.serve_forever, name="influx adapter")
        thread.start()
        try:
            yield engine
        finally:
            adapter.shutdown()
            adapter.server_close()
            thread.join()
            http.clear()
    finally:
        server.terminate()
        server.wait(30)


class _Adapter(BaseHTTPRequestHandler):
    engine: InfluxEngine
    http: urllib3.PoolManager

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        path, query = urlsplit(self.path).path, parse_qs(urlsplit(self.path).query)
        self.engine.requests.append(path)
        self.engine.encodings.append(self.headers.get("Content-Encoding"))
        wanted = self.engine.wanted(path)
        if wanted is None:
            self._answer(*self._asked(path, query, body))
            return
        if wanted.stores:
            self._asked(path, query, body)
        time.sleep(wanted.hold_s)
        with suppress(OSError):  # who was held for too long has gone
            self._answer(wanted.status, wanted.body, wanted.headers)

    def do_GET(self) -> None:
        asked = parse_qs(urlsplit(self.path).query).get("org", [ORG])
        found = {"orgs": [{"id": "0123456789abcdef", "name": ORG}] if asked == [ORG] else []}
        self._answer(200, json.dumps(found).encode())

    def _asked(self, path: str, query: Mapping[str, list[str]], body: bytes) -> tuple[int, bytes]:
        """Return what the engine answers."""
        if path == "/api/v2/write":
            data = gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body
            where = urlencode({"db": query["bucket"][0], "precision": query["precision"][0]})
            return _in_words_of_2(*self._inner(f"/write?{where}", data, {}))
        if path == "/query":
            return self._inner("/query", body, {"Content-Type": self.headers["Content-Type"]})
        if path == "/api/v2/buckets":
            return self._make(json.loads(body))
        return 404, b"{}"

    def _make(self, wish: Mapping[str, object]) -> tuple[int, bytes]:
        seconds = wish["retentionRules"][0]["everySeconds"]  # type: ignore[index]
        lasting = f" WITH DURATION {seconds}s" if seconds else ""
        statement = urlencode({"q": f'CREATE DATABASE "{wish["name"]}"{lasting}'}).encode()
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        status, said = self._inner("/query", statement, form)
        return (201, json.dumps(wish).encode()) if status == 200 else _in_words_of_2(status, said)

    def _inner(self, path: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, bytes]:
        token = self.headers.get("Authorization", "").removeprefix("Token ")
        url = self.engine.inner + path
        answer = self.http.request("POST", url, body=body, headers={**headers, **_basic(token)})
        return answer.status, answer.data

    def _answer(self, status: int, body: bytes, headers: Mapping[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def _basic(token: str) -> dict[str, str]:
    person = f"{_PEOPLE.get(token, 'machikoba')}:{token}"
    return {"Authorization": f"Basic {base64.b64encode(person.encode()).decode()}"}


def _in_words_of_2(status: int, body: bytes) -> tuple[int, bytes]:
    """Return a refusal as version 2 says it: a partial write is 422, unless it is not understood."""
    if status < 400:
        return status, body
    said = json.loads(body)["error"]
    partial = re.match("partial write: (?!unable to parse)", said)
    code = 422 if status == 400 and partial else status
    return code, json.dumps({"code": "refused", "message": said}).encode()
