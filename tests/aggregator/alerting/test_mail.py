"""Mails on a real SMTP server: Japanese arrives as it was written, passwords only over an encrypted line."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import Message
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from aggregator.alerting.letter import Letter, NotSent
from aggregator.alerting.mail import send_mail
from aggregator.config import Email
from tests.stack import free_port

LETTER = Letter(
    "alert-7",
    "【遅れ注意】ブラケット A-1（大手精機）：間に合う見込み 20%",
    "工程2 表面処理が 16 時間遅れています。\n対応をお願いします。\n",
    {},
)
AT_MS = 1_795_500_000_000


class Inbox:
    """Keeps what arrives, or refuses it."""

    def __init__(self, refuses: str = "") -> None:
        self.refuses = refuses
        self.mails: list[tuple[list[str], Message]] = []

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Envelope) -> str:
        if self.refuses:
            return self.refuses
        assert isinstance(envelope.content, bytes)
        self.mails.append((list(envelope.rcpt_tos), message_from_bytes(envelope.content)))
        return "250 OK"


@contextmanager
def serving(inbox: Inbox, **options: Any) -> Iterator[int]:
    port = free_port()
    controller = Controller(inbox, hostname="127.0.0.1", port=port, **options)
    controller.start()
    try:
        yield port
    finally:
        controller.stop()


def settings(port: int, **more: Any) -> Email:
    values = {
        "host": "127.0.0.1",
        "port": port,
        "starttls": False,
        "from": "m@example.jp",
        "to": ("a@example.jp",),
    }
    return Email(**{**values, **more})


def test_japanese_arrives_as_it_was_written_and_the_same_id_every_time() -> None:
    inbox = Inbox()
    with serving(inbox) as port:
        for _ in range(2):
            send_mail(settings(port), LETTER, "a@example.jp", AT_MS)
    (to, mail), (_, again) = inbox.mails
    assert to == ["a@example.jp"]
    assert str(make_header(decode_header(mail["Subject"]))) == LETTER.subject
    assert mail["Subject"].isascii()
    body = mail.get_payload(decode=True)
    assert isinstance(body, bytes)
    assert body.decode("utf-8").replace("\r\n", "\n") == LETTER.text
    assert mail["Message-ID"] == again["Message-ID"] == "<alert-7@example.jp>"
    assert mail["Auto-Submitted"] == "auto-generated"


def test_a_line_break_in_a_name_makes_no_header() -> None:
    inbox = Inbox()
    with serving(inbox) as port:
        letter = Letter("k", "部品\r\nBcc: x@example.jp", "text", {})
        send_mail(settings(port), letter, "a@example.jp", AT_MS)
    ((to, mail),) = inbox.mails
    assert to == ["a@example.jp"]
    assert mail["Bcc"] is None


@pytest.mark.parametrize("answer", ["451 try later secret-word", "554 no"])
def test_a_server_that_refuses_is_named_with_its_number_only(answer: str) -> None:
    with serving(Inbox(answer)) as port, pytest.raises(NotSent) as caught:
        send_mail(settings(port), LETTER, "a@example.jp", AT_MS)
    assert str(caught.value) == f"127.0.0.1:{port} answered {answer[:3]}"


def test_no_server_is_said() -> None:
    port = free_port()
    with pytest.raises(NotSent, match=f"127.0.0.1:{port}: Connection refused"):
        send_mail(settings(port), LETTER, "a@example.jp", AT_MS)


def test_a_password_goes_over_an_encrypted_line_to_a_server_that_is_known(tmp_path: Path) -> None:
    tls = certificate(tmp_path)
    password = tmp_path / "password"
    password.write_text("hidden-pass\n", "utf-8")
    said: list[bytes] = []

    def authenticate(_server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any) -> AuthResult:
        said.append(data.password)
        return AuthResult(success=True)

    inbox = Inbox()
    more = {"starttls": True, "user": "machikoba", "password_file": password}
    with serving(inbox, tls_context=tls, authenticator=authenticate, auth_required=True) as port:
        trusting = settings(port, ca_file=tmp_path / "cert.pem", **more)
        send_mail(trusting, LETTER, "a@example.jp", AT_MS)
        with pytest.raises(NotSent) as caught:  # nobody we know vouches for it
            send_mail(settings(port, **more), LETTER, "a@example.jp", AT_MS)
    assert len(inbox.mails) == 1
    assert said == [b"hidden-pass"]
    assert "pass" not in str(caught.value)


def test_a_server_without_encryption_gets_no_password(tmp_path: Path) -> None:
    password = tmp_path / "password"
    password.write_text("hidden", "utf-8")
    with serving(Inbox()) as port, pytest.raises(NotSent) as caught:
        more = {"starttls": True, "user": "machikoba", "password_file": password}
        send_mail(settings(port, **more), LETTER, "a@example.jp", AT_MS)
    assert "hidden" not in str(caught.value)


def test_a_password_file_that_is_gone_is_named(tmp_path: Path) -> None:
    gone = settings(1, starttls=True, user="m", password_file=tmp_path / "gone")
    with pytest.raises(NotSent, match=r"alerts\.email.password_file: .*gone cannot be read"):
        send_mail(gone, LETTER, "a@example.jp", AT_MS)


def certificate(folder: Path) -> ssl.SSLContext:
    """Make a certificate for 127.0.0.1 that vouches for itself; return a server's context."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / "cert.pem").write_bytes(made.public_bytes(pem))
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "key.pem").write_bytes(private)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return context
