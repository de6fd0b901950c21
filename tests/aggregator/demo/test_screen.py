"""What the person at the terminal reads: aligned in both languages, plain where it is no terminal."""

import io
from pathlib import Path

from aggregator.demo.accounts import Account, Accounts
from aggregator.demo.floor import Factory, Floor
from aggregator.demo.folder import Folder
from aggregator.demo.screen import Screen, columns, padded, welcome


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_japanese_letters_take_two_columns() -> None:
    assert columns("町工場") == 6
    assert columns("demo") == 4
    assert padded("町", 4) == "町  "


def test_without_a_terminal_progress_is_a_few_plain_lines() -> None:
    stream = io.StringIO()
    screen = Screen(stream)
    for percent in range(101):
        screen.progress("history", percent / 100)
    assert stream.getvalue().splitlines() == [f"  history  {percent}%" for percent in (25, 50, 75, 100)]


def test_on_a_terminal_the_bar_stays_below_what_is_said() -> None:
    stream = Terminal()
    screen = Screen(stream)
    screen.progress("history", 0.5)
    screen.say("agent-aoki: SIGKILL")
    shown = stream.getvalue()
    assert "\r\x1b[Kagent-aoki: SIGKILL\n  history" in shown
    assert shown.endswith(" 50%")
    screen.progress("history", 1.0)
    assert stream.getvalue().endswith("100%\n")


def test_a_reader_who_went_away_does_not_end_the_demo() -> None:
    stream = io.StringIO()
    screen = Screen(stream)
    stream.close()
    screen.say("nobody hears this")


def test_a_terminal_without_japanese_is_told_the_rest() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="latin-1")
    Screen(stream).say("デモ / demo")
    assert raw.getvalue() == b"?? / demo\n"


def test_everyone_who_may_sign_in_is_told() -> None:
    factories = (Factory("aoki", "青木精機"), Factory("fujimi", "富士見プレス"))
    accounts = Accounts(
        coordinator=Account(user="coordinator", password="pw-c", token="t"),
        factories={one.id: Account(user=one.id, password=f"pw-{one.id}", token="t") for one in factories},
    )
    text = welcome(
        Folder(Path("/demo")), Floor("f", factories), accounts, "http://127.0.0.1:8000", "127.0.0.1:1883"
    )
    rows = [line for line in text.splitlines() if "pw-" in line]
    assert [row.split()[-1] for row in rows] == ["pw-c", "pw-aoki", "pw-fujimi"]
    assert len({columns(row[: row.index("pw-")]) for row in rows}) == 1, "passwords stand in one column"
    assert "http://127.0.0.1:8000/floor" in text
    assert "/demo/access.json" in text
