"""The federation's own certificate authority: a folder in, certificates and a list of revoked ones out.

The folder is made once, for its owner alone, and nothing in it is ever overwritten but the list of revoked
certificates. What was issued lies in it too, so a name can be revoked as a whole.
"""

import contextlib
import fcntl
import ipaddress
import os
import secrets
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from aggregator.errors import AggregatorError

AGGREGATOR = "_aggregator"
"""Begins as no factory's id can: the broker's rules tell the two apart by the name alone."""
BROKER = "_broker"
CA_DAYS = 7_300
EARLIER = timedelta(minutes=10)
"""Certificates begin a little before now: a factory's clock may be behind."""


class Purpose(StrEnum):
    """What a certificate is good for."""

    CLIENT = "client"
    BROKER = "broker"


class EnrolmentError(AggregatorError):
    """The authority's folder cannot be used, or what was asked for makes no sense."""


@dataclass(frozen=True, slots=True, repr=False)
class Issued:
    """A certificate just made, with its key: PEM, never logged."""

    certificate: bytes
    key: bytes
    serial: int
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class Known:
    """A certificate that was issued once."""

    name: str
    serial: int
    ends_at: datetime
    revoked: bool


class Authority:
    """The authority whose files lie in `folder`; every method blocks, and raises EnrolmentError."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.certificate_file = folder / "ca.crt"
        self.revoked_file = folder / "crl.pem"

    @property
    def is_there(self) -> bool:
        """Tell whether there is an authority; one that we may not look at raises."""
        with _on_disk(self.folder):
            return self.certificate_file.exists()

    def found(self, federation: str, now: datetime) -> bool:
        """Make the authority if there is none; tells whether it is new."""
        if self.certificate_file.exists():
            return False
        made = self.folder.with_name(f".{self.folder.name}-{secrets.token_hex(4)}")
        with _on_disk(self.folder):
            self.folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            made.mkdir(mode=0o700)
            try:
                _write_new_authority(made, federation, now)
                made.rename(self.folder)  # all of it or nothing; fails where another one is already
            except OSError:
                shutil.rmtree(made, ignore_errors=True)
                if self.certificate_file.exists():
                    return False
                raise
        return True

    def issue(
        self, name: str, purpose: Purpose, days: int, now: datetime, hosts: Sequence[str] = ()
    ) -> Issued:
        """Make a key and a certificate for `name`, valid for `days`, never longer than the authority."""
        key = ec.generate_private_key(ec.SECP256R1())
        authority, authority_key = self._authority()
        ends_at = min(now + timedelta(days=days), authority.not_valid_after_utc)
        usage = (
            ExtendedKeyUsageOID.CLIENT_AUTH if purpose is Purpose.CLIENT else ExtendedKeyUsageOID.SERVER_AUTH
        )
        builder = (
            _builder(_subject(name), authority.subject, key.public_key(), now, ends_at)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=True)
            .add_extension(_identifier_of(authority), critical=False)
        )
        if hosts:
            names = x509.SubjectAlternativeName([_host(host) for host in hosts])
            builder = builder.add_extension(names, critical=False)
        certificate = builder.sign(authority_key, hashes.SHA256())
        text = certificate.public_bytes(serialization.Encoding.PEM)
        with _on_disk(self.folder):
            write_new(self.folder / "issued" / f"{name}-{certificate.serial_number:x}.crt", text, 0o644)
        return Issued(text, _pem(key), certificate.serial_number, certificate.not_valid_after_utc)

    def known(self) -> list[Known]:
        """Return everything that was issued, by name, the newest of a name last."""
        revoked = {entry.serial_number for entry in self._revoked()}
        found = []
        with _on_disk(self.folder):
            for file in sorted((self.folder / "issued").glob("*.crt")):
                certificate = _read_certificate(file)
                serial = certificate.serial_number
                found.append(
                    Known(_name_of(certificate), serial, certificate.not_valid_after_utc, serial in revoked)
                )
        return sorted(found, key=lambda known: (known.name, known.ends_at))

    def revoke(self, name: str, now: datetime) -> int:
        """Revoke all certificates of a name; returns how many were good until now."""
        with self._alone():
            serials = [known.serial for known in self.known() if known.name == name and not known.revoked]
            entries = [
                x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(now).build()
                for serial in serials
            ]
            authority, key = self._authority()
            text = _revocations(authority, key, [*self._revoked(), *entries], now)
            with _on_disk(self.folder):
                replace(self.revoked_file, text, 0o644)
        return len(serials)

    def _authority(self) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
        file = self.folder / "ca.key"
        with _on_disk(file):
            certificate = _read_certificate(self.certificate_file)
            try:
                key = serialization.load_pem_private_key(file.read_bytes(), None)
            except (ValueError, TypeError) as error:
                raise EnrolmentError(f"{file}: is no usable key; bring it back from your backup") from error
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise EnrolmentError(f"{file}: is not the key that belongs to {self.certificate_file}")
        return certificate, key

    def _revoked(self) -> list[x509.RevokedCertificate]:
        with _on_disk(self.revoked_file):
            try:
                return list(x509.load_pem_x509_crl(self.revoked_file.read_bytes()))
            except ValueError as error:
                raise EnrolmentError(
                    f"{self.revoked_file}: is damaged; bring it back from your backup"
                ) from error

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        with _on_disk(self.folder):
            folder = os.open(self.folder, os.O_RDONLY)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            yield
        finally:
            os.close(folder)


def write_new(file: Path, content: bytes, mode: int) -> None:
    """Write a file that must not be there yet, with its mode from the first byte on; raises OSError."""
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as opened:
        os.fchmod(descriptor, mode)  # whatever the umask is
        opened.write(content)
        opened.flush()
        os.fsync(descriptor)


def replace(file: Path, content: bytes, mode: int) -> None:
    """Replace a file as a whole: who reads it sees the old one or the new one; raises OSError."""
    fresh = file.with_name(f".{file.name}-{secrets.token_hex(4)}")
    write_new(fresh, content, mode)
    fresh.replace(file)


def _write_new_authority(folder: Path, federation: str, now: datetime) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, federation),
            x509.NameAttribute(NameOID.COMMON_NAME, f"Machikoba {federation}"[:64]),
        ]
    )
    certificate = (
        _builder(name, name, key.public_key(), now, now + timedelta(days=CA_DAYS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "issued").mkdir(mode=0o700)
    write_new(folder / "ca.key", _pem(key), 0o600)
    write_new(folder / "crl.pem", _revocations(certificate, key, [], now), 0o644)
    write_new(folder / "ca.crt", certificate.public_bytes(serialization.Encoding.PEM), 0o644)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: datetime, ends_at: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - EARLIER)
        .not_valid_after(ends_at)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _revocations(
    authority: x509.Certificate,
    key: ec.EllipticCurvePrivateKey,
    entries: Sequence[x509.RevokedCertificate],
    now: datetime,
) -> bytes:
    """Return the list, good as long as the authority: with one too old a broker shuts everybody out."""
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(authority.subject)
        .last_update(now - EARLIER)
        .next_update(authority.not_valid_after_utc)
        .add_extension(x509.CRLNumber(len(entries)), critical=False)
        .add_extension(_identifier_of(authority), critical=False)
    )
    for entry in entries:
        builder = builder.add_revoked_certificate(entry)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def _identifier_of(authority: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    identifier = authority.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier)


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _subject(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _name_of(certificate: x509.Certificate) -> str:
    return str(certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)


def _read_certificate(file: Path) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(file.read_bytes())
    except ValueError as error:
        raise EnrolmentError(f"{file}: is no certificate; bring it back from your backup") from error


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


@contextlib.contextmanager
def _on_disk(place: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise EnrolmentError(f"{error.filename or place}: cannot be used: {error.strerror}") from error
