"""Commands to agents: what they hold, and that of each kind only the newest waits."""

import asyncio

import pytest

from agent.contract import names
from agent.contract.sparkplug import DataType, Payload, decode
from aggregator.ingest.commands import Commands
from aggregator.model.machine import MachineKey
from aggregator.status import Status
from tests.aggregator.ingest.messages import AT_MS, FEDERATION


@pytest.fixture
def commands() -> Commands:
    return Commands(FEDERATION, Status(), lambda: AT_MS)


async def told(commands: Commands) -> tuple[str, Payload]:
    topic, data = await asyncio.wait_for(commands.next(), 10)
    return topic, decode(data)


async def test_a_machine_is_told_its_job_and_of_two_only_the_newer(commands: Commands) -> None:
    commands.job(MachineKey("aoki", "mc-01"), "2026-0042-1a")
    commands.job(MachineKey("aoki", "mc-02"), "2026-0042-1a")
    commands.job(MachineKey("aoki", "mc-01"), "")
    found = {topic: payload.metrics[0] for topic, payload in [await told(commands), await told(commands)]}
    assert {topic: metric.value for topic, metric in found.items()} == {
        f"spBv1.0/{FEDERATION}/DCMD/aoki/mc-01": "",
        f"spBv1.0/{FEDERATION}/DCMD/aoki/mc-02": "2026-0042-1a",
    }
    assert {(metric.name, metric.datatype) for metric in found.values()} == {(names.JOB, DataType.STRING)}


async def test_a_rebirth_is_asked_for_as_sparkplug_wants_it(commands: Commands) -> None:
    commands.rebirth("aoki")
    topic, payload = await told(commands)
    assert topic == f"spBv1.0/{FEDERATION}/NCMD/aoki"
    (metric,) = payload.metrics
    assert (metric.name, metric.value, metric.datatype, metric.alias) == (
        names.REBIRTH,
        True,
        DataType.BOOLEAN,
        None,
    )
    assert (payload.timestamp_ms, metric.timestamp_ms, payload.seq) == (AT_MS, AT_MS, None)


async def test_an_announcement_names_the_outbox_and_how_far_it_is_stored(commands: Commands) -> None:
    commands.stored("aoki", "epoch-1", 2**40)
    topic, payload = await told(commands)
    assert topic == f"spBv1.0/{FEDERATION}/NCMD/aoki"
    assert [(metric.name, metric.value) for metric in payload.metrics] == [
        (names.STORED_EPOCH, "epoch-1"),
        (names.STORED_THROUGH, 2**40),
    ]


async def test_only_the_newest_of_a_kind_waits(commands: Commands) -> None:
    for through in range(1_000):
        commands.rebirth("aoki")
        commands.stored("aoki", "epoch-1", through)
        commands.stored("fujimi", "epoch-2", through)
    heard = [await told(commands) for _ in range(3)]
    assert [payload.metrics[-1].value for _, payload in heard] == [True, 999, 999]
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(commands.next(), 0.05)


async def test_it_wakes_who_waits(commands: Commands) -> None:
    waiting = asyncio.create_task(commands.next())
    await asyncio.sleep(0)
    commands.rebirth("aoki")
    assert (await waiting)[0].endswith("/aoki")


async def test_what_was_meant_for_a_lost_connection_is_forgotten(commands: Commands) -> None:
    commands.rebirth("aoki")
    commands.stored("aoki", "epoch-1", 5)
    commands.clear()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(commands.next(), 0.05)
