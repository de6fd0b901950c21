"""`machikoba serve` as a process: it begins, says how it is, and ends when told to."""

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from aggregator.app import steadily
from tests.agent.brokers import Broker, running
from tests.aggregator.faces import bearer, browsing, sign_in
from tests.aggregator.ingest.edge import Edge
from tests.aggregator.ingest.messages import dbirth, minutes, nbirth, ndata
from tests.aggregator.serving import Serve
from tests.aggregator.town import Town, found_town
from tests.stack import NO_TLS, wait_until


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    with running("mosquitto", tmp_path) as broker:
        yield broker


@pytest.fixture
def town(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Town]:
    """People who may sign in; the process under test opens their database."""
    town = found_town(tmp_path, settled=False)
    monkeypatch.setenv("MACHIKOBA_DATABASE_URL", town.services.config.database_url)
    town.services.records.engine.dispose()
    yield town
    town.services.records.engine.dispose()


@pytest.fixture
def serve(tmp_path: Path, broker: Broker, town: Town) -> Iterator[Serve]:
    serve = Serve(tmp_path, broker.port)
    serve.start()
    try:
        yield serve
    finally:
        serve.kill()


def readiness(serve: Serve) -> Any:
    answer = httpx.get(f"{serve.url}/readyz", verify=NO_TLS)
    body = answer.json()
    assert answer.status_code == (200 if body["ready"] else 503)
    return body


def test_what_an_edge_node_sends_is_answered_by_the_api(serve: Serve, broker: Broker, town: Town) -> None:
    wait_until(lambda: readiness(serve)["ready"], "it is ready")
    with Edge(broker.port) as edge:
        edge.send(nbirth(), dbirth(1, state="RUNNING", name="マシニングセンタ"), ndata(2, minutes(1, 30)))
        edge.wait_for_stored("epoch-1", 30)
        where = f"{serve.url}/api/v1/machines"
        wait_until(
            lambda: httpx.get(where, headers=bearer(town), verify=NO_TLS).json()["machines"],
            "the machine is there",
        )
        (machine,) = httpx.get(where, headers=bearer(town), verify=NO_TLS).json()["machines"]
    assert (machine["factory"], machine["machine"], machine["name"]) == ("aoki", "mc-01", "マシニングセンタ")


def test_metrics_count_what_was_received_stored_and_refused(serve: Serve, broker: Broker) -> None:
    wait_until(lambda: readiness(serve)["ready"], "it is ready")
    with Edge(broker.port) as edge:
        edge.send_bytes("spBv1.0/higashimachi/NBIRTH/aoki", b"\xff")
        edge.send(nbirth(), ndata(1, minutes(1, 30)))
        edge.wait_for_stored("epoch-1", 30)
    text = httpx.get(f"{serve.url}/metrics", verify=NO_TLS).text
    assert 'machikoba_ingest_messages_total{type="NDATA"} 1.0' in text
    assert 'machikoba_ingest_refused_total{what="message"} 1.0' in text
    assert "machikoba_ingest_rows_stored_total 30.0" in text
    assert "machikoba_ingest_store_seconds_count" in text


def test_it_says_that_it_waits_for_the_broker(serve: Serve, broker: Broker) -> None:
    wait_until(lambda: readiness(serve)["ready"], "it is ready")
    broker.kill()
    wait_until(lambda: not readiness(serve)["ready"], "it is not ready")
    wait_until(lambda: f"127.0.0.1:{broker.port}" in readiness(serve)["reasons"][0], "it says why")
    broker.start()
    wait_until(lambda: readiness(serve)["ready"], "it is ready again")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_told_to_stop_it_ends_although_pages_listen(serve: Serve, number: signal.Signals) -> None:
    with browsing(serve.url) as browser:
        assert sign_in(browser) == 303
        with browser.stream("GET", "/floor/events") as stream:
            lines = stream.iter_lines()
            assert next(lines).startswith("event: heartbeat")
            assert serve.stop(number) == 0
            assert list(lines)[-1] == ""  # the stream came to its end, it was not torn
    assert "Traceback" not in serve.log.read_text()


def test_it_leaves_the_broker_in_good_order(serve: Serve, broker: Broker) -> None:
    with Edge(broker.port) as edge:
        wait_until(lambda: edge.states() and edge.states()[-1]["online"], "online")
        assert serve.stop() == 0
        wait_until(lambda: not edge.states()[-1]["online"], "offline")


def test_started_again_it_goes_on_where_it_was(serve: Serve, broker: Broker) -> None:
    wait_until(lambda: readiness(serve)["ready"], "it is ready")
    with Edge(broker.port) as edge:
        edge.send(nbirth(), dbirth(1), ndata(2, minutes(1, 30)))
        edge.wait_for_stored("epoch-1", 30)
        assert serve.stop() == 0
        serve.start()
        wait_until(lambda: edge.rebirths() > 0, "the factory is asked for its births")
        told = len(edge.stored())
        edge.send(nbirth())
        wait_until(lambda: edge.stored()[told:] == [("epoch-1", 30)], "what is stored is announced again")


async def test_what_breaks_beside_the_receiving_begins_again_and_is_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    begun: list[int] = []

    async def reckon() -> None:
        begun.append(len(begun))
        if len(begun) < 3:
            raise ZeroDivisionError("a mistake")

    await steadily("spare hours", reckon, rest_s=0)
    assert begun == [0, 1, 2]
    assert [record.message for record in caplog.records] == [
        "spare hours: broke; the old figures stay, begins again in 0 s"
    ] * 2
