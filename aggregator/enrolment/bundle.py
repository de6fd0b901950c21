"""What an enrolled party gets: its key and certificate in; a folder or a .tar, ready to be used, out."""

import io
import tarfile
import time
from collections.abc import Mapping
from pathlib import Path

from aggregator.config import Config
from aggregator.enrolment.authority import Authority, EnrolmentError, Issued, write_new

File = tuple[bytes, int]
"""Content and mode."""

_AGENT_TOML = """\
# 工場のエージェントの設定です。この下に機械 ([[machines]]) を書き足してください。
# The settings of the factory's agent: add its machines ([[machines]]) below.
federation = "{federation}"
factory = "{factory}"
data = "/var/lib/machikoba"

[mqtt]
host = "{host}"
port = {port}
ca_file = "ca.crt"
certificate_file = "agent.crt"
key_file = "agent.key"
"""

_README = """\
町工場エージェントの接続キット: {factory}
==========================================

1. このフォルダを、機械のそばのコンピュータへ USB メモリなどで運び、/etc/machikoba などに置きます。
   agent.key は工場の鍵です。メールで送らず、運び終えたら USB メモリから消してください。
2. agent.toml に機械を書き足します。機械から何が読めるかは次のコマンドで調べられます:
     machikoba-agent discover opcua opc.tcp://192.168.0.10:4840
3. 確かめてから動かします:
     machikoba-agent check --config agent.toml
     machikoba-agent run --config agent.toml
証明書の有効期限は {ends} です。それまでに、事務局から新しいキットを受け取ってください。
鍵をなくしたとき、盗まれたときは、すぐに事務局へ知らせてください。古い鍵は使えなくなります。


Connecting the agent of {factory}
==========================================

1. Carry this folder to the computer beside the machines, on a USB stick for example, to /etc/machikoba or
   another place. agent.key is the factory's key: never mail it, and delete it from the stick afterwards.
2. Add the machines to agent.toml. What can be read from a machine, this tells:
     machikoba-agent discover opcua opc.tcp://192.168.0.10:4840
3. Check, then run:
     machikoba-agent check --config agent.toml
     machikoba-agent run --config agent.toml
The certificate ends on {ends}. Get a new kit from the office before that day.
If the key is lost or stolen, tell the office at once: the old key is then shut out.
"""


def agent_files(config: Config, authority: Authority, factory: str, issued: Issued) -> Mapping[str, File]:
    """Return the files of an agent's bundle."""
    mqtt = config.mqtt
    settings = _AGENT_TOML.format(
        federation=config.federation, factory=factory, host=mqtt.public_host, port=mqtt.public_port
    )
    readme = _README.format(factory=factory, ends=f"{issued.ends_at.astimezone(config.zone):%Y-%m-%d}")
    return {
        "agent.toml": (settings.encode(), 0o644),
        "README.txt": (readme.encode(), 0o644),
        **_identity(authority, "agent", issued),
    }


def aggregator_files(authority: Authority, issued: Issued) -> Mapping[str, File]:
    """Return the aggregator's own files."""
    return _identity(authority, "aggregator", issued)


def broker_files(authority: Authority, issued: Issued) -> Mapping[str, File]:
    """Return the broker's files: its own, and the list of revoked certificates."""
    return {**_identity(authority, "broker", issued), "crl.pem": (authority.revoked_file.read_bytes(), 0o644)}


def _identity(authority: Authority, stem: str, issued: Issued) -> Mapping[str, File]:
    return {
        "ca.crt": (authority.certificate_file.read_bytes(), 0o644),
        f"{stem}.crt": (issued.certificate, 0o644),
        f"{stem}.key": (issued.key, 0o600),
    }


def require_free(place: Path) -> None:
    """Raise EnrolmentError where something is already: a bundle never overwrites, and is not made in vain."""
    if place.exists() and not (place.is_dir() and not _would_clash(place)):
        raise EnrolmentError(f"{place}: is there already; move it away, or give another place with --out")
    if not place.parent.is_dir():
        raise EnrolmentError(f"{place.parent}: there is no such folder; make it, or give another with --out")


def _would_clash(folder: Path) -> bool:
    return any(file.suffix in {".crt", ".key", ".pem", ".toml"} for file in folder.iterdir())


def write_bundle(place: Path, files: Mapping[str, File]) -> None:
    """Write the files into a folder, or into a tar file if `place` ends with .tar; never over others."""
    try:
        if place.suffix == ".tar":
            write_new(place, _archived(place.stem, files), 0o600)
            return
        place.mkdir(mode=0o700, exist_ok=True)
        for name, (content, mode) in files.items():
            write_new(place / name, content, mode)
    except OSError as error:
        raise EnrolmentError(f"{error.filename or place}: cannot be written: {error.strerror}") from error


def _archived(folder: str, files: Mapping[str, File]) -> bytes:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for name, (content, mode) in files.items():
            member = tarfile.TarInfo(f"{folder}/{name}")
            member.size, member.mode, member.mtime = len(content), mode, int(time.time())
            tar.addfile(member, io.BytesIO(content))
    return archive.getvalue()
