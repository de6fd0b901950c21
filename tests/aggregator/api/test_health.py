import math
from collections.abc import Iterator

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.aggregator.faces import browsing
from tests.aggregator.town import Town, served


@pytest.fixture
def new(empty_town: Town) -> Iterator[httpx.Client]:
    with served(empty_town) as (url, _), browsing(url) as client:
        yield client


def test_the_process_is_alive_whatever_broker_and_store_do(new: httpx.Client, empty_town: Town) -> None:
    empty_town.services.status.broker_connected = False
    assert new.get("/healthz").json() == {"status": "ok"}


def test_ready_while_records_flow(new: httpx.Client) -> None:
    answer = new.get("/readyz")
    assert (answer.status_code, answer.json()) == (200, {"ready": True, "reasons": [], "warnings": []})


def test_not_ready_says_why(new: httpx.Client, empty_town: Town) -> None:
    status = empty_town.services.status
    status.warnings = ("2 certificates end within 30 days or have ended",)
    status.broker_connected, status.broker_error = False, "broker 127.0.0.1:1883: connection refused"
    status.store_ok, status.store_error = False, "database x: disk full"
    answer = new.get("/readyz")
    assert answer.status_code == 503
    assert answer.json() == {
        "ready": False,
        "reasons": ["broker 127.0.0.1:1883: connection refused", "database x: disk full"],
        "warnings": ["2 certificates end within 30 days or have ended"],
    }


def test_metrics_are_prometheus_text_and_name_no_factory(
    client: httpx.Client, town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(town.services.status, "ending", ("_broker", "aoki"))
    answer = client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    samples = {
        (sample.name, sample.labels.get("state")): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }
    assert samples["machikoba_machines", "RUNNING"] == 10
    assert samples["machikoba_machines", "OFFLINE"] == 3
    assert samples["machikoba_broker_connected", None] == 1
    assert samples["machikoba_certificates_ending", None] == 2
    assert not math.isnan(samples["machikoba_last_stored_timestamp_seconds", None])
    assert "aoki" not in answer.text
