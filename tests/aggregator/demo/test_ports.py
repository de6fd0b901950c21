"""Ports: what is taken is seen, and another one is found."""

import asyncio
import socket
from collections.abc import Iterator

import pytest

from aggregator.demo.ports import HOST, free_port, is_free, opened


@pytest.fixture(params=[HOST, "0.0.0.0"])
def taken(request: pytest.FixtureRequest) -> Iterator[int]:
    with socket.create_server((request.param, 0)) as server:
        yield server.getsockname()[1]


def test_a_port_with_a_listener_is_not_free(taken: int) -> None:
    assert not is_free(taken)


def test_a_free_port_can_be_listened_on() -> None:
    port = free_port()
    assert is_free(port)
    socket.create_server((HOST, port)).close()
    assert is_free(port), "a port is free again once its server has gone"


def test_the_wanted_port_is_kept_when_it_is_free() -> None:
    port = free_port()
    assert free_port(port) == port


def test_another_one_is_found_when_the_wanted_one_is_taken(taken: int) -> None:
    assert free_port(taken) != taken


def test_ports_that_are_promised_already_are_not_given_twice() -> None:
    port = free_port()
    assert free_port(port, {port}) != port


async def test_ports_are_opened_when_somebody_listens_on_all_of_them() -> None:
    with socket.create_server((HOST, 0)) as first:
        late = free_port()
        ports = (first.getsockname()[1], late)
        assert not await opened(ports, 0.0)
        waiting = asyncio.create_task(opened(ports, 30))
        await asyncio.sleep(0)
        assert not waiting.done()
        with socket.create_server((HOST, late)):
            assert await waiting
