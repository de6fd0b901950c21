"""Disks that are full or read-only, for real: said clearly, live values go on, nothing crashes."""

import asyncio
import contextlib
import logging
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agent import app
from agent import journal as journal_module
from agent.contract.records import Window
from agent.drivers import DRIVERS
from agent.errors import OutboxDiskError, OutboxError
from agent.link import BackOff
from agent.merging import Bounds
from agent.outbox import Outbox, open_outbox, outbox_in_memory
from agent.outbox_file import FILE
from tests.agent import brokers
from tests.agent.brokers import Broker
from tests.agent.centre import Centre
from tests.agent.configs import config
from tests.agent.records import windows
from tests.agent.scripted import SCRIPTED, machine


class Disk:
    """A small disk of its own, mounted at `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def remount(self, options: str) -> None:
        """Make it read-only (`ro`), writable (`rw`), or of another size."""
        subprocess.run(["mount", "-o", f"remount,{options}", self.folder], check=True, timeout=30)

    def fill(self) -> None:
        """Leave no room."""
        with contextlib.suppress(OSError), (self.folder / "other").open("wb", buffering=0) as other:
            while True:
                other.write(b"x" * 4_096)

    def clear(self) -> None:
        """Make room again."""
        (self.folder / "other").unlink()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", folder],
        capture_output=True,
        check=False,
        timeout=30,
    )
    if mounted.returncode:
        pytest.skip("only root may mount a disk")
    yield Disk(folder)
    subprocess.run(["umount", "-l", folder], check=True, timeout=30)


def test_a_full_disk_is_named_and_works_again_when_there_is_room(disk: Disk) -> None:
    outbox = open_outbox(disk.folder)
    outbox.append(windows(1, 10), {"mc-01": {"at": 10}})
    disk.fill()
    with pytest.raises(OutboxDiskError, match=r"outbox\.db: the disk is full; make room"):
        outbox.append(windows(11, 3_000), {"mc-01": {"at": 3_000}})
    assert [record for _, record in outbox.pending(0, 100)] == windows(1, 10)
    disk.clear()
    outbox.append(windows(11, 20), {"mc-01": {"at": 20}})
    outbox.close()
    outbox = open_outbox(disk.folder)
    assert [record for _, record in outbox.pending(0, 100)] == windows(1, 20)
    outbox.close()


def test_a_disk_that_turns_read_only_is_named(disk: Disk) -> None:
    open_outbox(disk.folder).close()
    disk.remount("ro")
    with pytest.raises(OutboxDiskError, match=r"outbox\.db: the disk is read-only; check it, or replace"):
        open_outbox(disk.folder)
    with pytest.raises(OutboxDiskError, match=r"new: cannot be made or used as the data folder: Read-only"):
        open_outbox(disk.folder / "new")
    disk.remount("rw")
    open_outbox(disk.folder).close()


def test_what_waited_in_memory_moves_behind_what_lay_on_the_disk(disk: Disk) -> None:
    outbox = open_outbox(disk.folder)
    outbox.append(windows(1, 3), {"mc-01": {"at": 3}, "mc-02": {"at": 1}})
    epoch = outbox.epoch
    outbox.close()
    disk.remount("ro")
    outbox = outbox_in_memory(disk.folder, Bounds())
    assert (outbox.snapshots(), outbox.pending_count, outbox.epoch != epoch) == ({}, 0, True)
    outbox.append(windows(11, 15), {"mc-01": {"at": 15}})
    outbox.forget(2)
    outbox.try_disk()
    assert outbox.is_in_memory
    disk.remount("rw")
    outbox.try_disk()
    assert (outbox.is_in_memory, outbox.epoch) == (False, epoch)
    outbox.close()
    outbox = open_outbox(disk.folder)
    assert [record for _, record in outbox.pending(0, 100)] == [*windows(1, 3), *windows(13, 15)]
    assert outbox.snapshots() == {"mc-01": {"at": 15}, "mc-02": {"at": 1}}
    outbox.close()


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    with brokers.running("mosquitto", tmp_path_factory.mktemp("broker")) as broker:
        yield broker


async def until(done: Callable[[], object], what: str) -> None:
    try:
        async with asyncio.timeout(90):
            while not done():  # noqa: ASYNC110  what is waited for happens in other threads
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise AssertionError(f"not in time: {what}") from None


async def test_an_agent_goes_on_over_a_read_only_and_a_full_disk(
    disk: Disk,
    broker: Broker,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setitem(DRIVERS, "scripted", SCRIPTED)
    monkeypatch.setattr(journal_module, "BACK_OFF", BackOff(0.1, 0.1))
    settings = config(
        machine("mc-01", *[step for n in range(400) for step in ({"running": n % 2 == 0, "parts": n}, 0.5)]),
        data=str(disk.folder),
        mqtt={"host": "127.0.0.1", "port": broker.port},
        outbox={"group_s": 0.5},
    )
    disk.remount("ro")
    with Centre(broker.port) as centre:
        stop = asyncio.Event()
        outbox = await app.opened_outbox(settings)
        agent = asyncio.create_task(app.Agent(settings, outbox).run(stop))
        told: list[int] = []

        def lives() -> bool:
            return len(centre.of_type("DDATA")) > told[-1] + 2

        told.append(0)
        await until(lambda: lives() and centre.records(), "it lives and delivers without a disk")
        assert "the disk is read-only" in caplog.text
        disk.remount("rw")
        await until(lambda: (disk.folder / FILE).exists() and not outbox.is_in_memory, "it uses the disk")
        disk.fill()
        await until(lambda: "the disk is full; make room; live values go on" in caplog.text, "it says so")
        told.append(len(centre.of_type("DDATA")))
        await until(lives, "live values go on")
        disk.clear()
        await until(lambda: "can be written again" in caplog.text, "it writes again")
        stop.set()
        await asyncio.wait_for(agent, 60)
        await asyncio.to_thread(outbox.close)
        found = [record for record in centre.records() if isinstance(record, Window)]
    cycles = sum(window.cycles or 0 for window in found)
    assert cycles == (found[-1].cycles_total or 0) - 0
    outbox = open_outbox(disk.folder)
    assert outbox.pending_count == 0
    outbox.close()


class FullDisk(Outbox):
    """An outbox on a disk without room, for those who may not mount one."""

    def append(self, *_: object) -> range:
        raise OutboxError("outbox.db: the disk is full; make room")


async def test_live_values_go_on_when_the_disk_is_full(
    broker: Broker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(DRIVERS, "scripted", SCRIPTED)
    table = machine(
        "mc-01", *[step for n in range(99) for step in ({"running": n % 2 == 0, "parts": 1}, 1.2)]
    )
    line = {"host": "127.0.0.1", "port": broker.port}
    settings = config(table, data=str(tmp_path), mqtt=line, outbox={"group_s": 0.5})
    outbox = await asyncio.to_thread(open_outbox, tmp_path)
    outbox.__class__ = FullDisk
    with Centre(broker.port) as centre:
        stop = asyncio.Event()
        agent = asyncio.create_task(app.Agent(settings, outbox).run(stop))
        await until(lambda: "the disk is full" in caplog.text, "it is said")
        told = len(centre.of_type("DDATA"))
        await until(lambda: len(centre.of_type("DDATA")) >= told + 2, "live values go on")
        stop.set()
        await asyncio.wait_for(agent, 60)
    assert caplog.text.count("the disk is full") == 1
