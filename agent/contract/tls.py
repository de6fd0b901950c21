"""The encrypted line to the broker: PEM files in, a TLS context out, or one sentence about what is wrong.

TLS 1.2 or newer, the broker's name and certificate are checked always. Both sides use it, so it needs
nothing but the standard library.
"""

import contextlib
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

REFUSAL_S = 2.0
"""A broker of TLS 1.3 refuses a certificate only after the handshake: so long is waited for its word."""
WARN_DAYS = 30
DAY_MS = 86_400_000
_LONGEST = 1 << 20


class TlsError(Exception):
    """One sentence: which file or which certificate, what is wrong, what to do."""


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """Who may be trusted, and who we are; PEM files, named as in the settings below `mqtt`."""

    ca_file: Path
    certificate_file: Path | None = None
    key_file: Path | None = None


def client_context(files: TlsFiles) -> ssl.SSLContext:
    """Return a fresh context, so that renewed files count at the next connection; raises TlsError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    with _told("mqtt.ca_file", files.ca_file, "the certificate of the federation's authority (ca.crt)"):
        _require_text(files.ca_file)
        context.load_verify_locations(files.ca_file)
    if files.certificate_file is None or files.key_file is None:
        return context
    with _told("mqtt.certificate_file", files.certificate_file, "a certificate that enrolment has made"):
        _require_text(files.certificate_file)
        ssl.PEM_cert_to_DER_cert(_first_certificate(files.certificate_file))
    with _told("mqtt.key_file", files.key_file, "the key that belongs to mqtt.certificate_file, unencrypted"):
        _require_text(files.key_file)
        context.load_cert_chain(files.certificate_file, files.key_file, password=_no_password)
    return context


def ends_ms(certificate: Path) -> int:
    """Return when a certificate ends (UTC ms); raises TlsError when the file cannot be read."""
    with _told("mqtt.certificate_file", certificate, "a certificate that enrolment has made"):
        der = ssl.PEM_cert_to_DER_cert(_first_certificate(certificate))
        return not_after_ms(der)


def not_after_ms(der: bytes) -> int:
    """Return the end of a certificate's validity (RFC 5280, 4.1.2.5), UTC ms; raises ValueError."""
    (_, certificate), *_ = _elements(der)
    (_, signed), *_ = _elements(certificate)
    parts = [(tag, content) for tag, content in _elements(signed) if tag != 0xA0]  # without the version
    _serial, _algorithm, _issuer, (_, validity), *_ = parts
    _, (tag, text) = _elements(validity)
    form = "%y%m%d%H%M%SZ" if tag == 0x17 else "%Y%m%d%H%M%SZ"
    return round(datetime.strptime(text.decode("ascii"), form).replace(tzinfo=UTC).timestamp() * 1000)


def about_the_end(certificate: Path, now_ms: int) -> str | None:
    """Return what is to be said about a certificate that ends soon or has ended, None while all is well."""
    end_ms = ends_ms(certificate)
    day = f"{datetime.fromtimestamp(end_ms / 1000, UTC):%Y-%m-%d}"
    if end_ms <= now_ms:
        return f"mqtt.certificate_file {certificate} has ended on {day}; enrol anew (machikoba enroll)"
    days = (end_ms - now_ms) // DAY_MS
    if days >= WARN_DAYS:
        return None
    return f"mqtt.certificate_file {certificate} ends on {day}, in {days} days; enrol anew before that"


def refusal(host: str, port: int, files: TlsFiles) -> str | None:
    """Ask a broker why it does not let us in; blocks some seconds at most. None: it is not about TLS."""
    try:
        context = client_context(files)
        with (
            socket.create_connection((host, port), timeout=REFUSAL_S) as plain,
            context.wrap_socket(plain, server_hostname=host) as line,
        ):
            line.recv(1)
    except TlsError as error:
        return str(error)
    except ssl.SSLCertVerificationError as error:
        return f"shows a certificate that is not trusted: {error.verify_message}; {_cure(error)}"
    except ssl.SSLError as error:
        return _alert(error)
    except (OSError, UnicodeError):
        return None
    return None


def _cure(error: ssl.SSLCertVerificationError) -> str:
    if "ostname" in error.verify_message or "IP address" in error.verify_message:
        return "check mqtt.host, or make the broker a certificate for this name"
    if "expired" in error.verify_message or "not yet valid" in error.verify_message:
        return "renew the broker's certificate, and check the clock of this computer"
    return "check that mqtt.ca_file is the ca.crt of this federation"


_ALERTS = {
    "REVOKED": "says that our certificate is revoked: enrol anew and use the new mqtt.certificate_file",
    "EXPIRED": "says that our certificate has ended: enrol anew and use the new mqtt.certificate_file",
    "UNKNOWN_CA": "does not know who signed mqtt.certificate_file: enrol at this broker's federation",
    "REQUIRED": "wants a certificate: set mqtt.certificate_file and mqtt.key_file",
    "HANDSHAKE_FAILURE": "wants a certificate: set mqtt.certificate_file and mqtt.key_file",
    "PROTOCOL_VERSION": "speaks no TLS 1.2 or newer",
    "WRONG_VERSION_NUMBER": "speaks no TLS on this port: check mqtt.port, or remove mqtt.ca_file",
    "RECORD_LAYER_FAILURE": "speaks no TLS on this port: check mqtt.port, or remove mqtt.ca_file",
}


def _alert(error: ssl.SSLError) -> str:
    reason = str(error.reason or error).upper().replace(" ", "_")
    for word, sentence in _ALERTS.items():
        if word in reason:
            return sentence
    return f"ends the encrypted line: {error.reason or error}; check mqtt.certificate_file and mqtt.ca_file"


@contextlib.contextmanager
def _told(setting: str, file: Path, expected: str) -> Iterator[None]:
    try:
        yield
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise TlsError(f"{setting} {file} does not belong to mqtt.certificate_file") from error
        raise TlsError(f"{setting} {file} is not usable: expected {expected}") from error
    except OSError as error:
        raise TlsError(f"{setting} {file} cannot be read: {error.strerror or error}") from error
    except ValueError as error:
        raise TlsError(f"{setting} {file} is not usable: expected {expected}") from error


def _require_text(file: Path) -> None:
    """Fail with a sentence where the library has none: a folder, a file that is something else."""
    with file.open("rb") as opened:
        head = opened.read(_LONGEST + 1)
    if len(head) > _LONGEST or b"-----BEGIN " not in head:
        raise ValueError("no PEM")


def _first_certificate(file: Path) -> str:
    begin, end = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
    text = file.read_text("ascii")
    if begin not in text or end not in text:
        raise ValueError("no certificate in it")
    return f"{begin}{text.partition(begin)[2].partition(end)[0]}{end}\n"


def _no_password() -> bytes:
    raise ValueError("the key is encrypted")


def _elements(der: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield tag and content of each element of a DER sequence; raises ValueError when it is cut off."""
    at = 0
    while at < len(der):
        tag, length, at = der[at], _byte(der, at + 1), at + 2
        if length & 0x80:
            size = length & 0x7F
            length, at = int.from_bytes(der[at : at + size], "big"), at + size
        if at + length > len(der):
            raise ValueError("cut off")
        yield tag, der[at : at + length]
        at += length


def _byte(der: bytes, at: int) -> int:
    if at >= len(der):
        raise ValueError("cut off")
    return der[at]
