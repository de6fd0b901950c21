"""InfluxDB is killed and records go on coming: nothing is announced, memory stays, everybody is told why."""

import time
from contextlib import ExitStack
from pathlib import Path

import httpx
import psutil

from aggregator.access.visitor import SESSION_COOKIE
from aggregator.ingest.writer import QUEUE_ROWS
from tests.aggregator.ingest.edge import Edge
from tests.aggregator.ingest.messages import FEDERATION, dbirth, minutes, nbirth, ndata
from tests.influx_engine import influx_engine
from tests.stack import NO_TLS, PASSWORD, Stack, wait_until

ROWS_A_MESSAGE = 200
STORED = 200
MOST_MB = 15.0
"""So much another queue full of records may add to what the first one took."""


class Sender:
    """Sends minutes of one machine, never again what it sent."""

    def __init__(self, edge: Edge) -> None:
        self._edge = edge
        self._seq = 1
        self.sent = 0
        edge.send(nbirth(), dbirth(1))

    def send(self, rows: int) -> None:
        until = self.sent + rows
        while self.sent < until:
            self._seq = (self._seq + 1) % 256
            told = minutes(self.sent + 1, min(ROWS_A_MESSAGE, until - self.sent))
            self._edge.send(ndata(self._seq, told))
            self.sent += len(told)


def queue_rows(stack: Stack) -> float:
    """Return how many rows wait, as the metrics tell it."""
    text = httpx.get(f"{stack.url}/metrics", verify=NO_TLS).text
    (line,) = [line for line in text.splitlines() if line.startswith("machikoba_queue_rows ")]
    return float(line.split()[1])


def overview(stack: Stack) -> str:
    """Return the coordinator's first page."""
    with httpx.Client(base_url=stack.url, verify=NO_TLS, follow_redirects=True) as client:
        form = client.get("/login").text.partition('name="form_token" value="')[2].partition('"')[0]
        fields = {"name": "coordinator", "password": PASSWORD, "form_token": form}
        answer = client.post("/login", data=fields, headers={"Accept-Language": "en"})
        assert SESSION_COOKIE in client.cookies
        return answer.text


def test_while_influxdb_is_away_nothing_is_announced_memory_stays_and_all_is_told(tmp_path: Path) -> None:
    with ExitStack() as ends:
        influx = ends.enter_context(influx_engine(tmp_path))
        (tmp_path / "token").write_text(influx.place.token)
        stack = Stack(tmp_path, FEDERATION)
        ends.callback(stack.end_all)
        stack.start_broker()
        table = f'url = "{influx.url}"\norg = "{influx.place.org}"\ntoken_file = "{tmp_path / "token"}"'
        stack.start_aggregator(tables=f"[influx]\n{table}\nkeep_days = 36500\n")
        process = psutil.Process(stack.pid("aggregator"))
        edge = ends.enter_context(Edge(stack.mqtt_port))
        sender = Sender(edge)
        sender.send(STORED)
        edge.wait_for_stored("epoch-1", STORED)

        assert influx.server is not None
        influx.server.kill()
        sender.send(QUEUE_ROWS)
        wait_until(lambda: queue_rows(stack) >= QUEUE_ROWS - 2 * ROWS_A_MESSAGE, "the queue is full")
        full_mb = process.memory_info().rss / 2**20
        sender.send(QUEUE_ROWS)
        wait_until(lambda: "full, dropping" in stack.log("aggregator"), "what comes is dropped")
        time.sleep(1)
        assert process.memory_info().rss / 2**20 - full_mb < MOST_MB
        assert queue_rows(stack) <= QUEUE_ROWS
        assert {through for _, through in edge.stored()} <= {0, STORED}
        answer = httpx.get(f"{stack.url}/readyz", verify=NO_TLS)
        assert (answer.status_code, answer.json()["ready"]) == (503, False)
        assert f"influx {influx.url}: cannot be reached" in answer.json()["reasons"][0]
        page = overview(stack)
        assert "Records cannot be stored at the moment." in page
        assert "cannot be reached" in page

        influx.server.launch()
        influx.server.wait()
        wait_until(stack.ready, "it is ready again")
        wait_until(lambda: max(int(str(through)) for _, through in edge.stored()) > STORED, "it is announced")
        announced = max(int(str(through)) for _, through in edge.stored())
        assert announced <= STORED + QUEUE_ROWS, "what was dropped never counts as stored"
