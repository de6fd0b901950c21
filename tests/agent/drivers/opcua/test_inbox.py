import pytest

from agent.drivers.opcua import inbox
from agent.drivers.opcua.inbox import Inbox
from agent.errors import LinkError
from agent.measuring.reading import Reading


def reading(number: int) -> Reading:
    return Reading("parts", number, number)


async def test_readings_come_out_in_order_and_once() -> None:
    box = Inbox()
    for number in range(3):
        box.put(reading(number))
    assert await box.take(1.0) == (reading(0), reading(1), reading(2))
    assert await box.take(0.0) == ()


async def test_waiting_ends_empty_when_nothing_comes() -> None:
    assert await Inbox().take(0.01) == ()


async def test_a_full_inbox_breaks_the_link_instead_of_dropping(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbox, "LIMIT", 2)
    box = Inbox()
    for number in range(4):
        box.put(reading(number))
    assert await box.take(1.0) == (reading(0), reading(1))
    with pytest.raises(LinkError, match="more than 2 notified values wait to be taken"):
        await box.take(1.0)


async def test_what_came_before_the_end_is_still_delivered() -> None:
    box = Inbox()
    box.put(reading(1))
    box.break_off("the subscription ended: BadTimeout")
    box.put(reading(2))
    assert await box.take(1.0) == (reading(1),)
    with pytest.raises(LinkError, match="ended: BadTimeout"):
        await box.take(1.0)
