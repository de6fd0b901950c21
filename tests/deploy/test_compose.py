"""compose.yaml by the schema and interpolation of docker-compose itself, and what every service must have."""

import os
import re
import shutil
import socket
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from agent.simulator.demo import TEMPLATE
from agent.simulator.scenario import parse_scenario
from aggregator.config import load_config
from tests.aggregator.serving import caller
from tests.deploy.composed import DEPLOY, EXAMPLE, composed, services_of

FACTORIES = [factory.id for factory in parse_scenario(tomllib.loads(TEMPLATE.read_text("utf-8"))).factories]
STAYING = (
    *("mosquitto", "postgres", "influxdb", "aggregator", "proxy", "grafana", "simulator"),
    *(f"agent-{factory}" for factory in FACTORIES),
)
ONCE = ("desk", "demo-setup")
MANDATORY = sorted(set(re.findall(r"\$\{(\w+):\?", (DEPLOY / "compose.yaml").read_text("utf-8"))))


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    return services_of()


def test_every_service_is_bounded_watched_pinned_and_locked(services: dict[str, Any]) -> None:
    assert set(services) == {*STAYING, *ONCE}
    for name, service in services.items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["restart"] == ("unless-stopped" if name in STAYING else "no"), name
        assert re.fullmatch(r"[1-9]\d*:\d+", service["user"]), name
        assert (service["healthcheck"]["test"] == ["NONE"]) == (name in ONCE), name
        assert {"cpus", "memory"} <= set(service["deploy"]["resources"]["limits"]), name
        assert re.fullmatch(r".+:\d+\.\d+\S*", service["image"]), name


@pytest.mark.parametrize("name", re.findall(r"^(\w+)=\S", EXAMPLE.read_text("utf-8"), flags=re.M))
def test_each_setting_of_the_example_is_used(name: str) -> None:
    assert f"${{{name}" in (DEPLOY / "compose.yaml").read_text("utf-8")


def test_each_setting_is_documented() -> None:
    used = set(re.findall(r"\$\{(\w+)", (DEPLOY / "compose.yaml").read_text("utf-8")))
    example = EXAMPLE.read_text("utf-8")
    assert used == set(re.findall(r"^(\w+)=", example, flags=re.M))


@pytest.mark.parametrize("name", MANDATORY)
def test_a_setting_without_a_value_is_named(name: str, tmp_path: Path) -> None:
    for fresh in ("X=", f"{name}=\n#"):
        (tmp_path / "env").write_text(EXAMPLE.read_text("utf-8").replace(f"{name}=", fresh), "utf-8")
        done = composed("config", "-q", env_file=tmp_path / "env")
        assert done.returncode != 0
        assert done.stderr.strip().endswith(f".env lacks {name}")


def test_the_aggregator_takes_its_settings(services: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    for key, value in services["aggregator"]["environment"].items():
        monkeypatch.setenv(key, str(value))
    config = load_config()
    assert (config.federation, config.mqtt.public_host) == ("higashimachi", "mqtt.example.jp")
    assert config.influx is not None
    for of_docker in ("172.17.0.2", "172.31.255.254", "192.168.16.5"):
        assert caller(config.web.proxies, of_docker, "203.0.113.9") == "203.0.113.9"
        assert caller(config.web.proxies, of_docker, "192.168.1.7") == "192.168.1.7"


def test_what_is_mounted_from_the_repository_is_there(services: dict[str, Any]) -> None:
    mounted = [str(volume) for service in services.values() for volume in service.get("volumes", [])]
    sources = [text.split(":")[0] for text in mounted if text.startswith("/")]
    made = {"secrets", "backups", "bundles", "dashboards"}  # by secrets.sh
    ours = [Path(source) for source in sources if made.isdisjoint(Path(source).relative_to(DEPLOY).parts)]
    assert len(ours) >= 3
    assert [path for path in ours if not path.exists()] == []


def test_every_factory_of_the_demo_has_its_agent(services: dict[str, Any]) -> None:
    for factory in FACTORIES:
        own = services[f"agent-{factory}"]
        assert own["command"] == ["run", "--config", f"/var/lib/machikoba/agents/{factory}.toml"]
        assert (own["entrypoint"], own["network_mode"]) == (["machikoba-agent"], "service:simulator")
        assert f"/var/lib/machikoba/agents/{factory} " in own["healthcheck"]["test"][1]
    assert f'\nfactories="{" ".join(FACTORIES)}"\n' in (DEPLOY / "demo.sh").read_text("utf-8")


def test_what_listens_is_found_by_the_checks_of_broker_and_simulator(services: dict[str, Any]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = f"{server.getsockname()[1]:04X}"
        broker = services["mosquitto"]["healthcheck"]["test"][1]
        assert subprocess.run(["sh", "-c", broker.replace("22B3", port)], check=False).returncode == 0
        simulator = services["simulator"]["healthcheck"]["test"][1].replace(":.* 0A", f":{port} .* 0A")
        for least, code in ((1, 0), (2, 1)):
            words = re.sub("-ge 6", f"-ge {least}", simulator)
            assert subprocess.run(["sh", "-c", words], check=False).returncode == code
    assert f"{8883:04X}" == "22B3"
    assert subprocess.run(["sh", "-c", broker.replace("22B3", port)], check=False).returncode == 1


def test_secrets_are_made_once(tmp_path: Path) -> None:
    shutil.copy(DEPLOY / "secrets.sh", tmp_path)
    script = ["sh", str(tmp_path / "secrets.sh")]
    environment = {**os.environ, "MACHIKOBA": str(Path(sys.executable).parent / "machikoba")}
    refused = subprocess.run(script, capture_output=True, text=True, check=False, env=environment)
    assert (refused.returncode, "copy .env.example to .env" in refused.stderr) == (1, True)
    shutil.copy(EXAMPLE, tmp_path / ".env")
    subprocess.run(script, capture_output=True, text=True, check=True, env=environment)
    made = {path: path.read_bytes() for path in (tmp_path / "secrets").rglob("*") if path.is_file()}
    names = {str(path.relative_to(tmp_path / "secrets")) for path in made}
    assert {"postgres/password", "influx/token", "broker/broker.key", "mqtt/aggregator.key"} <= names
    assert {"revoked/crl.pem", "aggregator/pgpass", "authority/ca/ca.key"} <= names
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
