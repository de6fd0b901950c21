"""Records made ready for sending, while the outbox under them gets a new epoch."""

from pathlib import Path

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
