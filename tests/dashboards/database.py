"""An InfluxDB that is asked as Grafana's data source asks it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from tests.influx_engine import InfluxEngine
from tests.stack import NO_TLS


class Database:
    """Answers of one engine, in all its buckets."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client

    def query(self, database: str, statement: str) -> Any:
        """Return the only result of a statement."""
        fields = {"db": database, "q": statement, "epoch": "ms"}
        answer = self._client.post("/query", data=fields)
        assert answer.status_code == 200, (statement, answer.text)
        [result] = answer.json()["results"]
        assert "error" not in result, (statement, result)
        return result


@contextmanager
def asking(engine: InfluxEngine) -> Iterator[Database]:
    """Give the engine as Grafana sees it."""
    token = {"Authorization": f"Token {engine.place.token}"}
    with httpx.Client(base_url=engine.url, headers=token, timeout=60, verify=NO_TLS) as client:
        yield Database(client)
