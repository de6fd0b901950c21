"""`machikoba enroll`: what it makes, what it never overwrites, what it refuses, and what it says in time."""

import stat
import tarfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st

from agent.config import load_config
from agent.contract.tls import TlsError, TlsFiles, about_the_end, client_context, ends_ms, not_after_ms
from aggregator.config import Config, Mqtt
from aggregator.enrolment.authority import Authority, Known, Purpose
from aggregator.enrolment.watching import Seen, ending, look
from tests.deploy.enrolled import Federation, files_of

NOW = datetime(2026, 11, 28, 9, 0, tzinfo=UTC)
SAMPLE = Path(__file__).parents[3] / "agent" / "drivers" / "modbus" / "sample.toml"


@pytest.fixture
def town(tmp_path: Path) -> Federation:
    """A federation without an authority yet."""
    return Federation(tmp_path)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """An authority of NOW."""
    authority = Authority(tmp_path_factory.mktemp("authority") / "ca")
    assert authority.found("higashimachi", NOW)
    return authority


def modes(folder: Path) -> dict[str, int]:
    return {file.name: stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()}


def test_the_authority_is_made_once_for_its_owner_alone(town: Federation) -> None:
    town.enrolled("aoki")
    folder = town.folder / "data" / "ca"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert modes(folder) == {"ca.key": 0o600, "ca.crt": 0o644, "crl.pem": 0o644, "issued": 0o700}
    before = {name: (folder / name).read_bytes() for name in ("ca.key", "ca.crt", "crl.pem")}
    town.enrolled("sakura")
    assert {name: (folder / name).read_bytes() for name in before} == before
    assert not Authority(folder).found("higashimachi", NOW)


def test_a_bundle_is_the_beginning_of_a_working_agent_toml(
    town: Federation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MACHIKOBA_MQTT__PUBLIC_HOST", "mqtt.example.jp")
    monkeypatch.setenv("MACHIKOBA_MQTT__PUBLIC_PORT", "8883")
    monkeypatch.chdir(tmp_path)
    assert town.enroll("aoki") == 0
    archive = tmp_path / "machikoba-agent-aoki.tar"
    assert stat.S_IMODE(archive.stat().st_mode) == 0o600
    with tarfile.open(archive) as tar:
        tar.extractall(tmp_path / "usb", filter="data")
    kit = tmp_path / "usb" / "machikoba-agent-aoki"
    assert modes(kit) == {
        "agent.toml": 0o644, "README.txt": 0o644, "ca.crt": 0o644, "agent.crt": 0o644, "agent.key": 0o600
    }  # fmt: skip
    with (kit / "agent.toml").open("a") as settings:
        machines = SAMPLE.read_text("utf-8")
        settings.write(machines[machines.index("[[machines]]") :])
    config = load_config(kit / "agent.toml")
    assert (config.federation, config.factory) == ("higashimachi", "aoki")
    assert (config.mqtt.host, config.mqtt.port) == ("mqtt.example.jp", 8883)
    assert config.mqtt.tls is not None
    client_context(config.mqtt.tls)
    readme = (kit / "README.txt").read_text("utf-8")
    assert "USB メモリ" in readme and "USB stick" in readme
    assert f"{datetime.now(UTC) + timedelta(days=730):%Y-}" in readme


def test_nothing_is_overwritten_and_nothing_is_issued_in_vain(
    town: Federation, capsys: pytest.CaptureFixture[str]
) -> None:
    kit = town.enrolled("aoki")
    key = (kit / "agent.key").read_bytes()
    assert town.enroll("aoki", "--out", str(kit)) == 1
    assert "is there already; move it away" in capsys.readouterr().err
    assert town.enroll("sakura", "--out", str(kit)) == 1
    assert town.enroll("sakura", "--out", str(town.folder / "no" / "such")) == 1
    assert (kit / "agent.key").read_bytes() == key
    assert town.enroll("--list") == 0
    assert [line.split("\t")[0] for line in capsys.readouterr().out.splitlines()] == ["aoki"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["_aggregator"], "is no factory's id"),
        (["a/b"], "is no factory's id"),
        (["+"], "is no factory's id"),
        (["aoki", "--days", "0"], "--days: expected 1 to 3650, got 0"),
        (["aoki", "--crl", "x"], "--crl: only with --revoke"),
        (["--broker", "a b"], "is no name or address"),
        (["nobody", "--revoke"], "there is no authority yet"),
        (["--list"], "there is no authority yet"),
    ],
)
def test_what_makes_no_sense_is_one_sentence(
    town: Federation, capsys: pytest.CaptureFixture[str], words: list[str], says: str
) -> None:
    assert town.enroll(*words, *(["--out", str(town.folder / "x")] if "--list" not in words else [])) == 1
    error = capsys.readouterr().err
    assert says in error and error.count("\n") == 1
    assert not (town.folder / "x").exists()


def test_who_was_never_enrolled_cannot_be_revoked(
    town: Federation, capsys: pytest.CaptureFixture[str]
) -> None:
    town.enrolled("aoki")
    assert town.enroll("sakura", "--revoke") == 1
    assert "sakura: has no certificate of this authority" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("file", "says"), [("ca.key", "ca.key: is no usable key"), ("crl.pem", "is damaged")]
)
def test_a_damaged_authority_is_told(
    town: Federation, capsys: pytest.CaptureFixture[str], file: str, says: str
) -> None:
    town.enrolled("aoki")
    (town.folder / "data" / "ca" / file).write_text("x")
    assert town.enroll("aoki", "--revoke") == 1
    assert says in capsys.readouterr().err


def test_no_key_is_printed_or_shown(town: Federation, capsys: pytest.CaptureFixture[str]) -> None:
    town.enrolled("aoki")
    town.enrolled("--aggregator")
    said = capsys.readouterr()
    assert "PRIVATE" not in said.out + said.err
    issued = Authority(town.folder / "data" / "ca").issue("x", Purpose.CLIENT, 1, datetime.now(UTC))
    assert "PRIVATE" not in repr(issued) and "PRIVATE" not in str(issued)


def test_the_end_of_a_certificate_is_read_as_the_library_reads_it(authority: Authority) -> None:
    for days in (1, 730, 3_650, 9_000):
        issued = authority.issue("aoki", Purpose.CLIENT, days, NOW)
        certificate = x509.load_pem_x509_certificate(issued.certificate)
        der = certificate.public_bytes(Encoding.DER)
        assert not_after_ms(der) == certificate.not_valid_after_utc.timestamp() * 1000
    ends = x509.load_pem_x509_certificate(authority.certificate_file.read_bytes()).not_valid_after_utc
    assert issued.ends_at == ends  # never longer than the authority


@given(st.binary(max_size=300))
def test_what_is_no_certificate_is_a_sentence(der: bytes) -> None:
    try:
        not_after_ms(der)
    except (ValueError, OverflowError) as error:
        assert isinstance(error, ValueError)


def test_an_end_is_told_thirty_days_before(authority: Authority, tmp_path: Path) -> None:
    issued = authority.issue("aoki", Purpose.CLIENT, 100, NOW)
    file = tmp_path / "agent.crt"
    file.write_bytes(issued.certificate)

    def after(days: float) -> str | None:
        return about_the_end(file, round((NOW + timedelta(days=days)).timestamp() * 1000))

    assert ends_ms(file) == issued.ends_at.timestamp() * 1000
    assert after(69) is None
    assert str(after(70.5)).endswith("ends on 2027-03-08, in 29 days; enrol anew before that")
    assert "has ended on 2027-03-08; enrol anew" in str(after(101))


def test_the_newest_good_certificate_of_a_name_counts() -> None:
    def known(name: str, days: int, *, revoked: bool = False) -> Known:
        return Known(name, 1, NOW + timedelta(days=days), revoked)

    many = [known("aoki", 5), known("aoki", 500), known("sakura", 5), known("minato", -5)]
    gone = [known("left", -500, revoked=True), known("kita", 500, revoked=True), known("kita", 29)]
    assert ending([*many, *gone], NOW) == ["kita", "minato", "sakura"]


def test_what_everybody_may_read_names_no_factory(town: Federation) -> None:
    own = files_of(town.enrolled("--aggregator", "--days", "10"))
    town.enrolled("aoki", "--days", "10")
    line = Mqtt(ca_file=own.ca_file, certificate_file=own.certificate_file, key_file=own.key_file)
    config = Config(federation="higashimachi", data=town.folder / "data", mqtt=line)
    seen = look(config, round(datetime.now(UTC).timestamp() * 1000))
    assert "in 9 days; enrol anew" in seen.public[0]
    assert seen.public[1].startswith("2 certificates end within 30 days")
    assert "aoki" not in " ".join(seen.public)
    assert "_aggregator, aoki" in seen.logged[1]
    assert seen.names == ("_aggregator", "aoki")


def test_an_authority_elsewhere_is_looked_at_and_one_that_cannot_be_read_is_told(town: Federation) -> None:
    town.enrolled("aoki", "--days", "10")
    ca = town.folder / "data" / "ca"
    now_ms = round(datetime.now(UTC).timestamp() * 1000)
    elsewhere = Config(federation="higashimachi", data=town.folder / "other", ca=ca)
    assert look(elsewhere, now_ms).names == ("aoki",)
    assert look(elsewhere.model_copy(update={"ca": town.folder / "none"}), now_ms) == Seen((), (), ())
    (ca / "crl.pem").write_text("x")
    seen = look(elsewhere, now_ms)
    assert seen.public == ("what was enrolled cannot be read; the log says why",)
    assert "crl.pem: is damaged; bring it back from your backup" in seen.logged[0]


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("ca_file", None, "mqtt.ca_file .* cannot be read: No such file"),
        (
            "ca_file",
            b"junk",
            "mqtt.ca_file .* is not usable: expected the certificate of the federation's auth",
        ),
        (
            "ca_file",
            b"-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n",
            "mqtt.ca_file .* is not usable",
        ),
        ("certificate_file", b"\xff\x00", "mqtt.certificate_file .* is not usable: expected a certificate"),
        ("key_file", b"junk", "mqtt.key_file .* is not usable: expected the key"),
        ("key_file", "other", "mqtt.key_file .* does not belong to mqtt.certificate_file"),
        ("key_file", "folder", "mqtt.key_file .* cannot be read: Is a directory"),
    ],
)
def test_a_wrong_file_is_named_with_what_was_expected(
    authority: Authority, tmp_path: Path, name: str, content: bytes | str | None, says: str
) -> None:
    good, other = (authority.issue("aoki", Purpose.CLIENT, 30, NOW) for _ in range(2))
    files = {
        "ca_file": authority.certificate_file.read_bytes(),
        "certificate_file": good.certificate,
        "key_file": good.key,
    }
    for each, text in files.items():
        (tmp_path / each).write_bytes(text)
    client_context(TlsFiles(*(tmp_path / each for each in files)))
    (tmp_path / name).unlink()
    if content == "folder":
        (tmp_path / name).mkdir()
    elif content is not None:
        (tmp_path / name).write_bytes(other.key if isinstance(content, str) else content)
    with pytest.raises(TlsError, match=says) as caught:
        client_context(TlsFiles(*(tmp_path / each for each in files)))
    assert "\n" not in str(caught.value)


def test_settings_that_fit_no_line_are_refused_with_their_place() -> None:
    for wrong in ({"certificate_file": "a"}, {"certificate_file": "a", "key_file": "b"}):
        with pytest.raises(ValueError, match=r"certificate_file and key_file|ca_file: is missing"):
            Mqtt(**wrong)  # type: ignore[arg-type]
