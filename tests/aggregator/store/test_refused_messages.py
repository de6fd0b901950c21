"""Refused messages on both databases: the newest are kept, bytes as they came."""

from sqlalchemy import Engine

from aggregator.store.refused_messages import KEPT, RefusedMessage, RefusedMessages


def test_bytes_come_back_as_they_came_newest_first(engine: Engine) -> None:
    kept = RefusedMessages(engine)
    first = RefusedMessage(1, "spBv1.0/町/NBIRTH/a", "なぜ", 9, b"\x00\xff'\\")
    second = RefusedMessage(2, "t", "empty", 0, b"")
    kept.add([first])
    kept.add([second])
    assert kept.newest() == [second, first]
    assert kept.newest(1) == [second]


def test_rubbish_all_day_does_not_fill_the_disk(engine: Engine) -> None:
    kept = RefusedMessages(engine)
    for first in range(0, KEPT + 300, 100):
        kept.add([RefusedMessage(1, "t", f"reason {first + more}", 1, b"x") for more in range(100)])
    found = kept.newest(2 * KEPT)
    assert len(found) == KEPT
    assert found[0].reason == f"reason {KEPT + 299}"
