import argparse
import io
from pathlib import Path

import pytest

from aggregator.access import command
from aggregator.access.session import token_user
from aggregator.clock import now_ms
from aggregator.errors import AggregatorError
from aggregator.model.user import Role, User
from aggregator.store.database import open_engine
from aggregator.store.people import People


def run(tmp_path: Path, *words: str) -> int:
    parser = argparse.ArgumentParser(prog="machikoba user")
    command.add_arguments(parser)
    name, *rest = words
    arguments = parser.parse_args([name, "--federation", "east", "--data", str(tmp_path), *rest])
    return command.run(arguments)


@pytest.fixture
def password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("a long password\n"))


def people(tmp_path: Path) -> People:
    return People(open_engine(f"sqlite:///{tmp_path / 'machikoba.db'}"))


@pytest.mark.usefixtures("password")
def test_add_then_list_then_remove(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("add", "aoki", "--role", "factory", "--factory", "aoki", "--password-stdin")
    assert run(tmp_path, *words) == 0
    assert "aoki can sign in as factory aoki" in capsys.readouterr().out
    run(tmp_path, "list")
    assert capsys.readouterr().out == "aoki\tfactory\taoki\n"
    run(tmp_path, "remove", "aoki")
    capsys.readouterr()
    run(tmp_path, "list")
    assert capsys.readouterr().out == ""


@pytest.mark.usefixtures("password")
def test_a_token_is_printed_alone_and_works(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(tmp_path, "add", "kenta", "--role", "coordinator", "--password-stdin")
    capsys.readouterr()
    run(tmp_path, "token", "kenta", "--days", "2")
    token = capsys.readouterr().out.strip()
    found = people(tmp_path)
    assert token_user(found, token, now_ms()) == User("kenta", Role.COORDINATOR)
    assert token_user(found, token, now_ms() + 3 * command.DAY_MS) is None


@pytest.mark.usefixtures("password")
@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("add", "a", "--role", "factory", "--password-stdin"), "needs --factory ID"),
        (
            ("add", "a", "--role", "coordinator", "--factory", "aoki", "--password-stdin"),
            "leave --factory out",
        ),
        (
            ("add", "a", "--role", "factory", "--factory", "a/b", "--password-stdin"),
            "'a/b' is no factory's id",
        ),
        (("add", " ", "--role", "coordinator", "--password-stdin"), "1 to 64 visible characters"),
        (("remove", "nobody"), "'nobody': there is none of that name"),
        (("token", "nobody"), "'nobody': there is none of that name"),
        (("token", "nobody", "--days", "0"), "expected 1 to 3650, got 0"),
        (("password", "nobody", "--password-stdin"), "'nobody': there is none of that name"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(tmp_path: Path, words: tuple[str, ...], sentence: str) -> None:
    with pytest.raises(AggregatorError, match=sentence):
        run(tmp_path, *words)


def test_a_short_password_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("short\n"))
    with pytest.raises(AggregatorError, match="at least 8 characters"):
        run(tmp_path, "add", "kenta", "--role", "coordinator", "--password-stdin")
    assert people(tmp_path).users() == []


def test_the_role_has_to_be_one_of_ours(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        run(tmp_path, "add", "kenta", "--role", "king", "--password-stdin")
    assert ended.value.code == 2
    assert "choose from" in capsys.readouterr().err
