"""Commands of both sides, right and wrong in every way we know: no secret in what they say, log or raise.

Everything is logged here, of every library, and errors are looked at with their tracebacks and causes.
"""

import argparse
import importlib
import io
import logging
import ssl
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import AuthResult

import agent.__main__
import aggregator.__main__
from agent.errors import AgentError
from aggregator.alerting.letter import Letter, NotSent
from aggregator.alerting.mail import send_mail
from aggregator.alerting.webhook import send_webhook
from aggregator.config import Email, Webhook
from aggregator.errors import AggregatorError
from aggregator.store.timeseries import StoreError
from tests.agent.configs import FACTORY, MACHINE, document, written
from tests.aggregator.alerting.receiving import Receiver, receiving
from tests.aggregator.alerting.test_mail import Inbox, certificate, serving
from tests.aggregator.grafana.grafana_site import ADMIN, grafana_site
from tests.secrets.planted import canary, leaks, planted
from tests.stack import free_port

SECRET = canary("secret")
OTHER = canary("other")
ALL = (SECRET, OTHER)
LETTER = Letter("alert-1", "subject", "text", {"order": "2026-0001"})

Try = Callable[..., str]


@pytest.fixture
def tried(capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> Iterator[Try]:
    """Run a command; return all it said, logged and raised."""
    caplog.set_level(logging.DEBUG)

    def run(*words: str | Path, main: Any = aggregator.__main__) -> str:
        given = [str(word) for word in words]
        raised = ""
        try:
            parsed: argparse.Namespace = main.make_parser(given).parse_args(given)
            importlib.import_module(main.COMMANDS[parsed.command].module).run(parsed)
        except (AgentError, AggregatorError, StoreError) as error:
            raised = "".join(traceback.format_exception(error))
        said = capsys.readouterr()
        return f"{said.out}{said.err}{caplog.text}{raised}"

    yield run
    logging.getLogger().setLevel(logging.WARNING)


SETTINGS = {
    "a password where there is none": f'[mqtt]\npassword = "{SECRET}"',
    "an address instead of a table": f'mqtt = "mqtt://me:{SECRET}@broker.example"',
    "a host with a password": f'[mqtt]\nhost = "me:{SECRET}@broker.example"',
    "a password that is no text": f'[alerts.email]\npassword_file = ["{SECRET}"]',
    "a mail server with a password": f'[alerts.email]\nhost = "me:{SECRET}@mail.example"',
    "a token where its file belongs": f'[influx]\nurl = "http://127.0.0.1:1"\norg = "a"\ntoken = "{SECRET}"',
    "an influx with a password": f'[influx]\nurl = "http://me:{SECRET}@h"\norg = "a"\ntoken_file = "x"',
    "a webhook that is none": f'[alerts.webhook]\nurl = "ftp://h/{SECRET}"\nsecret_file = "x"',
    "a webhook with a password": f'[alerts.webhook]\nurl = "https://me:{SECRET}@h/x"\nsecret_file = "x"',
    "pages with a password": f'[web]\npublic_url = "https://me:{SECRET}@h"',
    "no such database": f'database_url = "mysql://me:{SECRET}@h/x"',
    "no database's address": f'database_url = "me:{SECRET}@h/x"',
    "a port that is none": f'database_url = "postgresql://me:{SECRET}@h:port/x"',
    "an @ in the password": f'database_url = "postgresql://me:x@{SECRET}@h/x"',
    "a database that is away": f'database_url = "postgresql://me:{SECRET}@127.0.0.1:1/x"',
    "the same, said otherwise": f'database_url = "postgresql://127.0.0.1:1/x?user=me&password={SECRET}"',
    "a list of databases": f'database_url = ["postgresql://me:{SECRET}@h/x"]',
    "a text that does not end": f'database_url = "postgresql://me:{SECRET}@h/x',
}


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
def test_settings_that_are_wrong(tried: Try, tmp_path: Path, settings: str) -> None:
    file = planted(tmp_path / "machikoba.toml", f'federation = "a"\ndata = "{tmp_path}"\n{settings}')
    said = tried("db", "upgrade", "--config", file)
    assert "Error: " in said
    assert leaks(ALL, {"upgrade": said}) == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", f"postgresql://me:{SECRET}@h:port/x"),
        ("MQTT", f'{{"password": "{SECRET}"'),
        ("MQTT__PASSWORD", SECRET),
    ],
    ids=["address", "table", "password"],  # the secret is another one each time
)
def test_an_environment_that_is_wrong(
    tried: Try, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(f"MACHIKOBA_{name}", value)
    said = tried("db", "upgrade", "--federation", "a", "--data", tmp_path)
    assert "ConfigError: " in said
    assert leaks(ALL, {"upgrade": said}) == []


AGENTS: dict[str, dict[str, Any]] = {
    "a password where there is none": {"mqtt": {**FACTORY["mqtt"], "password": SECRET}},
    "an address instead of a table": {"mqtt": f"mqtt://me:{SECRET}@broker.example"},
    "a host with a password": {"mqtt": {"host": f"me:{SECRET}@broker.example"}},
    "a password that is no text": {"mqtt": {"host": "h", "username": "a", "password_file": [SECRET]}},
    "a machine with a password": {"url": f"opc.tcp://me:{SECRET}@h:4840"},
    "a machine's password": {"url": "opc.tcp://h:4840", "username": "me", "password": SECRET},
}


@pytest.mark.parametrize("changes", AGENTS.values(), ids=AGENTS)
def test_an_agents_settings_that_are_wrong(tried: Try, tmp_path: Path, changes: dict[str, Any]) -> None:
    machine = MACHINE
    if "mqtt" not in changes:
        server = {**changes, "signals": {"parts": "nsu=urn:a;s=parts"}}
        machine = {"id": "mc-01", "process": "cutting", "driver": "opcua", "opcua": server}
        changes = {}
    file = written(tmp_path / "agent.toml", document(machine, **changes))
    said = tried("check", "--config", file, "--settings-only", main=agent.__main__)
    assert "ConfigError: " in said
    assert leaks(ALL, {"check": said}) == []


def test_grafana_push_to_one_that_takes_it_refuses_it_and_is_away(tried: Try, tmp_path: Path) -> None:
    settings = f'federation = "a"\ndata = "{tmp_path}"'
    config = planted(tmp_path / "machikoba.toml", settings)
    influx, viewer = planted(tmp_path / "influx", SECRET), tmp_path / "viewer"
    right, wrong = planted(tmp_path / "right", ADMIN), planted(tmp_path / "wrong", OTHER)
    broken = planted(tmp_path / "broken", f"{SECRET}\n{OTHER}")
    common = ("--config", config, "--influx-url", "http://influx.example", "--influx-token-file", influx)
    push = ("grafana", "push", *common, "--token-file")
    with grafana_site() as site:
        said = {
            "dry": tried(*push, right, "--url", site.url, "--dry-run"),
            "done": tried(*push, right, "--url", site.url, "--viewer-token-file", viewer),
            "again": tried(*push, right, "--url", site.url, "--replace-token"),
            "refused": tried(*push, wrong, "--url", site.url),
            "no token": tried(*push, broken, "--url", site.url),
        }
        assert any(SECRET in str(secret) for secret in site.secrets.values()), "it was given the token"
    said["away"] = tried(*push, wrong, "--url", f"http://127.0.0.1:{free_port()}")
    said["address"] = tried(*push, wrong, "--url", f"http://me:{SECRET}@127.0.0.1:1")
    assert "the token is not valid" in said["refused"]
    assert leaks([*ALL, ADMIN, viewer.read_text().strip()], said) == []


def test_capacity_of_a_server_that_refuses_and_is_away(tried: Try, tmp_path: Path) -> None:
    token = planted(tmp_path / "token", SECRET)
    capacity = ("capacity", "--token-file", token, "--url")
    with receiving(Receiver(401)) as url:
        said = {"refused": tried(*capacity, url)}
    said["away"] = tried(*capacity, f"http://127.0.0.1:{free_port()}")
    said["address"] = tried(*capacity, f"http://me:{SECRET}@127.0.0.1:1")
    said["no address"] = tried(*capacity, f"ftp://me:{SECRET}@127.0.0.1:1")
    assert all("AggregatorError: " in text for text in said.values())
    assert leaks(ALL, said) == []


def test_people_their_passwords_and_tokens(
    tried: Try, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    common = ("--federation", "a", "--data", tmp_path)

    def user(*words: str, password: str = "") -> str:
        monkeypatch.setattr(sys, "stdin", io.StringIO(f"{password}\n"))
        return tried("user", *words, *common)

    add = ("add", "kenta", "--role", "coordinator", "--password-stdin")
    said = {
        "added": user(*add, password=SECRET),
        "twice": user(*add, password=OTHER),
        "changed": user("password", "kenta", "--password-stdin", password=OTHER),
        "nobody": user("password", "nobody", "--password-stdin", password=OTHER),
        "too short": user(*add, password=SECRET[-7:]),
    }
    assert leaks([*ALL, SECRET[-7:]], said) == []
    issued = user("token", "kenta")
    token = issued.splitlines()[0]
    assert issued.count(token) == 1, "on standard output, and nowhere else"
    said |= {"list": user("list"), "revoke": user("revoke", "kenta"), "remove": user("remove", "kenta")}
    assert "1 tokens of kenta" in said["revoke"]
    assert leaks([*ALL, token], said) == []


def test_a_backup_and_a_copy_that_go_nowhere(tried: Try, tmp_path: Path) -> None:
    config = planted(tmp_path / "machikoba.toml", f'federation = "a"\ndata = "{tmp_path / "data"}"')
    text = f'federation = "a"\ndata = "{tmp_path / "other"}"\ndatabase_url = "postgresql://me:{SECRET}@'
    away = planted(tmp_path / "away.toml", f'{text}127.0.0.1:1/x"')
    influx = f'[influx]\nurl = "http://127.0.0.1:{free_port()}"\norg = "a"'
    token = planted(tmp_path / "token", OTHER)
    elsewhere = planted(tmp_path / "influx.toml", f'{config.read_text()}{influx}\ntoken_file = "{token}"')
    said = {"upgrade": tried("db", "upgrade", "--config", config)}
    said["backup"] = tried("backup", "--config", config, "--out", tmp_path)
    (archive,) = tmp_path.glob("*.tar.gz")
    copy = ("db", "copy", "--config", config)
    said |= {
        "restore": tried("restore", archive, "--config", away),
        "copy": tried(*copy, "--from", elsewhere, "--to", "database"),
        "copied": tried(*copy, "--from", "database", "--to", away),
        "no place": tried(*copy, "--from", f"postgresql://me:{SECRET}@h/x", "--to", "database"),
    }
    assert [name for name, text in said.items() if "Error: " in text] == list(said)[2:]
    assert leaks(ALL, said) == []


def raised(send: Callable[[], None]) -> str:
    """Return the error that sending raises, with its causes."""
    with pytest.raises(NotSent) as caught:
        send()
    return "".join(traceback.format_exception(caught.value))


@pytest.fixture
def tls(tmp_path: Path) -> ssl.SSLContext:
    """A mail server's certificate, which `cert.pem` vouches for."""
    return certificate(tmp_path)


def test_a_mail_server_that_repeats_the_password(
    tmp_path: Path, tls: ssl.SSLContext, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="aggregator")

    def refuse(_server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any) -> AuthResult:
        asked.append(data.password.decode())
        return AuthResult(success=False, handled=False, message=f"535 no {data.password.decode()}")

    asked: list[str] = []
    values: dict[str, Any] = {
        "host": "127.0.0.1",
        "user": "me",
        "from": "m@example.jp",
        "to": ("a@example.jp",),
    }
    values |= {"ca_file": tmp_path / "cert.pem", "password_file": planted(tmp_path / "password", SECRET)}
    with serving(Inbox(), tls_context=tls, authenticator=refuse, auth_required=True) as port:
        refusing = Email(**values, port=port)
        said = {"refused": raised(lambda: send_mail(refusing, LETTER, "a@example.jp", 0))}
    said["away"] = raised(lambda: send_mail(refusing, LETTER, "a@example.jp", 0))
    assert set(asked) == {SECRET}
    assert leaks(ALL, {**said, "log": caplog.text}) == []


@pytest.mark.parametrize("status", [302, 401, 500])
def test_a_webhook_that_refuses_and_is_away(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, status: int
) -> None:
    caplog.set_level(logging.DEBUG)
    secret, receiver = planted(tmp_path / "secret", OTHER), Receiver(status)
    with receiving(receiver) as url:
        webhook = Webhook(url=f"{url}/{SECRET}?token={SECRET}", secret_file=secret)
        said = {"refused": raised(lambda: send_webhook(webhook, LETTER, 0))}
    said["away"] = raised(lambda: send_webhook(webhook, LETTER, 0))
    assert SECRET in receiver.came[0][0]
    assert OTHER not in str(receiver.came), "it signs with the secret and does not send it"
    assert leaks(ALL, {**said, "log": caplog.text}) == []
