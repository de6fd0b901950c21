"""What the demo says to the person at the terminal: plain lines, and one bar that redraws itself on a tty."""

import io
import sys
import unicodedata
from typing import TextIO

from aggregator.demo.accounts import Accounts
from aggregator.demo.floor import Floor
from aggregator.demo.folder import Folder

BAR = 30
STEPS = 4
"""Without a tty the bar becomes this many lines."""


class Screen:
    """Lines above, the bar below."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stdout
        if isinstance(self._stream, io.TextIOWrapper):
            self._stream.reconfigure(errors="replace")  # passwords must be told in any locale
        self._redraws = self._stream.isatty()
        self._bar = ""
        self._told = 0

    def say(self, text: str) -> None:
        """Print lines; the bar stays below them."""
        self._write(f"{self._erased()}{text}\n{self._bar}")

    def progress(self, label: str, share: float) -> None:
        """Show how far something is, `share` 0 to 1; at 1 the bar becomes a line."""
        filled = round(BAR * share)
        line = f"  {label}  {'█' * filled}{'·' * (BAR - filled)} {share:4.0%}"
        if self._redraws:
            before = self._erased()
            self._bar = "" if share >= 1 else line
            self._write(before + (line + "\n" if share >= 1 else line))
        elif int(share * STEPS) > self._told:
            self._told = int(share * STEPS)
            self._write(f"  {label}  {share:.0%}\n")

    def clear(self) -> None:
        """Take the bar away."""
        erased, self._bar = self._erased(), ""
        self._write(erased)

    def _erased(self) -> str:
        return "\r\x1b[K" if self._bar else ""

    def _write(self, text: str) -> None:
        try:
            self._stream.write(text)
            self._stream.flush()
        except (BrokenPipeError, ValueError):  # whoever read us went away; the demo goes on
            return


def welcome(folder: Folder, floor: Floor, accounts: Accounts, url: str, mqtt: str) -> str:
    """Return where to look and how to sign in, in both languages."""
    people = [("コーディネーター", "coordinator", accounts.coordinator)]
    people += [
        (factory.name, "factory", accounts.factories[factory.id])
        for factory in floor.factories
        if factory.id in accounts.factories
    ]
    width = max(columns(name) for name, _, _ in people) + 2
    user_width = max(len(account.user) for _, _, account in people) + 2
    rows = [
        f"  {padded(name, width)}{padded(account.user, user_width)}{account.password}"
        for name, _, account in people
    ]
    return "\n".join(
        [
            "",
            "  町工場 Machikoba — デモ / demo",
            "",
            f"  ページ   Pages   {url}/",
            f"  フロア   Floor   {url}/floor",
            f"  API              {url}/api/v1/openapi.json",
            f"  MQTT             {mqtt}",
            "",
            "  ログイン名とパスワード   Name and password to sign in",
            *rows,
            "",
            f"  トークンほか   Tokens and more   {folder.access}",
            f"  ログ           Logs              {folder.logs}",
            "  終了           Stop              Ctrl-C",
            "",
        ]
    )


def padded(text: str, width: int) -> str:
    """Fill up to `width` columns of a terminal, where Japanese letters take two."""
    return text + " " * max(0, width - columns(text))


def columns(text: str) -> int:
    """Return how many columns of a terminal the text takes."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)
