"""A process of its own that is given cases one by one: what it holds in memory is its own, not hypothesis'.

hypothesis remembers what it has tried: 50,000 cases that do nothing take hundreds of MB. What is under
test is told each case over a pipe, and its memory is looked at from outside.
"""

import contextlib
import multiprocessing
import traceback
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from typing import Any

import psutil

Handle = Callable[..., None]

GROWN_MB = 25.0
"""So much more a process may hold after all cases than after the first `SETTLED`; measured: nothing."""
SETTLED = 500
"""After so many cases everything is loaded, and caches are filled."""


class Apart:
    """What `make()` returned in the other process, to be called from here."""

    def __init__(self, pipe: Connection, pid: int) -> None:
        self._pipe = pipe
        self._process = psutil.Process(pid)
        self._settled_mb = 0.0
        self.cases = 0

    def __call__(self, *case: Any) -> None:
        """Let it handle a case; fails with its traceback, also when the process has died of it."""
        self._pipe.send(case)
        try:
            failed = self._pipe.recv()
        except EOFError:
            failed = "the process has died"
        assert failed is None, failed
        self.cases += 1
        if self.cases == SETTLED:
            self._settled_mb = self.memory_mb

    @property
    def memory_mb(self) -> float:
        """How much memory it holds now."""
        held: int = self._process.memory_info().rss
        return held / 2**20

    @property
    def grown_mb(self) -> float:
        """How much more it holds than when it had settled; 0 before that."""
        return self.memory_mb - self._settled_mb if self.cases >= SETTLED else 0.0


@contextlib.contextmanager
def apart(make: Callable[[], Handle]) -> Iterator[Apart]:
    """Give what `make` (a function of a module) returns, in a process of its own; ends it afterwards."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_serve, args=(make, there), name="under test", daemon=True)
    process.start()
    there.close()
    assert process.pid is not None
    try:
        yield Apart(here, process.pid)
    finally:
        here.close()
        process.join(30)
        process.kill()


def _serve(make: Callable[[], Handle], pipe: Connection) -> None:
    handle = make()
    while True:
        try:
            case = pipe.recv()
        except EOFError:
            return
        try:
            handle(*case)
        except BaseException:  # noqa: BLE001  told to who gave the case
            pipe.send(traceback.format_exc())
        else:
            pipe.send(None)
