"""An aggregator that logs everything, while all is well and while everything fails: it tells no secret."""

import re
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from fastapi.routing import APIRoute

from aggregator import api, web
from aggregator.access.links import link_for_buyer
from aggregator.access.passwords import hash_password
from aggregator.access.session import issue_token
from aggregator.access.visitor import SESSION_COOKIE
from aggregator.model.machine import Factory, Machine, MachineKey
from aggregator.model.user import Role, User
from aggregator.store.database import open_engine
from aggregator.store.links import Links
from aggregator.store.people import People
from aggregator.store.records import Records
from tests.agent.brokers import running
from tests.influx_adapter import TOKEN
from tests.influx_engine import influx_engine
from tests.postgres import Postgres, started
from tests.secrets.planted import argument_lists, canary, leaks, planted
from tests.stack import NO_TLS, free_port, wait_until

LOUD = (
    "import logging, sys; logging.basicConfig(level=logging.DEBUG); "
    "from aggregator.__main__ import main; sys.exit(main())"
)
"""The command as it is, in a process that logs whatever any library says."""
BROKER, DATABASE, MAIL, SIGNING, HOOK, PERSON = map(
    canary, ("broker", "database", "mail", "signing", "hook", "person")
)
FEW = ("/", "/floor", "/metrics", "/api/v1/orders", "/api/v1/machines/aoki/mc-01/windows")
STREAMS = re.compile(r"/events$")


class Loud:
    """`machikoba serve`, and what it said, answered and was called with."""

    def __init__(self, folder: Path, settings: Path, port: int) -> None:
        self._log = folder / "serve.log"
        command = [sys.executable, "-c", LOUD, "serve", "--config", str(settings)]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        self.seen: dict[str, str] = {}
        self.secrets = [BROKER, DATABASE, MAIL, SIGNING, HOOK, PERSON, TOKEN]
        self.client = httpx.Client(
            base_url=f"http://127.0.0.1:{port}", verify=NO_TLS, timeout=60, follow_redirects=True
        )

    @property
    def log(self) -> str:
        """What it said so far."""
        return self._log.read_text("utf-8", "replace")

    def ready(self) -> httpx.Response | None:
        """Return what it says of itself; None before it says anything."""
        assert self._process.poll() is None, self.log
        try:
            return self.client.get("/readyz")
        except httpx.TransportError:
            return None

    def reasons(self) -> str:
        """Return why it is not ready."""
        answer = self.ready()
        return "" if answer is None else " ".join(answer.json()["reasons"])

    def look(self, when: str, paths: Iterable[str], **headers: str) -> None:
        """Look at pages and resources."""
        for path in paths:
            answer = self.client.get(path, headers=headers)
            self.seen[f"{path} {when}"] = answer.text
        self.seen[f"arguments {when}"] = str(argument_lists(self._process.pid))

    def end(self) -> None:
        """End it."""
        self.client.close()
        self._process.terminate()
        self._process.wait(60)


def paths() -> list[str]:
    """Return the address of every page and resource that ends by itself, of a machine that there is."""
    routes = [
        route
        for router in (*api.ROUTERS, *web.ROUTERS)
        for route in router.routes
        if isinstance(route, APIRoute)
    ]
    found = {
        re.sub(r"\{[^}]*\}", "x", route.path.replace("{factory}", "aoki").replace("{machine}", "mc-01"))
        for route in routes
        if "GET" in (route.methods or ())
    }
    return sorted(path for path in found if not STREAMS.search(path) and "/static" not in path)


@pytest.fixture
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL that does not ask for the password which its URL holds."""
    with started() as server:
        yield server


def settings_of(folder: Path, database: str, influx: str, mqtt_port: int, web_port: int) -> Path:
    """Write settings with every secret there is."""
    file = {name: planted(folder / name, secret) for name, secret in FILES.items()}
    text = f"""federation = "higashimachi"
data = "{folder}"
database_url = "{database.replace("@/", f":{DATABASE}@/")}"
[mqtt]
port = {mqtt_port}
username = "centre"
password_file = "{file["broker"]}"
[web]
port = {web_port}
[influx]
url = "{influx}"
org = "machikoba"
token_file = "{file["influx"]}"
[alerts.email]
host = "127.0.0.1"
port = 1
user = "me"
password_file = "{file["mail"]}"
from = "m@example.jp"
to = ["a@example.jp"]
[alerts.webhook]
url = "http://127.0.0.1:1/{HOOK}"
secret_file = "{file["signing"]}"
"""
    return planted(folder / "machikoba.toml", text)


FILES = {"broker": BROKER, "influx": TOKEN, "mail": MAIL, "signing": SIGNING}


def guarded(folder: Path, password: str) -> str:
    """Return the settings of a broker that lets in who has the password."""
    path = planted(folder / "passwords", f"centre:{password}")
    subprocess.run(["mosquitto_passwd", "-U", path], check=True)
    return f"user root\npassword_file {path}\nallow_anonymous false"


def sign_in(loud: Loud, database: str) -> str:
    """Let a coordinator sign in, wrongly and rightly, and a buyer come; return a program's token."""
    engine = open_engine(database)
    people, now_ms = People(engine), round(time.time() * 1000)
    kenta = User("kenta", Role.COORDINATOR)
    people.add_user(kenta, hash_password(PERSON), now_ms)
    token = issue_token(people, kenta, now_ms, None)
    link = link_for_buyer(Links(engine), "東海ポンプ", "kenta", now_ms, now_ms + 10**10)
    machine = Machine(MachineKey("aoki", "mc-01"), "旋盤", "cutting", "measured")
    Records(engine).remember([Factory("aoki", "青木精機")], [machine])
    engine.dispose()
    loud.secrets += [token, link.path.removeprefix("/o/")]
    for password in (f"{PERSON}x", f"{PERSON}{'x' * 1_000}", PERSON):
        form = re.search(r'name="form_token" value="(\w+)"', loud.client.get("/login").text)
        assert form is not None
        fields = {"name": "kenta", "password": password, "form_token": form[1]}
        loud.seen[f"sign in {len(password)}"] = loud.client.post("/login", data=fields).text
    loud.secrets.append(loud.client.cookies[SESSION_COOKIE])
    assert loud.client.get(link.path).status_code == 200
    assert loud.client.get(f"{link.path}x").status_code == 404
    body = {"password": PERSON}
    answer = loud.client.post("/api/v1/orders", json=body, headers={"Authorization": f"Bearer {token}"})
    loud.seen["wrong order"] = answer.text
    return token


@pytest.mark.timeout(600)
def test_an_aggregator_tells_no_secret_whatever_fails(tmp_path: Path, postgres: Postgres) -> None:
    port = free_port()
    with ExitStack() as ends:
        influx = ends.enter_context(influx_engine(tmp_path))
        broker = ends.enter_context(running("mosquitto", tmp_path, guarded(tmp_path, BROKER)))
        loud = Loud(tmp_path, settings_of(tmp_path, postgres.url, influx.url, broker.port, port), port)
        ends.callback(loud.end)
        wait_until(lambda: (answer := loud.ready()) and answer.status_code == 200, "it is ready")
        token = sign_in(loud, postgres.url)
        loud.look("well", paths())
        loud.look("for a program", FEW, Authorization=f"Bearer {token}", Cookie="")
        loud.look("for a stranger", FEW, Authorization=f"Bearer {PERSON}", Cookie="")

        broker.kill()
        guarded(tmp_path, "another")
        broker.start()
        wait_until(lambda: "ot authori" in loud.reasons(), "the broker refuses it")
        with influx.refusing("/query", 401):
            loud.look("refused by broker and InfluxDB", FEW)
        postgres.kill()
        loud.look("without a database", FEW)
        assert "503" in loud.seen["/api/v1/orders without a database"]
        said = {"log": loud.log, "reasons": loud.reasons(), **loud.seen}
    assert "DEBUG:" in said["log"]
    assert "influx.token_file" in said["log"]
    assert leaks(loud.secrets, said) == []
