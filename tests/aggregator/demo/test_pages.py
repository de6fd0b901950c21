"""Pages answer, or they do not: never an exception."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from aggregator.demo.pages import answered, status
from aggregator.demo.ports import free_port


@pytest.fixture
async def port() -> AsyncIterator[int]:
    """Serve 200 on /good, 503 for the first two calls of /later, nothing on /silent, nonsense elsewhere."""
    calls: dict[str, int] = {}

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        path = (await reader.readline()).split()[1].decode()
        calls[path] = calls.get(path, 0) + 1
        code = {"/good": 200, "/later": 503 if calls[path] < 3 else 200}.get(path)
        if code:
            writer.write(f"HTTP/1.1 {code} X\r\n\r\n".encode())
        elif path != "/silent":
            writer.write(b"nonsense\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]


@pytest.mark.parametrize(
    ("path", "code"), [("/good", 200), ("/later", 503), ("/silent", None), ("/other", None)]
)
async def test_the_status_of_a_page(port: int, path: str, code: int | None) -> None:
    assert await status(port, path) == code


async def test_a_page_that_comes_up_later_is_waited_for(port: int) -> None:
    assert await answered(port, ["/good", "/later"], 30)


async def test_one_page_that_never_answers_is_enough_to_say_no(port: int) -> None:
    assert not await answered(port, ["/good", "/silent"], 0.3)


async def test_nobody_listens() -> None:
    assert await status(free_port(), "/") is None
