"""What stands in front of an InfluxDB in the tests: counts what is asked, answers on purpose when told to.

`Front` hands everything on as it is, which is right for a named server. `Adapter` gives Debian's 1.6 the
paths and the words of version 2, or those of 3: it maps `/api/v2/write` to `/write`, buckets to databases and
tokens to people; `/query` goes through as it is. Who may do what, what is too large, too old or of the wrong
type, the engine itself decides.
"""

import base64
import gzip
import json
import re
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlencode, urlsplit

import urllib3

if TYPE_CHECKING:
    from tests.influx_engine import InfluxEngine

TOKEN = "tests-only-token"
READ_TOKEN = "tests-only-token-that-reads"
ORG = "machikoba"
_PEOPLE = {TOKEN: "machikoba", READ_TOKEN: "reader"}
_FORM = {"Content-Type": "application/x-www-form-urlencoded"}
_PASSED_ON = ("Authorization", "Content-Type", "Content-Encoding", "Accept")

Answered = tuple[int, bytes]


class Front(BaseHTTPRequestHandler):
    """Hands requests on to `engine.inner`."""

    engine: "InfluxEngine"
    http: urllib3.PoolManager

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        path = urlsplit(self.path).path
        self.engine.requests.append(path)
        self.engine.encodings.append(self.headers.get("Content-Encoding"))
        wanted = self.engine.wanted(path)
        if wanted is None:
            try:
                self._answer(*self.asked("POST", body))
            except (urllib3.exceptions.HTTPError, OSError):  # the server is away, or who asked is
                self.close_connection = True
            return
        if wanted.stores:
            self.asked("POST", body)
        time.sleep(wanted.hold_s)
        with suppress(OSError):  # who was held for too long has gone
            self._answer(wanted.status, wanted.body, wanted.headers)

    def do_GET(self) -> None:
        self._answer(*self.asked("GET", b""))

    def do_DELETE(self) -> None:
        self._answer(*self.asked("DELETE", b""))

    def asked(self, method: str, body: bytes) -> Answered:
        """Return what the server answers."""
        headers = {name: self.headers[name] for name in _PASSED_ON if self.headers[name]}
        answer = self.http.request(method, self.engine.inner + self.path, body=body, headers=headers)
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


class Adapter(Front):
    """Debian's 1.6 as version 2, 2.8 in particular, or as 3 where the engine `speaks` that."""

    def asked(self, method: str, body: bytes) -> Answered:
        path, query = urlsplit(self.path).path, parse_qs(urlsplit(self.path).query)
        if path == "/query":
            return self._inner("/query", body, {"Content-Type": self.headers["Content-Type"]})
        if path == "/api/v2/write":
            data = gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body
            return self._write(query["bucket"][0], query["precision"][0], data)
        if self.engine.speaks == 3:  # it has nothing else of version 2
            drops = path == "/api/v3/configure/database"
            return self._run(f'DROP DATABASE "{query["db"][0]}"') if drops else (404, b"not found")
        if path == "/api/v2/orgs":
            known = query.get("org", [ORG]) == [ORG]
            return _json(200, {"orgs": [{"id": "0123456789abcdef", "name": ORG}] if known else []})
        return self._buckets(method, query, body)

    def _buckets(self, method: str, query: Mapping[str, list[str]], body: bytes) -> Answered:
        if method == "POST":
            return self._make(json.loads(body))
        if method == "DELETE":
            bucket = bytes.fromhex(self.path.rsplit("/", 1)[1]).decode()
            return 204, self._run(f'DROP DATABASE "{bucket}"')[1][:0]
        name = query["name"][0]
        found = {"id": name.encode().hex(), "name": name, "retentionRules": []}
        return _json(200, {"buckets": [found] if self._there(name) else []})

    def _write(self, bucket: str, precision: str, data: bytes) -> Answered:
        where = urlencode({"db": bucket, "precision": precision})
        if self.engine.speaks == 3 and not self._there(bucket):
            self._run(f'CREATE DATABASE "{bucket}"')
        elif self.engine.parses_first:  # 1.6 stores the lines beside one that it cannot parse
            self._run('CREATE DATABASE "only-parsed"')
            status, said = self._inner(f"/write?{urlencode({'db': 'only-parsed'})}", data, {})
            if status == 400 and b"unable to parse" in said:
                return in_words_of_2(status, said)
        words = in_words_of_3 if self.engine.speaks == 3 else in_words_of_2
        return words(*self._inner(f"/write?{where}", data, {}))

    def _make(self, wish: Mapping[str, Any]) -> Answered:
        if self._there(wish["name"]):
            said = f"bucket with name {wish['name']} already exists"
            return _json(422, {"code": "conflict", "message": said})
        seconds = wish["retentionRules"][0]["everySeconds"]
        lasting = f" WITH DURATION {seconds}s" if seconds else ""
        status, answer = self._run(f'CREATE DATABASE "{wish["name"]}"{lasting}')
        return _json(201, wish) if status == 200 else in_words_of_2(status, answer)

    def _there(self, bucket: str) -> bool:
        _, said = self._run("SHOW DATABASES")
        [result] = json.loads(said).get("results", [{}])
        return [bucket] in [row for series in result.get("series", []) for row in series.get("values", [])]

    def _run(self, statement: str) -> Answered:
        return self._inner("/query", urlencode({"q": statement}).encode(), _FORM)

    def _inner(self, path: str, body: bytes, headers: Mapping[str, str]) -> Answered:
        token = self.headers.get("Authorization", "").removeprefix("Token ").removeprefix("Bearer ")
        url = self.engine.inner + path
        answer = self.http.request("POST", url, body=body, headers={**headers, **basic(token)})
        return answer.status, answer.data


@contextmanager
def listening(port: int, engine: "InfluxEngine", handler: type[Front]) -> Iterator[None]:
    """Answer at this port of loopback for the engine."""
    http = urllib3.PoolManager(maxsize=16, retries=False)
    own = type("Own", (handler,), {"engine": engine, "http": http})
    server = ThreadingHTTPServer(("127.0.0.1", port), own)
    thread = threading.Thread(target=server.serve_forever, name="influx adapter")
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
        http.clear()


def basic(token: str) -> dict[str, str]:
    """Return who a token's person is to 1.6."""
    person = f"{_PEOPLE.get(token, 'machikoba')}:{token}"
    return {"Authorization": f"Basic {base64.b64encode(person.encode()).decode()}"}


def in_words_of_2(status: int, body: bytes) -> Answered:
    """Return a refusal as 2.8 says it: what is not understood is 400, other partial writes are 422."""
    if status < 400:
        return status, body
    said = json.loads(body)["error"]
    if unparsed := re.match(r"(?:partial write: )?(unable to parse .*?)(?: dropped=\d+)?$", said, re.DOTALL):
        return _json(400, {"code": "invalid", "message": unparsed[1]})
    if status != 400 or not said.startswith("partial write: "):
        return _json(status, {"code": "refused", "message": said})
    if expired := re.search(r"points beyond retention policy dropped=(\d+)", said):
        point = (
            "point windows,factory=a,machine=b at 1970-01-01T00:00:00Z dropped because it violates a "
            "Retention Policy Lower Bound at 2026-01-01T00:00:00Z"
        )
        said = (
            f"partial write: dropped {expired[1]} points outside retention policy of duration 24h0m0s - "
            f"oldest {point}, newest {point} dropped={expired[1]} for database: 0123456789abcdef "
            "for retention policy: autogen"
        )
    message = f"failure writing points to database: {said}"
    return _json(422, {"code": "unprocessable entity", "message": message})


def in_words_of_3(status: int, body: bytes) -> Answered:
    """Return a refusal as 3 says it: 400, and beside the error what is wrong with a line."""
    if status != 400:
        return status, body
    line = {"original_line": "...", "line_number": 1, "error_message": json.loads(body)["error"]}
    return _json(400, {"error": "partial write of line protocol occurred", "data": [line]})


def _json(status: int, told: Mapping[str, object]) -> Answered:
    return status, json.dumps(told).encode()
