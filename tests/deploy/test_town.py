"""The deployed town with real programs: secrets, databases, broker, aggregator, demo, revoking, restore.

It costs some twenty seconds of processor time: each command is a process, as it is for who types it.
"""

import re
import shutil
import signal
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import httpx
import pytest
from sqlalchemy import text

from agent.contract.tls import refusal
from aggregator.store.database import open_engine, reading
from aggregator.store.timeseries import StoreError
from tests.deploy.composed import Composed
from tests.deploy.enrolled import Line, files_of
from tests.influx_adapter import TOKEN
from tests.influx_engine import influx_engine
from tests.stack import NO_TLS, wait_until

DEMO = ("aoki", "fujimi")
"""One reads OPC UA, the other Modbus; the services of the other four differ in nothing but the name."""


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Composed]:
    """Everything that compose.yaml starts but the proxy (`test_proxy.py`) and Grafana."""
    town = Composed(tmp_path_factory.mktemp("town"))
    with influx_engine(tmp_path_factory.mktemp("influx")) as engine:
        engine.run(f"SET PASSWORD FOR machikoba = '{town.token()}'")
        assert town.token() != TOKEN
        town.influx_url = engine.url
        try:
            town.start_postgres()
            town.start_mosquitto()
            town.start_aggregator()
            yield town
        finally:
            town.end_all()


def asked(town: Composed, path: str, token: str = "") -> httpx.Response:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return httpx.get(f"http://127.0.0.1:{town.ports['aggregator']}{path}", headers=headers, verify=NO_TLS)


def is_ready(town: Composed) -> bool:
    try:
        return asked(town, "/readyz").status_code == 200
    except httpx.TransportError:
        return False


def lets_in(town: Composed, bundle: Path) -> str | None:
    """Return why the broker refuses the bundle; None: it lets us in."""
    return refusal("127.0.0.1", town.ports["mosquitto"], files_of(bundle))


def test_postgresql_wants_the_password_of_the_secrets(town: Composed) -> None:
    url = town.environment("aggregator")["MACHIKOBA_DATABASE_URL"]
    for place, refused in ((url, None), (re.sub("passfile=[^&]*", "passfile=/none", url), "no password")):
        engine = open_engine(place)
        try:
            with reading(engine) as connection:
                assert (connection.scalar(text("SELECT current_user")), refused) == ("machikoba", None)
        except StoreError as error:
            assert refused, error
            assert refused in str(error)
        finally:
            engine.dispose()


def test_it_starts_and_shows_the_demos_machines(town: Composed) -> None:
    wait_until(partial(is_ready, town), "the aggregator is ready")
    town.desk("user", "add", "kenta", "--role", "coordinator", "--password-stdin", text="tests-only-町工場")
    token = town.desk("user", "token", "kenta").split()[-1]
    town.start_demo(*DEMO)

    def heard() -> bool:
        machines = asked(town, "/api/v1/machines", token).json()["machines"]
        known = [one for one in machines if one["state"] != "OFFLINE"]
        return {one["factory"] for one in known} == set(DEMO)

    wait_until(heard, "machines of both protocols are seen")
    assert asked(town, "/readyz").json()["warnings"] == []
    assert "machikoba_certificates_ending 0.0" in asked(town, "/metrics").text


def test_the_demo_stays_away_from_real_factories(town: Composed) -> None:
    shutil.rmtree(town.place("simulator", "/var/lib/machikoba/agents"))
    shutil.rmtree(town.place("simulator", "/var/lib/machikoba/bundles/aoki"))
    with pytest.raises(AssertionError, match="aoki is enrolled here already: the demo needs a stack without"):
        town.start_demo(*DEMO)


def test_a_factory_is_enrolled_at_the_desk_and_shut_out_again(town: Composed) -> None:
    town.desk("enroll", "tanaka", "--out", "tanaka")
    bundle = town.place("desk", "/bundles/tanaka")
    assert lets_in(town, bundle) is None
    town.desk(
        "enroll", "tanaka", "--revoke", "--crl", str(town.place("desk", "/etc/machikoba/revoked/crl.pem"))
    )
    assert lets_in(town, bundle) is None  # the broker has not read the list yet
    town.tell("mosquitto", signal.SIGHUP)
    wait_until(lambda: "revoked" in (lets_in(town, bundle) or ""), "it is shut out")


def test_what_the_broker_has_acknowledged_survives_a_kill(town: Composed) -> None:
    town.end("aggregator")
    port = town.ports["mosquitto"]
    town.desk("enroll", "sato", "--out", "sato")
    sato = files_of(town.place("desk", "/bundles/sato"))
    centre = files_of(town.place("aggregator", "/etc/machikoba/mqtt"))
    command, state = "spBv1.0/higashimachi/NCMD/sato", "spBv1.0/STATE/another"
    waiting = Line(port, sato, keeps_session=True).up().subscribe(command)
    waiting.close()
    sender = Line(port, centre).up()
    sender.publish(command, b"do it")
    sender.publish(state, b"here I am", retain=True)
    kept = town.place("mosquitto", "/mosquitto/data/mosquitto.db")
    wait_until(lambda: kept.exists() and b"here I am" in kept.read_bytes(), "it is on the disk")
    town.end("mosquitto", signal.SIGKILL)
    sender.close()
    town.start_mosquitto()
    back = Line(port, sato, keeps_session=True).up()
    wait_until(lambda: back.has(command, b"do it"), "the message that waited comes")
    back.subscribe("spBv1.0/STATE/+")
    wait_until(lambda: back.has(state, b"here I am"), "the retained message is there")
    back.close()


def test_a_lost_computer_is_made_anew_from_one_backup(town: Composed) -> None:
    backups = town.place("desk", "/var/backups/machikoba")
    said = town.desk("backup", "--out", str(backups), "--keep", "14")
    assert "The history of the machines is not in it" in said
    assert "authority's key is not in it" not in said
    (file,) = backups.glob("*.tar.gz")
    for name in ("authority", "broker", "mqtt", "revoked"):
        shutil.rmtree(town.folder / "secrets" / name)
    town.end("mosquitto")
    town.make_secrets()  # a new authority, which knows nobody
    assert "of 2" in town.desk("restore", str(file), "--replace")
    for name in ("broker", "mqtt", "revoked"):
        shutil.rmtree(town.folder / "secrets" / name)
    town.make_secrets()
    town.start_mosquitto()
    assert lets_in(town, town.place("desk", "/bundles/sato")) is None
    assert lets_in(town, town.place("aggregator", "/etc/machikoba/mqtt")) is None
    assert "revoked" in (lets_in(town, town.place("desk", "/bundles/tanaka")) or "")
    engine = open_engine(town.environment("aggregator")["MACHIKOBA_DATABASE_URL"])
    with reading(engine) as connection:
        assert connection.scalars(text("SELECT name FROM users")).all() == ["kenta"]
    engine.dispose()
