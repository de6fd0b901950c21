"""The shipped deployment without containers: compose.yaml by docker-compose, services by real programs.

A service gets the environment, files and commands that compose.yaml gives it. Mounts become their sources,
named volumes folders, names of other services 127.0.0.1 with a free port.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]

from tests.postgres import binaries
from tests.stack import free_port, listens, wait_until

DEPLOY = Path(__file__).parents[2] / "deploy"
EXAMPLE = DEPLOY / ".env.example"
BIN = Path(sys.executable).parent


def composed(
    *words: str, folder: Path = DEPLOY, env_file: Path = EXAMPLE
) -> "subprocess.CompletedProcess[str]":
    """Run docker-compose on the compose.yaml in `folder`."""
    return subprocess.run(
        ["docker-compose", "-f", folder / "compose.yaml", "--env-file", env_file, *words],
        capture_output=True, text=True, check=False, env=own_environment(),
    )  # fmt: skip


def services_of(folder: Path = DEPLOY, env_file: Path = EXAMPLE) -> dict[str, Any]:
    """Return every service, also of the profiles, with all variables filled in."""
    done = composed("--profile", "demo", "--profile", "desk", "config", folder=folder, env_file=env_file)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = yaml.safe_load(done.stdout.replace("$$", "$"))["services"]
    return found


def own_environment() -> dict[str, str]:
    """Return our environment without settings of ours, and with our commands first on the path."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("MACHIKOBA")}
    return {**kept, "PATH": f"{BIN}:{os.environ['PATH']}"}


class Composed:
    """A copy of the shipped folder, with `.env` filled in and secrets made by the shipped script."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "deploy"
        shutil.copytree(DEPLOY, self.folder, ignore=shutil.ignore_patterns("__pycache__", "pi", "image"))
        text = EXAMPLE.read_text("utf-8").replace("=mqtt.example.jp", "=127.0.0.1")
        (self.folder / ".env").write_text(text, "utf-8")
        self.make_secrets()
        self.services = services_of(self.folder, self.folder / ".env")
        self.ports = {name: free_port() for name in ("postgres", "mosquitto", "aggregator")}
        self.influx_url = ""
        self._volumes = folder / "volumes"
        self._volumes.mkdir()
        self._postgres: Path | None = None
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def make_secrets(self) -> None:
        """Run secrets.sh with the commands of this environment."""
        script = ["sh", str(self.folder / "secrets.sh")]
        environment = {**own_environment(), "MACHIKOBA": str(BIN / "machikoba")}
        done = subprocess.run(script, capture_output=True, text=True, check=False, env=environment)
        assert done.returncode == 0, done.stderr

    def token(self) -> str:
        """Return InfluxDB's token."""
        return (self.folder / "secrets" / "influx" / "token").read_text("utf-8")

    def place(self, service: str, inside: str) -> Path:
        """Return where what a container sees as `inside` lies."""
        mounts = dict(reversed(volume.split(":")[:2]) for volume in self.services[service]["volumes"])
        path = Path(inside)
        for mount in [path, *path.parents]:
            if str(mount) in mounts:
                source = mounts[str(mount)]
                root = Path(source) if source.startswith("/") else self._volumes / source
                if not source.startswith("/"):
                    root.mkdir(parents=True, exist_ok=True)
                return root / path.relative_to(mount)
        raise AssertionError(f"{service}: {inside} lies on no mount, and the container is read-only")

    def environment(self, service: str) -> dict[str, str]:
        """Return what a service of our image gets, with places and neighbours as they are here."""
        given = {key: str(value) for key, value in self.services[service].get("environment", {}).items()}
        there = {
            "MACHIKOBA_DATA": str(self.place(service, "/var/lib/machikoba-aggregator")),
            "MACHIKOBA_MQTT__HOST": "127.0.0.1",
            "MACHIKOBA_MQTT__PORT": str(self.ports["mosquitto"]),
            "MACHIKOBA_MQTT__PUBLIC_PORT": str(self.ports["mosquitto"]),
            "MACHIKOBA_WEB__HOST": "127.0.0.1",
            "MACHIKOBA_WEB__PORT": str(self.ports["aggregator"]),
            "MACHIKOBA_INFLUX__URL": self.influx_url,
        }
        files = {
            key: str(self.place(service, value))
            for key, value in given.items()
            if value.startswith("/") and key.startswith("MACHIKOBA_")
        }
        return {**given, **there, **files, "MACHIKOBA_DATABASE_URL": self._database_url(service, given)}

    def _database_url(self, service: str, given: Mapping[str, str]) -> str:
        # `hostaddr` says where "postgres" is; user, name and pgpass are looked up as they are deployed.
        before, file = given["MACHIKOBA_DATABASE_URL"].split("?passfile=")
        url = before.replace("@postgres/", f"@postgres:{self.ports['postgres']}/")
        return f"{url}?passfile={self.place(service, file)}&hostaddr=127.0.0.1"

    def desk(self, *words: str, text: str = "") -> str:
        """Run a command as `docker compose run --rm desk` does; return what it printed."""
        done = subprocess.run(
            ["machikoba", *words], input=text, capture_output=True, text=True, check=False,
            env={**own_environment(), **self.environment("desk")}, cwd=self.place("desk", "/bundles"),
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    def start_postgres(self) -> None:
        """Do what the image's entrypoint does with this environment, and start the server."""
        given = self.services["postgres"]["environment"]
        password = self.place("postgres", given["POSTGRES_PASSWORD_FILE"]).read_text("utf-8")
        user = "postgres" if os.geteuid() == 0 else None  # PostgreSQL refuses to run as root
        # Not below pytest's folder, which is for its owner alone.
        work = self._postgres = Path(tempfile.mkdtemp(prefix="machikoba-pg-"))
        data = work / "data"
        (work / "password").write_text(f"{password}\n", "utf-8")
        if user:
            shutil.chown(work, user)
            shutil.chown(work / "password", user)
        name, programs = given["POSTGRES_USER"], binaries()
        settings = ["--username", name, f"--pwfile={work}/password", *given["POSTGRES_INITDB_ARGS"].split()]
        made = subprocess.run(
            [programs / "initdb", "--no-sync", *settings, "-D", data],
            check=False, user=user, cwd=work, capture_output=True, text=True,
        )  # fmt: skip
        assert made.returncode == 0, made.stderr
        single = subprocess.run(
            [programs / "postgres", "--single", "-D", data, "postgres"],
            input=f"CREATE DATABASE {given['POSTGRES_DB']}\n",
            check=False, user=user, cwd=work, capture_output=True, text=True,
        )  # fmt: skip
        assert single.returncode == 0, single.stderr
        # The image's own line, for whoever comes over a network; initdb's trusts all on 127.0.0.1.
        access = "local all all trust\nhost all all all scram-sha-256\n"
        (data / "pg_hba.conf").write_text(access, "utf-8")
        port = self.ports["postgres"]
        options = ["-k", str(work), "-p", str(port), "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off"]
        self._start("postgres", [programs / "postgres", "-D", data, *options], user=user, cwd=work)
        asked = self.services["postgres"]["healthcheck"]["test"][1].split()
        ready = [programs / asked[0], *asked[1:], "-h", "127.0.0.1", "-p", str(port)]
        self._wait("postgres", lambda: subprocess.run(ready, check=False).returncode == 0)

    def start_mosquitto(self) -> None:
        """Run the shipped script; only places and the port differ."""
        config = self.place("mosquitto", "/mosquitto/config")
        port = self.ports["mosquitto"]
        text = (DEPLOY / "mosquitto" / "mosquitto.conf").read_text("utf-8")
        text = text.replace("listener 8883", f"listener {port} 127.0.0.1")
        (config / "mosquitto.conf").write_text(f"user root\n{text}" if os.geteuid() == 0 else text, "utf-8")
        data = self.place("mosquitto", "/mosquitto/data")
        places = {
            "/mosquitto/data/": f"{data}/",
            "/tmp/mosquitto.conf": f"{self._volumes}/mosquitto.conf",
            "/mosquitto/config": str(config),
            "/etc/mosquitto/revoked": str(self.place("mosquitto", "/etc/mosquitto/revoked")),
            "/etc/mosquitto/machikoba": str(self.place("mosquitto", "/etc/mosquitto/machikoba")),
        }
        for name in ("container.sh", "mosquitto.conf"):
            file = config / name
            pattern = "|".join(map(re.escape, places))
            source = (DEPLOY / "mosquitto" / name if name == "container.sh" else file).read_text("utf-8")
            file.write_text(re.sub(pattern, lambda found: places[found[0]], source), "utf-8")
        self._start("mosquitto", ["sh", config / "container.sh"])
        self._wait("mosquitto", lambda: listens(port))

    def start_aggregator(self) -> None:
        """Start `machikoba serve` as the image does."""
        self._start("aggregator", ["machikoba", "serve"], self.environment("aggregator"))
        self._wait("aggregator", lambda: listens(self.ports["aggregator"]))

    def start_demo(self, *factories: str) -> None:
        """Run demo-setup, then the simulator and these factories' agents, by the words of their services."""
        home = self.place("simulator", "/var/lib/machikoba")
        given = self.services["demo-setup"]["environment"]
        environment = {
            **own_environment(),
            **given,
            "MACHIKOBA_CA": str(self.place("demo-setup", given["MACHIKOBA_CA"])),
            "MACHIKOBA_DEMO": str(home),
        }
        script = self.place("demo-setup", "/opt/demo.sh")
        text = script.read_text("utf-8")
        script.write_text(re.sub("factories=.*", f'factories="{" ".join(factories)}"', text), "utf-8")
        for _ in range(2):  # the second start finds all there
            done = subprocess.run(
                ["sh", script, f"127.0.0.1:{self.ports['mosquitto']}"],
                capture_output=True, text=True, check=False, env=environment,
            )  # fmt: skip
            assert done.returncode == 0, done.stderr
        for name in ("simulator", *(f"agent-{factory}" for factory in factories)):
            service = self.services[name]
            words = [word.replace("/var/lib/machikoba", str(home)) for word in service["command"]]
            self._start(name, [*service["entrypoint"], *words])
        self._wait("simulator", lambda: "machines are running" in self.log("simulator"))

    def log(self, name: str) -> str:
        """Return what a service has said."""
        return (self._volumes / f"{name}.log").read_text("utf-8", "replace")

    def tell(self, name: str, number: int) -> None:
        """Send a signal, as `docker compose kill -s` does."""
        self._processes[name].send_signal(number)

    def end(self, name: str, number: int = signal.SIGTERM) -> None:
        """End a service and wait until it is gone."""
        process = self._processes.pop(name)
        if process.poll() is None:
            process.send_signal(number)
        process.wait(60)

    def end_all(self) -> None:
        """End everything, the newest first."""
        with ExitStack() as ends:
            for name in list(self._processes):
                ends.callback(self.end, name)
        if self._postgres is not None:
            shutil.rmtree(self._postgres)

    def _start(
        self,
        name: str,
        command: list[str | Path],
        environment: Mapping[str, str] | None = None,
        **how: Any,
    ) -> None:
        with (self._volumes / f"{name}.log").open("ab") as log:
            self._processes[name] = subprocess.Popen(
                command, stdout=log, stderr=log, env={**own_environment(), **(environment or {})}, **how
            )

    def _wait(self, name: str, ready: Any) -> None:
        process = self._processes[name]
        wait_until(lambda: process.poll() is not None or ready(), f"{name} is ready")
        assert process.poll() is None, self.log(name)
