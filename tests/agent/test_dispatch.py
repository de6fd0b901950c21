"""Records made ready for sending, while the outbox under them gets a new epoch."""

import asyncio
import threading
from pathlib import Path

import pytest

from agent.contract import names
from agent.delivery import Policy
from agent.dispatch import Dispatch, _Loaded
from agent.outbox import open_outbox
from tests.agent.records import windows


async def test_records_that_were_read_under_the_old_epoch_are_never_sent_under_the_new_one(
    tmp_path: Path,
) -> None:
    """Their numbers mean other records there: the centre would announce as stored what it never got."""
    outbox = open_outbox(tmp_path)
    outbox.append(windows(1, 500), {})
    outbox.forget(200)
    dispatch = Dispatch(Policy(), outbox, ready=lambda: None)
    send = dispatch._delivery.next_send(0)
    assert send is not None
    dispatch._loaded = _Loaded(send, outbox.pending(send.after, send.limit))
    old = outbox.epoch
    outbox.renew()  # in the disk's thread; `dispatch` hears of it a moment later
    metrics = dispatch.take(0)
    assert metrics is not None
    assert {metric.name: metric.value for metric in metrics}[names.EPOCH] == old != outbox.epoch
    outbox.close()


async def test_a_renewal_is_not_cut_in_two_by_a_connection_that_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outbox = open_outbox(tmp_path)
    outbox.append(windows(1, 5), {})
    began, may_end, renewed = threading.Event(), threading.Event(), asyncio.Event()
    renew = outbox.renew

    def slow_renew() -> None:
        began.set()
        may_end.wait(60)
        renew()

    monkeypatch.setattr(outbox, "renew", slow_renew)
    dispatch = Dispatch(Policy(), outbox, ready=lambda: None, renewed=renewed.set)
    old = outbox.epoch
    forgetting = asyncio.create_task(dispatch.forget())
    assert dispatch.announced(old, 6) is not None
    await asyncio.to_thread(began.wait, 60)
    forgetting.cancel()
    await asyncio.gather(forgetting, return_exceptions=True)
    may_end.set()
    await asyncio.wait_for(renewed.wait(), 60)
    assert dispatch._delivery.epoch == outbox.epoch != old
    outbox.close()


async def test_a_message_that_is_not_taken_is_waited_for_and_not_looked_at_again_and_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a line that is stuck the time-out of what was sent passes, while the next message lies ready."""
    outbox = open_outbox(tmp_path)
    outbox.append(windows(1, 500), {})
    ready = asyncio.Event()
    dispatch = Dispatch(Policy(timeout_s=0.1), outbox, ready=ready.set)
    dispatch.restart()
    loading = asyncio.create_task(dispatch.load())
    await asyncio.wait_for(ready.wait(), 60)
    ready.clear()
    assert dispatch.take(0) is not None
    await asyncio.wait_for(ready.wait(), 60)
    await asyncio.sleep(0.2)
    assert dispatch._delivery.due_s is not None
    assert dispatch._delivery.due_s < asyncio.get_running_loop().time()
    looked: list[float] = []
    monkeypatch.setattr(dispatch._delivery, "wake_s", looked.append)
    await asyncio.sleep(0.1)
    assert looked == []
    loading.cancel()
    outbox.close()
