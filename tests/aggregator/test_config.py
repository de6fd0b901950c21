"""Settings: file, environment and flags; what is wrong is named by its path."""

import argparse
import re
from pathlib import Path
from types import UnionType
from typing import Any, TypeGuard, get_args

import pytest
from pydantic import BaseModel

from aggregator.config import PROCESSES, Config, add_arguments, from_arguments, load_config
from aggregator.errors import ConfigError

README = Path(__file__).parents[2] / "aggregator" / "README.md"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "machikoba.toml"


def load(file: Path, text: str) -> Config:
    file.write_text(text, encoding="utf-8")
    return load_config(file)


def parsed(*words: str) -> Config:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return from_arguments(parser.parse_args(words))


def test_a_federation_is_enough(file: Path) -> None:
    config = load(file, 'federation = "higashimachi"')
    assert config.federation_name == "higashimachi"
    assert config.zone.key == "Asia/Tokyo"
    assert (config.mqtt.host, config.mqtt.port, config.host_id) == ("127.0.0.1", 1883, "machikoba")
    assert (config.mqtt.public_host, config.mqtt.public_port) == ("127.0.0.1", 1883)
    assert (config.web.host, config.web.port) == ("127.0.0.1", 8000)
    assert config.database_url == f"sqlite:///{config.data}/machikoba.db"
    assert config.processes == PROCESSES


def test_everything_can_be_set(file: Path, tmp_path: Path) -> None:
    config = load(
        file,
        f"""
        federation = "higashimachi"
        federation_name = "東町"
        time_zone = "Europe/Berlin"
        data = "{tmp_path}"
        database_url = "postgresql://machikoba@db/machikoba"
        host_id = "town-hall"
        [mqtt]
        host = "broker"
        port = 8883
        public_host = "mqtt.example.jp"
        public_port = 443
        username = "centre"
        password_file = "/run/secrets/mqtt"
        [web]
        host = "0.0.0.0"
        port = 80
        [processes.laser]
        ja = "レーザー加工"
        en = "Laser cutting"
        """,
    )
    assert (config.federation_name, config.zone.key, config.host_id) == ("東町", "Europe/Berlin", "town-hall")
    assert config.database_url == "postgresql://machikoba@db/machikoba"
    assert (config.mqtt.host, config.mqtt.port) == ("broker", 8883)
    assert (config.mqtt.public_host, config.mqtt.public_port) == ("mqtt.example.jp", 443)
    assert (config.mqtt.username, config.mqtt.password_file) == ("centre", Path("/run/secrets/mqtt"))
    assert list(config.processes) == [*PROCESSES, "laser"]
    assert config.processes["laser"].ja == "レーザー加工"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "federation: is missing"),
        ('federation = "東町"', "federation: "),
        ('federation = "a"\nfedration_name = "x"', "fedration_name: unknown setting"),
        ('federation = "a"\n[mqtt]\nprot = 1', "mqtt.prot: unknown setting"),
        (
            'federation = "a"\n[mqtt]\nport = 0',
            "mqtt.port: input should be greater than or equal to 1",
        ),
        ('federation = "a"\n[mqtt]\nport = "many"', "mqtt.port: "),
        ('federation = "a"\n[web]\nport = 65536', "web.port: input should be less than or equal to 65535"),
        ('federation = "a"\n[web]\nhost = ""', "web.host: "),
        ('federation = "a"\n[web]\nproxies = "*"', "web.proxies: expected addresses or networks"),
        ('federation = "a"\n[web]\nproxies = "10.0.0.1/8"', "web.proxies: expected addresses or networks"),
        ('federation = "a"\nhost_id = "a/b"', "host_id: "),
        ('federation = "a"\ntime_zone = "Asia/Tokio"', "time_zone: no such time zone: 'Asia/Tokio'"),
        ('federation = "a"\nmqtt = 3', "mqtt: "),
        ('federation = "a"\n[processes.laser]\nja = "x"', "processes.laser.en: is missing"),
        ('federation = "a"\n[processes."la ser"]\nja = "x"\nen = "y"', "processes.la ser"),
        ("federation = a", "is not valid TOML"),
    ],
)
def test_what_is_wrong_is_named_by_file_and_path(file: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(file, text)
    assert str(caught.value).startswith(f"{file}: {said}")


def test_everything_that_is_wrong_is_said_at_once(file: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load(file, "[mqtt]\nport = 0\n[web]\nprot = 1")
    for said in ("federation: is missing", "mqtt.port", "web.prot"):
        assert said in str(caught.value)


def test_a_file_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        load_config(tmp_path / "nowhere.toml")
    (tmp_path / "latin.toml").write_bytes(b'federation = "caf\xe9"')
    with pytest.raises(ConfigError, match="is not valid TOML"):
        load_config(tmp_path / "latin.toml")


def test_the_environment_wins_over_the_file_and_a_flag_over_both(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.write_text('federation = "a"\n[mqtt]\nport = 1\nhost = "file"\n[web]\nport = 1', encoding="utf-8")
    monkeypatch.setenv("MACHIKOBA_MQTT__PORT", "2")
    monkeypatch.setenv("MACHIKOBA_WEB__PORT", "2")
    config = parsed("--config", str(file), "--web-port", "3", "--federation", "b")
    assert (config.federation, config.mqtt.host, config.mqtt.port, config.web.port) == ("b", "file", 2, 3)


def test_flags_alone_are_enough(tmp_path: Path) -> None:
    words = ("--federation", "a", "--mqtt-host", "broker", "--mqtt-port", "1884", "--data", str(tmp_path))
    config = parsed(*words, "--web-host", "::1")
    assert (config.mqtt.host, config.mqtt.port, config.data, config.web.host) == (
        "broker",
        1884,
        tmp_path,
        "::1",
    )


def test_a_wrong_flag_is_named_like_its_setting() -> None:
    with pytest.raises(ConfigError, match=r"mqtt\.port: .* got 'x'"):
        parsed("--federation", "a", "--mqtt-port", "x")


def test_a_wrong_variable_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MACHIKOBA_MQTT__PROT", "1884")
    with pytest.raises(ConfigError, match=r"mqtt\.prot: unknown setting"):
        parsed("--federation", "a")


def test_a_variable_that_is_no_table_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MACHIKOBA_MQTT", "localhost")
    with pytest.raises(ConfigError, match=r"environment MACHIKOBA_\*: .*mqtt"):
        parsed("--federation", "a")


def test_variables_of_others_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Kubernetes sets MACHIKOBA_PORT for a service that is called machikoba."""
    monkeypatch.setenv("MACHIKOBA_PORT", "tcp://10.0.0.1:8000")
    assert parsed("--federation", "a").web.port == 8000


def test_a_database_password_is_not_shown(file: Path) -> None:
    config = load(file, 'federation = "a"\ndatabase_url = "postgresql://me:secret@db/x"')
    assert "secret" not in repr(config)


ALERTS = """
federation = "a"
[alerts]
raise_at = 0.6
clear_at = 0.2
for_s = 0
[alerts.email]
host = "mail.example.jp"
user = "machikoba"
password_file = "/run/secrets/mail"
from = "machikoba@example.jp"
to = ["a@example.jp", "b@example.jp"]
[alerts.webhook]
url = "https://example.jp/hook?token=hidden"
secret_file = "/run/secrets/hook"
"""


def test_alerts_can_be_set_and_nothing_secret_is_shown(file: Path) -> None:
    alerts = load(file, ALERTS).alerts
    assert (alerts.raise_at, alerts.clear_at, alerts.for_s) == (0.6, 0.2, 0)
    assert alerts.email and alerts.webhook
    assert (alerts.email.sender, alerts.email.port, alerts.email.starttls) == (
        "machikoba@example.jp",
        587,
        True,
    )
    assert alerts.email.to == ("a@example.jp", "b@example.jp")
    assert "hidden" not in repr(alerts)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("clear_at = 0.2", "clear_at = 0.6"), "alerts: clear_at: has to be below raise_at"),
        (('user = "machikoba"', 'user = "m"\nstarttls = false'), "alerts.email: user: needs starttls"),
        (('password_file = "/run/secrets/mail"', ""), "alerts.email: user and password_file: give both"),
        (('"a@example.jp", ', '"nobody", '), "alerts.email.to.0: "),
        (("https://", "ftp://"), "alerts.webhook.url: has to begin with https://"),
        (("https://", "https://me:hidden@"), "alerts.webhook.url: holds a name, a password"),
    ],
)
def test_alerts_that_cannot_work_are_refused_without_telling_secrets(
    file: Path, change: tuple[str, str], said: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        load(file, ALERTS.replace(*change))
    assert str(caught.value).startswith(f"{file}: {said}")
    assert "hidden" not in str(caught.value)


def test_a_relative_data_folder_gives_an_absolute_database(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert parsed("--federation", "a", "--data", "d").database_url == f"sqlite:///{tmp_path}/d/machikoba.db"


def is_model(annotation: Any) -> TypeGuard[type[BaseModel]]:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def settings_of(model: type[BaseModel], prefix: str = "") -> dict[str, Any]:
    """Return every setting's path and default."""
    found: dict[str, Any] = {}
    for name, field in model.model_fields.items():
        options = get_args(field.annotation) if isinstance(field.annotation, UnionType) else ()
        models = [each for each in (field.annotation, *options) if is_model(each)]
        if models:
            found |= settings_of(models[0], f"{prefix}{name}.")
        else:
            found[prefix + (field.alias or name)] = field.default
    return found


def test_every_setting_is_documented() -> None:
    """The README's table of settings has a row for each, and for nothing else."""
    settings = README.read_text("utf-8").split("## Settings")[1].split("\n## ")[0]
    rows = re.findall(r"^\| `([a-z_.]+)` \|", settings, re.MULTILINE)
    assert rows == list(settings_of(Config))
