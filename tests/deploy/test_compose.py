"""compose.yaml by the schema and interpolation of docker-compose itself, and what every service must have."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from aggregator.config import load_config

DEPLOY = Path(__file__).parents[2] / "deploy"
EXAMPLE = DEPLOY / ".env.example"


def composed(*words: str, env_file: Path = EXAMPLE) -> "subprocess.CompletedProcess[str]":
    environment = {key: value for key, value in os.environ.items() if not key.startswith("MACHIKOBA")}
    return subprocess.run(
        ["docker-compose", "-f", DEPLOY / "compose.yaml", "--env-file", env_file, *words],
        capture_output=True, text=True, check=False, env=environment,
    )  # fmt: skip


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    done = composed("--profile", "demo", "config")
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = yaml.safe_load(done.stdout)["services"]
    return found


def test_every_service_is_bounded_watched_pinned_and_locked(services: dict[str, Any]) -> None:
    assert set(services) == {
        "mosquitto", "postgres", "influxdb", "aggregator", "proxy", "grafana", "demo"
    }  # fmt: skip
    for name, service in services.items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["restart"] == "unless-stopped", name
        assert re.fullmatch(r"[1-9]\d*:\d+", service["user"]), name
        assert service["healthcheck"]["test"], name
        assert {"cpus", "memory"} <= set(service["deploy"]["resources"]["limits"]), name
        assert re.fullmatch(r".+:\d+\.\d+\S*", service["image"]), name


@pytest.mark.parametrize("name", re.findall(r"^(\w+)=\S", EXAMPLE.read_text("utf-8"), flags=re.M))
def test_each_setting_of_the_example_is_used(name: str) -> None:
    assert f"${{{name}" in (DEPLOY / "compose.yaml").read_text("utf-8")


def test_each_setting_is_documented_and_a_missing_one_is_named(tmp_path: Path) -> None:
    used = set(re.findall(r"\$\{(\w+)", (DEPLOY / "compose.yaml").read_text("utf-8")))
    example = EXAMPLE.read_text("utf-8")
    assert used == set(re.findall(r"^(\w+)=", example, flags=re.M))
    (tmp_path / "env").write_text(example.replace("MACHIKOBA_SITE=", "X="), "utf-8")
    done = composed("config", "-q", env_file=tmp_path / "env")
    assert done.returncode != 0
    assert "in .env" in done.stderr


def test_the_aggregator_takes_its_settings(services: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    for key, value in services["aggregator"]["environment"].items():
        monkeypatch.setenv(key, str(value))
    config = load_config()
    assert (config.federation, config.mqtt.public_host) == ("higashimachi", "mqtt.example.jp")
    assert config.influx is not None


def test_what_is_mounted_from_the_repository_is_there(services: dict[str, Any]) -> None:
    mounted = [str(volume) for service in services.values() for volume in service.get("volumes", [])]
    sources = [text.split(":")[0] for text in mounted if text.startswith("/")]
    ours = [Path(source) for source in sources if "/secrets/" not in source and "/dashboards" not in source]
    assert len(ours) >= 4
    assert [path for path in ours if not path.exists()] == []


def test_the_broker_of_the_container_keeps_what_is_retained() -> None:
    settings = (DEPLOY / "mosquitto" / "mosquitto.conf").read_text("utf-8")
    (command,) = re.findall(
        r"^sed ('.+')", (DEPLOY / "mosquitto/container.sh").read_text("utf-8"), flags=re.M
    )
    done = subprocess.run(
        f"sed {command}", input=settings, capture_output=True, text=True, check=True, shell=True
    )
    assert "\npersistence true\npersistence_location /mosquitto/data/\n" in done.stdout
    assert "persistence false" not in done.stdout


def test_secrets_are_made_once(tmp_path: Path) -> None:
    for name in (".env.example", "secrets.sh"):
        shutil.copy(DEPLOY / name, tmp_path)
    script = ["sh", str(tmp_path / "secrets.sh")]
    environment = {**os.environ, "MACHIKOBA": str(Path(sys.executable).parent / "machikoba")}
    refused = subprocess.run(script, capture_output=True, text=True, check=False, env=environment)
    assert (refused.returncode, "copy .env.example to .env" in refused.stderr) == (1, True)
    shutil.copy(EXAMPLE, tmp_path / ".env")
    subprocess.run(script, capture_output=True, text=True, check=True, env=environment)
    made = {path: path.read_bytes() for path in (tmp_path / "secrets").rglob("*") if path.is_file()}
    names = {str(path.relative_to(tmp_path / "secrets")) for path in made}
    assert {"postgres/password", "influx/token", "broker/broker.key", "mqtt/aggregator.key"} <= names
    assert {"broker/crl.pem", "aggregator/pgpass", "authority/ca/ca.key"} <= names
    passwords = [data for path, data in made.items() if path.name in {"password", "token"}]
    assert len(set(passwords)) == 4
    assert min(len(data) for data in passwords) >= 48
    subprocess.run(script, capture_output=True, text=True, check=True, env=environment)
    assert {path: path.read_bytes() for path in made} == made


def test_the_image_has_the_packages_of_the_lock() -> None:
    def pinned(path: Path) -> set[tuple[str, str]]:
        return set(re.findall(r"^([a-z0-9-]+)==(\S+)", path.read_text("utf-8"), flags=re.M))

    image = pinned(DEPLOY / "image" / "requirements.txt")
    assert len(image) > 40
    assert image <= pinned(DEPLOY.parent / "requirements.lock")
