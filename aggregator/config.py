"""The aggregator's settings: a TOML file, environment variables and flags in, one frozen value out.

A flag wins over the environment (`MACHIKOBA_WEB__PORT=8001`), the environment over the file. Unknown keys
and wrong values fail with their path.
"""

import argparse
import tomllib
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from agent.contract.masking import masked, names_secret
from agent.contract.tls import TlsFiles
from agent.contract.topics import ID_PATTERN
from aggregator.errors import ConfigError
from aggregator.foreign.settings import ForeignMachine

ENV_PREFIX = "MACHIKOBA_"

Id = Annotated[str, Field(pattern=ID_PATTERN)]
Port = Annotated[int, Field(ge=1, le=65535)]
Text = Annotated[str, Field(min_length=1)]


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"no such time zone: {name!r}; example: Asia/Tokyo") from None
    return name


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _plain_url(url: str) -> str:
    try:
        parts = urlsplit(url)
        port_is_right = parts.port is None or parts.port > 0
    except ValueError:
        raise ValueError("is no address") from None
    if parts.scheme not in {"http", "https"} or not parts.hostname or not port_is_right:
        raise ValueError("has to begin with https:// or http:// and name a host")
    if parts.username or parts.password or not url.isascii() or not url.isprintable() or " " in url:
        raise ValueError("holds a name, a password or signs that cannot be sent")
    return url


def _plain_host(host: str) -> str:
    if any(sign in host for sign in "@/"):
        raise ValueError("expected a name or an address alone, without user, password or path")
    return host


def _networks(text: str) -> str:
    for part in text.split(","):
        try:
            ip_network(part.strip())
        except ValueError:
            raise ValueError("expected addresses or networks with commas between, as 127.0.0.1") from None
    return text


Host = Annotated[str, Field(min_length=1), AfterValidator(_plain_host)]
Address = Annotated[str, Field(pattern=r"^[^\s@<>]+@[^\s@<>]+$")]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Mqtt(_Section):
    """Where the broker is, for us and for the agents (`public_*`), and who we are there."""

    host: Host = "127.0.0.1"
    port: Port = 1883
    public_host: Host = Field(default_factory=lambda values: values["host"])
    public_port: Port = Field(default_factory=lambda values: values["port"])
    username: str | None = None
    password_file: Path | None = None
    ca_file: Path | None = None
    certificate_file: Path | None = None
    key_file: Path | None = None
    reorder_timeout_s: Annotated[float, Field(ge=0, le=60)] = 2.0

    @model_validator(mode="after")
    def _whole(self) -> "Mqtt":
        if (self.certificate_file is None) != (self.key_file is None):
            raise ValueError("certificate_file and key_file: give both or neither")
        if self.certificate_file is not None and self.ca_file is None:
            raise ValueError("ca_file: is missing; it says who may sign the broker's certificate")
        return self

    @property
    def tls(self) -> TlsFiles | None:
        """The files of the encrypted line; None: it is not encrypted."""
        if self.ca_file is None:
            return None
        return TlsFiles(self.ca_file, self.certificate_file, self.key_file)


class Web(_Section):
    """Where pages and API are served."""

    host: Text = "127.0.0.1"
    port: Port = 8000
    public_url: Annotated[str, AfterValidator(_plain_url)] = Field(
        default_factory=lambda values: f"http://{_in_url(values['host'])}:{values['port']}"
    )
    proxies: Annotated[str, AfterValidator(_networks)] = "127.0.0.1,::1"


class Email(_Section):
    """Whom alerts are mailed to, and by which server; a password never goes over an open line."""

    host: Host
    port: Port = 587
    starttls: bool = True
    ca_file: Path | None = None
    user: Text | None = None
    password_file: Path | None = None
    sender: Address = Field(alias="from")
    to: Annotated[tuple[Address, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _safe(self) -> "Email":
        if self.user is not None and not self.starttls:
            raise ValueError("user: needs starttls, or the password could be read on its way")
        if (self.user is None) != (self.password_file is None):
            raise ValueError("user and password_file: give both or neither")
        return self


class Webhook(_Section):
    """Where alerts are posted to, signed with the secret that the file holds; the URL is never shown."""

    url: Annotated[str, AfterValidator(_plain_url)] = Field(repr=False)
    secret_file: Path


class AlertSettings(_Section):
    """When an order is alarming (chances of being late, 0 to 1), and who is told."""

    raise_at: Annotated[float, Field(gt=0, le=1)] = 0.5
    clear_at: Annotated[float, Field(ge=0, lt=1)] = 0.3
    for_s: Annotated[float, Field(ge=0, le=86_400)] = 60.0
    email: Email | None = None
    webhook: Webhook | None = None

    @model_validator(mode="after")
    def _apart(self) -> "AlertSettings":
        if self.clear_at >= self.raise_at:
            raise ValueError("clear_at: has to be below raise_at, or alerts would flutter")
        return self


class Influx(_Section):
    """Where the time series live, if not in the database: an InfluxDB 2 or 3."""

    url: Annotated[str, AfterValidator(_plain_url)]
    org: Text
    token_file: Path
    bucket: Text = "machikoba"
    keep_days: Annotated[int, Field(ge=30, le=36_500)] = 400


class ProcessName(_Section):
    """What people read for a process (工程)."""

    ja: Text
    en: Text


PROCESSES: dict[str, ProcessName] = {
    "cutting": ProcessName(ja="切削", en="Cutting"),
    "pressing": ProcessName(ja="精密プレス", en="Pressing"),
    "surface_treatment": ProcessName(ja="表面処理", en="Surface treatment"),
    "inspection": ProcessName(ja="検査", en="Inspection"),
    "assembly": ProcessName(ja="組立", en="Assembly"),
    "shipping": ProcessName(ja="出荷", en="Shipping"),
}


class Config(BaseSettings):
    """Every setting of the aggregator; `aggregator/README.md` explains them in a table."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="forbid",
        env_prefix=ENV_PREFIX,
        env_nested_delimiter="__",
        hide_input_in_errors=True,
    )

    federation: Id
    federation_name: Text = Field(default_factory=lambda values: values["federation"])
    time_zone: Annotated[str, AfterValidator(_known_zone)] = "Asia/Tokyo"
    data: Path = Path("/var/lib/machikoba-aggregator")
    database_url: str = Field(
        default_factory=lambda values: f"sqlite:///{values['data'].absolute() / 'machikoba.db'}", repr=False
    )
    ca: Path = Field(default_factory=lambda values: values["data"] / "ca")
    host_id: Id = "machikoba"
    mqtt: Mqtt = Mqtt()
    web: Web = Web()
    alerts: AlertSettings = AlertSettings()
    influx: Influx | None = None
    processes: dict[Id, ProcessName] = PROCESSES
    foreign: tuple[ForeignMachine, ...] = ()

    @field_validator("processes", mode="before")
    @classmethod
    def _with_the_six(cls, processes: Any) -> Any:
        """Configured processes add to the six of the federation, or rename them."""
        return {**PROCESSES, **processes} if isinstance(processes, dict) else processes

    @model_validator(mode="after")
    def _foreign_machines_are_known(self) -> "Config":
        seen = set()
        for place, machine in enumerate(self.foreign):
            if machine.process not in self.processes:
                known = ", ".join(self.processes)
                raise ValueError(f"foreign.{place}.process: expected one of {known}, got {machine.process!r}")
            if (machine.factory, machine.machine) in seen:
                raise ValueError(f"foreign.{place}.machine: {machine.machine!r} stands there twice")
            seen.add((machine.factory, machine.machine))
        return self

    @property
    def zone(self) -> ZoneInfo:
        """The federation's time zone."""
        return ZoneInfo(self.time_zone)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what `load_config` merged counts: the environment is read there, between file and flags."""
        return (init_settings,)


def load_config(path: Path | None = None, flags: dict[str, Any] | None = None) -> Config:
    """Return the settings; raises ConfigError with one line for each key that is wrong.

    `flags` is nested like the file: `{"web": {"port": 8001}}`.
    """
    values = _read_file(path) if path is not None else {}
    values = _merged(_merged(values, _from_environment()), flags or {})
    try:
        return Config(**values)
    except ValidationError as error:
        where = f"{path}: " if path is not None else ""
        wrong = [item for item in error.errors() if item["type"] != "default_factory_not_called"]
        raise ConfigError("; ".join(f"{where}{_sentence(item)}" for item in wrong)) from error


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags that every command of the aggregator understands."""
    parser.add_argument("--config", type=Path, metavar="FILE", help="TOML file with the settings")
    parser.add_argument("--federation", metavar="ID", help="id of the federation")
    parser.add_argument("--data", metavar="DIR", help="folder for the database")
    parser.add_argument("--mqtt-host", metavar="HOST", help="host of the MQTT broker")
    parser.add_argument("--mqtt-port", metavar="PORT", help="port of the MQTT broker")
    parser.add_argument("--web-host", metavar="HOST", help="address that pages and API are served on")
    parser.add_argument("--web-port", metavar="PORT", help="port that pages and API are served on")


def from_arguments(arguments: argparse.Namespace) -> Config:
    """Return the settings that the flags of `add_arguments` ask for; raises ConfigError."""
    flags = {
        "federation": arguments.federation,
        "data": arguments.data,
        "mqtt": {"host": arguments.mqtt_host, "port": arguments.mqtt_port},
        "web": {"host": arguments.web_host, "port": arguments.web_port},
    }
    return load_config(arguments.config, _said(flags))


def _said(flags: dict[str, Any]) -> dict[str, Any]:
    nested = {key: _said(value) if isinstance(value, dict) else value for key, value in flags.items()}
    return {key: value for key, value in nested.items() if value is not None and value != {}}


def _read_file(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: is not valid TOML: {error}") from error


def _from_environment() -> dict[str, Any]:
    try:
        return EnvSettingsSource(Config)()
    except SettingsError as error:
        raise ConfigError(f"environment {ENV_PREFIX}*: {error}: {error.__cause__}") from error


def _merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        old = merged.get(key)
        merged[key] = _merged(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return merged


def _sentence(item: Any) -> str:
    place = ".".join(str(part) for part in item["loc"])
    if item["type"] == "extra_forbidden":
        return f"{place}: unknown setting"
    if item["type"] == "missing":
        return f"{place}: is missing"
    message = item["msg"].removeprefix("Value error, ")
    said = f"{place}: {message[0].lower()}{message[1:]}" if place else message
    secret = place.endswith(("url", "host")) or names_secret(place)
    return said if secret or isinstance(item["input"], dict) else f"{said}, got {masked(repr(item['input']))}"
