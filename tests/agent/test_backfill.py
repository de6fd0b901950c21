"""What waited flows at its rate, beside live values, and says how far it has come."""

import logging
import time
from functools import partial
from pathlib import Path

import pytest

from agent import births
from agent.contract import names
from agent.contract.states import State
from agent.measuring.machine import Live
from agent.outbox import open_outbox
from tests.agent import brokers
from tests.agent.centre import Centre
from tests.agent.configs import settings
from tests.agent.publishing import running, until
from tests.agent.records import NOON_MS, windows


def is_told(centre: Centre, cycles_total: int) -> bool:
    return centre.live("fujimi", "pr-01").get("Cycles Total") == cycles_total


async def test_a_backlog_flows_at_its_rate_beside_live_values_and_its_progress_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    outbox = open_outbox(tmp_path)
    outbox.append(windows(1, 4_000), {})
    outbox.close()
    rate = {"records_per_s": 400.0, "records_per_message": 50}
    with brokers.running("mosquitto", tmp_path) as broker, Centre(broker.port) as centre:
        async with running(settings(tmp_path, broker.port, rate)) as line:
            began_s = time.monotonic()
            number = 0
            while not line.publisher.delivered.is_set():
                number += 1
                state = State.RUNNING if number % 2 else State.IDLE
                line.publisher.show("pr-01", Live(state, NOON_MS + number, number, None, ""))
                await until(partial(is_told, centre, number), "live")
            took_s = time.monotonic() - began_s
        waiting = [
            value
            for heard in centre.of_type("NDATA")
            for metric in heard.payload.metrics
            if metric.alias == births.NODE_ALIASES[names.OUTBOX_RECORDS]
            and isinstance(value := metric.value, int)
        ]
        assert len(centre.records()) == 4_000
    assert took_s >= (4_000 - 400) / 400 - 0.5
    assert number >= 4, "live values went out all the time"
    assert any(0 < told < 4_000 for told in waiting)
    assert waiting == sorted(waiting, reverse=True)
    assert "records wait and are delivered now" in caplog.text
