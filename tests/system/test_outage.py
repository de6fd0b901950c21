"""The centre is away for hours, the outbox comes to its bound, and in the end every total is there, once."""

import asyncio
import signal
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from agent.app import Agent
from agent.contract.records import HOUR_MS, Window
from agent.contract.states import STATES
from agent.outbox import Outbox, open_outbox
from tests.agent.configs import config, replay
from tests.agent.test_app import expected_of, write_log
from tests.stack import AGGREGATOR, START_S, Stack, running, wait_until

USABLE_BYTES = 60_000
"""The log makes some 200 KB."""


def stored(stack: Stack) -> list[dict[str, Any]]:
    """Return the machine's windows as the API tells them."""
    if "rp-01" not in str(stack.get("machines")):
        return []
    query: dict[str, str | int] = {"resolution": "minute", "limit": 10_000}
    query |= {"since": "2026-11-20T00:00:00Z", "until": "2026-11-21T00:00:00Z"}
    windows: Any = stack.get("machines/fujimi/rp-01/windows", **query)["windows"]
    return list(windows)


def totals_of(windows: list[Window]) -> Counter[tuple[int, str]]:
    """Return milliseconds in each state, and cycles, by hour."""
    found: Counter[tuple[int, str]] = Counter()
    for window in windows:
        hour = window.start_ms // HOUR_MS
        found[hour, "cycles"] += window.cycles or 0
        for state, spent_ms in zip(STATES, window.state_ms, strict=True):
            found[hour, state] += spent_ms
    return +found


def totals_told(windows: list[dict[str, Any]]) -> Counter[tuple[int, str]]:
    """Return the same of what the API tells."""
    found: Counter[tuple[int, str]] = Counter()
    for window in windows:
        start = datetime.fromisoformat(window["start"]).astimezone(UTC)
        hour = round(start.timestamp() * 1000) // HOUR_MS
        found[hour, "cycles"] += window["cycles"]
        for state in STATES:
            found[hour, state] += window["state_ms"][state]
    return +found


async def test_an_outbox_at_its_bound_delivers_hours_and_every_total(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Outbox, "_usable_bytes", USABLE_BYTES)
    log = write_log(tmp_path / "log.csv", 3)
    with running(tmp_path, "higashimachi") as stack:
        line = {"host": "127.0.0.1", "port": stack.mqtt_port}
        settings = config(
            replay("rp-01", log, speed=4_000),
            data=str(tmp_path / "agent"),
            mqtt=line,
            delivery={"timeout_s": 1.0},
        )
        outbox = await asyncio.to_thread(open_outbox, settings.data, settings.outbox)
        first_epoch = outbox.epoch
        agent = asyncio.create_task(Agent(settings, outbox).run(asyncio.Event()))
        async with asyncio.timeout(90):
            while not await asyncio.to_thread(stored, stack):  # noqa: ASYNC110  another process stores
                await asyncio.sleep(0.1)
        await asyncio.to_thread(stack.end, "aggregator", signal.SIGKILL)
        async with asyncio.timeout(90):
            while outbox.epoch == first_epoch or not outbox.pending_count:  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        await asyncio.sleep(3)
        stack.start("aggregator", (*AGGREGATOR, "serve", "--config", tmp_path / "machikoba.toml"))
        await asyncio.to_thread(wait_until, stack.ready, "the aggregator is ready again", 3 * START_S)
        await asyncio.wait_for(agent, 180)
        await asyncio.to_thread(outbox.close)
        told = await asyncio.to_thread(stored, stack)
    expected = [record for record in expected_of(log) if isinstance(record, Window)]
    assert totals_told(told) == totals_of(expected)
    assert len(told) < len(expected) - 60, "some of it came as hours"
    assert outbox.pending_count == 0
