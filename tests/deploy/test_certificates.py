"""Who is let in by the shipped broker, what both sides say when they are not, and what revoking does."""

import asyncio
import re
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agent.broker import probe
from agent.contract.tls import TlsFiles, client_context, refusal
from agent.errors import LinkError
from aggregator.enrolment.authority import Authority, Purpose
from tests.agent.configs import settings
from tests.deploy.enrolled import FEDERATION, Federation, GuardedBroker, Line, files_of, guarded
from tests.stack import wait_until

Kits = dict[str, TlsFiles]


def said(broker: GuardedBroker | int, files: TlsFiles, folder: Path) -> str:
    """Return what `machikoba-agent check` would say about the broker; empty: it lets us in."""
    port = broker if isinstance(broker, int) else broker.port
    names = {"ca_file": files.ca_file, "certificate_file": files.certificate_file, "key_file": files.key_file}
    chosen = {name: str(file) for name, file in names.items() if file is not None}
    try:
        asyncio.run(probe(settings(folder, port, None, **chosen)))
    except LinkError as error:
        return str(error)
    return ""


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.broker.ANSWER_S", 3.0)


def test_a_bundle_as_it_comes_lets_the_agent_in(broker: GuardedBroker, kits: Kits, tmp_path: Path) -> None:
    assert said(broker, kits["aoki"], tmp_path) == ""


def test_without_a_certificate_nobody_comes_in(broker: GuardedBroker, kits: Kits, tmp_path: Path) -> None:
    answer = said(broker, TlsFiles(kits["aoki"].ca_file), tmp_path)
    assert answer.endswith("wants a certificate: set mqtt.certificate_file and mqtt.key_file")
    with pytest.raises(LinkError, match=r"cannot be reached: .*; where it wants TLS, set mqtt.ca_file"):
        asyncio.run(probe(settings(tmp_path, broker.port)))


@pytest.mark.parametrize("name", ["nishimachi", FEDERATION])
def test_a_certificate_of_another_federation_does_not_count_whatever_it_calls_itself(
    broker: GuardedBroker, kits: Kits, tmp_path: Path, name: str
) -> None:
    other = files_of(Federation(tmp_path, name).enrolled("aoki"))
    mixed = TlsFiles(kits["aoki"].ca_file, other.certificate_file, other.key_file)
    assert "does not know who signed mqtt.certificate_file" in said(broker, mixed, tmp_path)
    foreign = TlsFiles(other.ca_file, kits["aoki"].certificate_file, kits["aoki"].key_file)
    assert "check that mqtt.ca_file is the ca.crt of this federation" in said(broker, foreign, tmp_path)


def issued(federation: Federation, name: str, days: int, now: datetime, folder: Path) -> TlsFiles:
    authority = Authority(federation.folder / "data" / "ca")
    made = authority.issue(name, Purpose.CLIENT, days, now)
    (folder / "agent.crt").write_bytes(made.certificate)
    (folder / "agent.key").write_bytes(made.key)
    return TlsFiles(authority.certificate_file, folder / "agent.crt", folder / "agent.key")


def test_a_certificate_that_has_ended_is_shut_out(
    broker: GuardedBroker, federation: Federation, kits: Kits, tmp_path: Path
) -> None:
    assert kits
    files = issued(federation, "minato", 1, datetime.now(UTC) - timedelta(days=3), tmp_path)
    assert "our certificate has ended: enrol anew" in said(broker, files, tmp_path)


def test_the_brokers_own_certificate_lets_nobody_in_and_a_factorys_makes_no_broker(
    broker: GuardedBroker, kits: Kits, tmp_path: Path
) -> None:
    assert said(broker, kits["broker"], tmp_path) != ""
    with pretending(kits["sakura"]) as port:
        assert "shows a certificate that is not trusted" in said(port, kits["aoki"], tmp_path)


@contextmanager
def pretending(files: TlsFiles, oldest: ssl.TLSVersion | None = None) -> Iterator[int]:
    """Run a TLS server with somebody's certificate; `oldest` is the only version it speaks."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    assert files.certificate_file is not None
    context.load_cert_chain(files.certificate_file, files.key_file)
    if oldest is not None:
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.maximum_version = context.minimum_version = oldest
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                line, _ = server.accept()
            except OSError:
                return
            try:
                with context.wrap_socket(line, server_side=True) as wrapped:
                    wrapped.recv(1)
            except OSError:
                line.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield server.getsockname()[1]
    finally:
        server.shutdown(socket.SHUT_RDWR)
        server.close()
        thread.join(10)


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1:DeprecationWarning")
def test_nothing_older_than_tls_1_2_is_spoken(broker: GuardedBroker, kits: Kits) -> None:
    with pretending(kits["broker"], ssl.TLSVersion.TLSv1_1) as port:
        assert refusal("127.0.0.1", port, kits["aoki"]) is not None
    with pretending(kits["broker"], ssl.TLSVersion.TLSv1_2) as port:
        assert refusal("127.0.0.1", port, kits["aoki"]) is None
    old = client_context(kits["aoki"])
    old.set_ciphers("ALL:@SECLEVEL=0")
    old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
    with (
        socket.create_connection(("127.0.0.1", broker.port), 30) as plain,
        pytest.raises(ssl.SSLError, match=r"(?i)protocol"),
    ):
        old.wrap_socket(plain, server_hostname="127.0.0.1")


def test_the_broker_is_checked_by_its_name(kits: Kits, federation: Federation, tmp_path: Path) -> None:
    place = tmp_path / "elsewhere"
    assert federation.enroll("--broker", "mqtt.example.jp", "--out", str(place)) == 0
    with pretending(files_of(place)) as port:
        assert re.search(
            r"check mqtt.host, or make the broker a certificate", said(port, kits["aoki"], tmp_path)
        )


def test_a_revoked_factory_is_shut_out_after_a_reload_and_comes_back_with_a_new_bundle(
    federation: Federation, kits: Kits, tmp_path: Path
) -> None:
    home = kits["broker"].ca_file.parent
    lost, other = federation.folder / "lost", kits["sakura"]
    assert federation.enroll("fujimi", "--out", str(lost)) == 0
    with guarded(tmp_path, home) as broker:
        held = Line(broker.port, files_of(lost)).up()
        assert federation.enroll("fujimi", "--revoke", "--crl", str(home / "crl.pem")) == 0
        broker.reload()
        # Only TLS is spoken meanwhile: whoever connects before the list is read takes the held line's place.
        wait_until(lambda: refusal("127.0.0.1", broker.port, files_of(lost)) is not None, "the list is read")
        assert "our certificate is revoked: enrol anew" in said(broker, files_of(lost), tmp_path)
        assert said(broker, other, tmp_path) == ""
        assert held.is_up  # what is open stays open until the broker is restarted, as the README says
        assert federation.enroll("fujimi", "--out", str(federation.folder / "new")) == 0
        assert said(broker, files_of(federation.folder / "new"), tmp_path) == ""
        broker.stop()
        wait_until(lambda: not held.is_up, "the line ends")
        broker.start()
        wait_until(lambda: "revoked" in said(broker, files_of(lost), tmp_path), "still shut out")
        held.close()
