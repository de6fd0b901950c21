"""`machikoba serve` killed in mid-stream, again and again: nothing is lost, nothing counts twice."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from aggregator.model.machine import MachineKey
from aggregator.store.database import open_engine
from aggregator.store.embedded import Embedded
from tests.agent.brokers import running
from tests.aggregator.ingest.delivery import Delivery, expected
from tests.aggregator.ingest.edge import Edge
from tests.aggregator.serving import Serve

ROWS = 30_000
KILLS = 3
MILL = MachineKey("aoki", "mc-01")


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[tuple[Serve, int]]:
    with running("mosquitto", tmp_path) as broker:
        serve = Serve(tmp_path, broker.port)
        serve.start()
        try:
            yield serve, broker.port
        finally:
            serve.kill()


def test_killed_in_mid_stream_it_loses_and_doubles_nothing(serve: tuple[Serve, int], tmp_path: Path) -> None:
    process, mqtt_port = serve
    dice = random.Random(11)
    moments = sorted(dice.sample(range(1_000, ROWS - 1_000), KILLS), reverse=True)

    def kill_now_and_then(sent: int) -> None:
        if moments and sent >= moments[-1]:
            moments.pop()
            process.kill()
            process.start()

    with Edge(mqtt_port) as edge:
        delivery = Delivery(edge, ROWS)
        delivery.run(kill_now_and_then)
    assert moments == []
    assert delivery.births > KILLS
    assert process.stop() == 0
    engine = open_engine(f"sqlite:///{tmp_path / 'machikoba.db'}")
    stored = Embedded(engine)
    windows = stored.windows(MILL, 0, 10**12)
    assert [(window.start_ms, window.state_ms, window.cycles) for window in windows] == [
        (window.start_ms, window.state_ms, window.cycles) for window in expected(ROWS)
    ]
    total = stored.totals([MILL], 0, 10**12)[MILL]
    assert (sum(total.state_ms), total.cycles) == (ROWS * 60_000, ROWS * 4)
    engine.dispose()
