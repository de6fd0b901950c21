"""agent.toml in, one frozen, checked value out; whatever is wrong is told with its place in the file."""

import importlib
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal, Protocol

import msgspec

from agent.contract.tls import TlsFiles
from agent.contract.topics import valid_id
from agent.delivery import Policy
from agent.drivers import DRIVERS, DriverEntry
from agent.errors import ConfigError
from agent.measuring.machine import MachineRules
from agent.merging import Bounds
from agent.mistakes import converted, mistake, unknown_key
from agent.sharing import Share, ShareCycles, Sharing

Name = Annotated[str, msgspec.Meta(max_length=200)]
"""Longer ones are refused at the centre, and a birth has to fit into one message."""


_FILES = ("password_file", "ca_file", "certificate_file", "key_file")


class Mqtt(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The table `[mqtt]`: where the broker is, and who we are there."""

    host: str
    port: int = 1883
    username: str | None = None
    password_file: str | None = None
    ca_file: str | None = None
    certificate_file: str | None = None
    key_file: str | None = None
    protocol: Literal["3.1.1", "5"] = "3.1.1"
    primary_host: str | None = None
    keepalive_s: int = 15

    def __post_init__(self) -> None:
        _require_host(self.host)
        _require("port", self.port, 1, 65_535)
        _require("keepalive_s", self.keepalive_s, 5, 3_600)
        if self.password_file is not None and self.username is None:
            raise ValueError("password_file: expected a username beside it, got none")
        if self.primary_host is not None and not valid_id(self.primary_host):
            raise ValueError(
                f"primary_host: expected the host_id of the aggregator, got {self.primary_host!r}"
            )
        if (self.certificate_file is None) != (self.key_file is None):
            raise ValueError("certificate_file and key_file: expected both or neither, got one")
        if self.certificate_file is not None and self.ca_file is None:
            raise ValueError("ca_file: expected the authority of the broker's certificate, got none")

    @property
    def tls(self) -> TlsFiles | None:
        """The files of the encrypted line; None: it is not encrypted."""
        if self.ca_file is None:
            return None
        own = [None if file is None else Path(file) for file in (self.certificate_file, self.key_file)]
        return TlsFiles(Path(self.ca_file), *own)

    def below(self, folder: Path) -> "Mqtt":
        """Return the same with files that are named relatively found in `folder`."""
        files = {name: getattr(self, name) for name in _FILES}
        found = {name: str(folder / file) for name, file in files.items() if file is not None}
        return msgspec.structs.replace(self, **found)


class Factory(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file without its machines; windows of a machine that is new here begin at `measured_since`."""

    federation: str
    factory: str
    data: str
    mqtt: Mqtt
    name: Name = ""
    delivery: Policy = Policy()
    outbox: Bounds = Bounds()
    measured_since: datetime | None = None
    wait_for_clock_h: float = 24.0

    def __post_init__(self) -> None:
        if self.measured_since is not None and self.measured_since.tzinfo is None:
            raise ValueError("measured_since: expected a time with its offset, as 2026-11-22T19:00:00+09:00")
        _require("wait_for_clock_h", self.wait_for_clock_h, 0, 8_760)


class MachineTable(MachineRules, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The table `[[machines]]` without the driver's own table."""

    id: str
    process: str
    driver: str
    name: Name = ""
    share: Share = "full"
    share_cycles: ShareCycles | None = None


class DriverSettings(Protocol):
    """What every driver's Settings have; `silence_s`, `longest_pause_s`: not where time is the log's own."""

    @property
    def signals(self) -> Mapping[str, Any]:
        """Signal -> where the machine keeps it."""


@dataclass(frozen=True, slots=True)
class Machine:
    """One machine: who it is, how it is read, what is made of what is read, and what of that leaves."""

    id: str
    name: str
    process: str
    driver: str
    settings: DriverSettings
    rules: MachineRules
    sharing: Sharing

    @property
    def entry(self) -> DriverEntry:
        """The driver's line in the table of drivers."""
        return DRIVERS[self.driver]


@dataclass(frozen=True, slots=True)
class Config:
    """Everything one agent is told; ids match ID_PATTERN, names are any text."""

    federation: str
    factory: str
    name: str
    data: Path
    mqtt: Mqtt
    delivery: Policy
    outbox: Bounds
    machines: tuple[Machine, ...]
    measured_since_ms: int | None = None
    wait_for_clock_s: float = 0.0


def load_config(path: Path) -> Config:
    """Read and check a file; raises ConfigError: `agent.toml: machines[2].modbus.port: expected ...`.

    Files of `[mqtt]` that are named relatively lie beside it.
    """
    try:
        config = parse_config(_toml(path))
        return replace(config, mqtt=config.mqtt.below(path.parent))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8-sig"))  # Windows' editor begins files with a mark
    except UnicodeDecodeError as error:
        raise ConfigError(f"is not UTF-8 text (byte {error.start + 1}); save it as UTF-8") from error
    except RecursionError as error:
        raise ConfigError("is not valid TOML: nested too deeply") from error
    except ValueError as error:  # TOMLDecodeError, and a number of thousands of digits
        raise ConfigError(f"is not valid TOML: {error}") from error


def parse_config(document: Mapping[str, Any]) -> Config:
    """Check a parsed document; raises ConfigError with the path of what is wrong."""
    _require_known(document)
    rest = {key: value for key, value in document.items() if key != "machines"}
    factory = converted(rest, Factory)
    _require_id("federation", factory.federation)
    _require_id("factory", factory.factory)
    if not factory.data:
        raise mistake("data", "expected a folder for the outbox, got an empty text")
    if "\0" in factory.data:
        raise mistake("data", f"expected a folder for the outbox, got {factory.data!r}")
    machines = tuple(
        _machine(f"machines[{place}]", table) for place, table in enumerate(_tables(document.get("machines")))
    )
    _require_unique([machine.id for machine in machines])
    since = factory.measured_since
    return Config(
        factory.federation,
        factory.factory,
        factory.name or factory.factory,
        Path(factory.data),
        factory.mqtt,
        factory.delivery,
        factory.outbox,
        machines,
        None if since is None else round(since.timestamp() * 1000),
        factory.wait_for_clock_h * 3_600,
    )


def _require_known(document: Mapping[str, Any]) -> None:
    known = [*Factory.__struct_fields__, "machines"]
    for key in document:
        if key not in known:
            raise mistake(key, unknown_key(key, known))


def _tables(machines: object) -> Sequence[Mapping[str, Any]]:
    if machines is None or machines == []:
        raise mistake("machines", "expected at least one [[machines]], got none")
    if not isinstance(machines, list) or not all(isinstance(table, dict) for table in machines):
        raise mistake("machines", "expected tables, each written as [[machines]]")
    return machines


def _machine(place: str, table: Mapping[str, Any]) -> Machine:
    driver = table.get("driver")
    if not isinstance(driver, str) or driver not in DRIVERS:
        wrong = f"expected one of {', '.join(DRIVERS)}, got {driver!r}"
        raise mistake(f"{place}.driver", "is missing" if driver is None else wrong)
    own = {key: value for key, value in table.items() if key != driver}
    for other in own.keys() & DRIVERS.keys():
        raise mistake(f"{place}.{other}", f"this machine's driver is {driver}; remove this table")
    parsed = converted(own, MachineTable, place)
    _require_id(f"{place}.id", parsed.id)
    _require_id(f"{place}.process", parsed.process)
    settings = _settings(f"{place}.{driver}", parsed.driver, table.get(parsed.driver))
    for path, signal in _signals_used(parsed):
        if signal not in settings.signals:
            known = ", ".join(settings.signals)
            raise mistake(f"{place}.{path}", f"no such signal: {signal!r}; {driver}.signals has {known}")
    name = parsed.name or parsed.id
    sharing = Sharing(parsed.share, parsed.share_cycles)
    return Machine(parsed.id, name, parsed.process, parsed.driver, settings, parsed, sharing)


def _settings(place: str, driver: str, table: object) -> DriverSettings:
    if not isinstance(table, dict):
        raise mistake(place, f"is missing; add the table [machines.{driver}]")
    # The module of settings is light: it imports no protocol's library.
    kind = importlib.import_module(DRIVERS[driver].settings).Settings
    settings: DriverSettings = converted(table, kind, place)
    return settings


def _signals_used(machine: MachineTable) -> Iterable[tuple[str, str]]:
    """Yield where in the machine's table a signal is named, and its name."""
    for place, rule in enumerate(machine.rules):
        for signal in rule.when:
            yield f"rules[{place}].when.{signal}", signal
    for name, counting in (("cycles", machine.cycles), ("scrap", machine.scrap)):
        if counting is not None:
            yield f"{name}.{'counter' if counting.counter else 'edge'}", counting.signal
    if machine.job is not None:
        yield "job.signal", machine.job.signal


def _require_host(host: str) -> None:
    if not host:
        raise ValueError("host: expected a name or an address, got an empty text")
    if any(sign in host for sign in "@/"):
        raise ValueError(
            "host: expected a name or an address alone; user and password have their own settings"
        )
    try:
        host.encode("idna")
    except UnicodeError:
        raise ValueError(f"host: expected a name or an address, got {host!r}") from None


def _require(name: str, value: float, lowest: float, highest: float) -> None:
    if not lowest <= value <= highest:
        raise ValueError(f"{name}: expected {lowest} to {highest}, got {value}")


def _require_id(place: str, text: str) -> None:
    if not valid_id(text):
        raise mistake(
            place,
            f"expected 1 to 64 letters, digits, '.', '_' or '-', the first a letter or digit, got {text!r}",
        )


def _require_unique(ids: Sequence[str]) -> None:
    for place, machine in enumerate(ids):
        if machine in ids[:place]:
            first = ids.index(machine)
            raise mistake(f"machines[{place}].id", f"{machine!r} is the id of machines[{first}] already")
