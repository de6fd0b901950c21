"""A bar of progress on stderr: how much of how much is done, how fast, and how long the rest may take."""

import sys
import time
from collections.abc import Callable
from typing import TextIO

WIDTH = 30
EVERY_S = 0.2


class Bar:
    """On a terminal one line that is drawn over; elsewhere a line for every tenth."""

    def __init__(
        self, total: int, unit: str, file: TextIO = sys.stderr, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._total = total
        self._unit = unit
        self._file = file
        self._clock = clock
        self._began_s = clock()
        self._drawn_s = float("-inf")
        self._tenth = 0
        self._done = 0

    def add(self, more: int) -> None:
        """So much more is done."""
        self._done += more
        if not self._file.isatty():
            self._tell_tenths()
        elif self._clock() - self._drawn_s >= EVERY_S:
            self._drawn_s = self._clock()
            self._draw()

    def end(self) -> None:
        """Leave the line as it is."""
        if self._file.isatty() and self._total:
            self._draw()
            print(file=self._file)

    def line(self) -> str:
        """Return what the bar reads now."""
        share = min(1.0, self._done / self._total) if self._total else 1.0
        filled = round(share * WIDTH)
        told = f"{self._done:,} of {self._total:,} {self._unit}"
        return f"[{'#' * filled}{'.' * (WIDTH - filled)}] {share:4.0%} {told}{self._rest(share)}"

    def _rest(self, share: float) -> str:
        took_s = self._clock() - self._began_s
        if not 0 < share < 1 or took_s < 1:
            return ""
        left_s = round(took_s / share * (1 - share))
        return f", {self._done / took_s:,.0f} a second, {left_s // 60}:{left_s % 60:02} left"

    def _draw(self) -> None:
        print(f"\r{self.line():<100}", end="", file=self._file, flush=True)

    def _tell_tenths(self) -> None:
        tenth = 10 * self._done // self._total if self._total else 10
        if tenth > self._tenth:
            self._tenth = tenth
            print(self.line(), file=self._file, flush=True)
