"""A real InfluxDB engine: Debian's 1.6 on loopback, behind an adapter that gives it the paths of version 2.

The adapter maps `/api/v2/write` to `/write` and buckets to databases; `/query` goes through as it is. Nothing
is answered by it that the engine did not do. Requests that fail on purpose are set with `Engine.fail_next`.
"""

import gzip
import json
import subprocess
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import urllib3

from tests.stack import free_port, listens, wait_until

TOKEN = "tests-only-token"
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
[http]
bind-address = "127.0.0.1:{http}"
log-enabled = false
[monitor]
store-enabled = false
"""


class InfluxEngine:
    """Where it answers, what it is to refuse next (status and body, request by request), what was asked."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.failures: deque[tuple[int, bytes]] = deque()
        self.requests: list[str] = []
        self.refused: dict[str, int] = {}

    @contextmanager
    def refusing(self, path: str, status: int) -> Iterator[None]:
        """Answer every request to `path` with `status`."""
        self.refused[path] = status
        try:
            yield
        finally:
            del self.refused[path]


@contextmanager
def influx_engine(folder: Path) -> Iterator[InfluxEngine]:
    """Give an engine of our own, with no bucket in it."""
    inner, rpc, outer = free_port(), free_port(), free_port()
    settings = folder / "influxdb.conf"
    settings.write_text(_SETTINGS.format(folder=folder, http=inner, rpc=rpc))
    with (folder / "influxd.log").open("wb") as log:
        server = subprocess.Popen(["influxd", "-config", str(settings)], stdout=log, stderr=log)
    try:
        wait_until(lambda: listens(inner) or server.poll() is not None, "influxd listens")
        assert server.poll() is None, (folder / "influxd.log").read_text()
        engine = InfluxEngine(outer)
        http = urllib3.PoolManager(maxsize=16, retries=False)
        parts = {"inner": f"http://127.0.0.1:{inner}", "engine": engine, "http": http}
        handler = type("Adapter", (_Adapter,), parts)
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
    inner: str
    engine: InfluxEngine
    http: urllib3.PoolManager

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        path, query = urlsplit(self.path).path, parse_qs(urlsplit(self.path).query)
        self.engine.requests.append(path)
        if self._refused():
            return
        if path == "/api/v2/write":
            self._write(query, body)
        elif path == "/query":
            self._forward("/query", body, {"Content-Type": self.headers["Content-Type"]})
        elif path == "/api/v2/buckets":
            self._make(json.loads(body))
        else:
            self._answer(404, b"{}")

    def _refused(self) -> bool:
        if self.headers.get("Authorization") != f"Token {TOKEN}":
            self.engine.failures.appendleft((401, b'{"message":"unauthorized access"}'))
        path = urlsplit(self.path).path
        if path in self.engine.refused:
            self.engine.failures.appendleft((self.engine.refused[path], b'{"message":"on purpose"}'))
        if not self.engine.failures:
            return False
        self._answer(*self.engine.failures.popleft())
        return True

    def do_GET(self) -> None:
        found = {"orgs": [{"id": "0123456789abcdef", "name": ORG}]}
        self._answer(200, json.dumps(found).encode())

    def _write(self, query: dict[str, list[str]], body: bytes) -> None:
        data = gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body
        where = urlencode({"db": query["bucket"][0], "precision": query["precision"][0]})
        self._forward(f"/write?{where}", data, {})

    def _make(self, wish: dict[str, object]) -> None:
        seconds = wish["retentionRules"][0]["everySeconds"]  # type: ignore[index]
        lasting = f" WITH DURATION {seconds}s" if seconds else ""
        statement = {"q": f'CREATE DATABASE "{wish["name"]}"{lasting}'}
        answer = self.http.request_encode_body(
            "POST", f"{self.inner}/query", statement, encode_multipart=False
        )
        self._answer(201 if answer.status == 200 else answer.status, json.dumps(wish).encode())

    def _forward(self, path: str, body: bytes, headers: dict[str, str]) -> None:
        answer = self.http.request("POST", self.inner + path, body=body, headers=headers)
        self._answer(answer.status, answer.data)

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass
