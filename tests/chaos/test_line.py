"""The line that chaos makes bad: open it passes everything on, bad it does what it is called."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from tests.chaos.line import OPEN, SLOW_S, Line, lines
from tests.chaos.plan import CUT, FLAPPING, SILENT, SLOW
from tests.stack import wait_until


@pytest.fixture
def line() -> Iterator[Line]:
    """A line to somebody who answers every byte with itself."""
    with socket.create_server(("127.0.0.1", 0)) as echo:
        threading.Thread(target=_answer, args=(echo,), daemon=True).start()
        with lines(("line",), echo.getsockname()[1]) as found:
            yield found["line"]


def _answer(server: socket.socket) -> None:
    def echo(talk: socket.socket) -> None:
        with talk, contextlib.suppress(OSError):
            while data := talk.recv(4096):
                talk.sendall(data)

    with contextlib.suppress(OSError):
        while True:
            talk, _ = server.accept()
            threading.Thread(target=echo, args=(talk,), daemon=True).start()


def called(line: Line, patience_s: float = 60.0) -> socket.socket:
    return socket.create_connection(("127.0.0.1", line.port), timeout=patience_s)


def echoes(line: Line) -> bool:
    """Tell whether a new connection over the line carries anything."""
    with contextlib.suppress(OSError), called(line) as talk:
        talk.sendall(b"x")
        return talk.recv(1) == b"x"
    return False


def ended(talk: socket.socket) -> bool:
    try:
        return talk.recv(1) == b""
    except ConnectionError:
        return True


def test_an_open_line_passes_everything_on(line: Line) -> None:
    with called(line) as talk:
        talk.sendall(b"much " * 10_000)
        left = 50_000
        while left:
            left -= len(talk.recv(left))


def test_a_line_that_is_cut_ends_what_goes_over_it_until_it_is_open_again(line: Line) -> None:
    with called(line) as talk:
        talk.sendall(b"x")
        assert talk.recv(1) == b"x"
        line.become(CUT)
        assert ended(talk)
    assert not echoes(line)
    line.become(OPEN)
    wait_until(lambda: echoes(line), "the line is open")


def test_a_silent_line_swallows_and_what_it_carried_does_not_go_on(line: Line) -> None:
    with called(line) as talk:
        talk.sendall(b"x")
        assert talk.recv(1) == b"x"
        line.become(SILENT)
        time.sleep(0.5)
        talk.sendall(b"y")
        talk.settimeout(1)
        with pytest.raises(TimeoutError):
            talk.recv(1)
        talk.settimeout(60)
        line.become(OPEN)
        assert ended(talk)


def test_a_slow_line_takes_its_time(line: Line) -> None:
    line.become(SLOW)
    with called(line) as talk:
        began = time.monotonic()
        talk.sendall(b"x")
        assert talk.recv(1) == b"x"
        assert time.monotonic() - began >= 2 * SLOW_S


def test_a_flapping_line_breaks_again_and_again(line: Line) -> None:
    line.become(FLAPPING)
    for _ in range(2):
        wait_until(lambda: echoes(line), "the line is there for a moment")
        wait_until(lambda: not echoes(line), "the line is cut for a moment")
    line.become(OPEN)
    wait_until(lambda: echoes(line), "the line stays open")
