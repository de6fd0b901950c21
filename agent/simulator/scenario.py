"""The scenario file: TOML in, the checked plant out; mistakes are told with the path of the key."""

import re
import tomllib
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from agent.errors import ConfigError
from agent.mistakes import converted, mistake
from agent.simulator.checks import check_choice, check_id
from agent.simulator.machines import make_machines
from agent.simulator.plant import Factory, Scenario
from agent.simulator.shifts import DAY_MIN, Interval, Shift
from agent.simulator.tables import WEEKDAYS, FactoryTable, ScenarioTable, ShiftTable

_TIME = re.compile(r"^([01]\d|2[0-3]):([0-5]\d)$|^24:00$")


def load_scenario(path: Path) -> Scenario:
    """Read and check a scenario file; raises ConfigError with file, place and cure."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(
            f"{path}: cannot be read ({error.strerror}); name an existing scenario file"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: is not TOML: {error}") from error
    try:
        return parse_scenario(document)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error


def parse_scenario(document: dict[str, Any]) -> Scenario:
    """Turn a parsed TOML document into the plant; raises ConfigError with place and cure."""
    table = converted(document, ScenarioTable)
    check_id("federation", table.federation, set())
    anchor_ms = _moment("anchor", table.anchor)
    factories = _factories(table)
    machines = make_machines(table, factories, anchor_ms, _end_ms(table, anchor_ms))
    return Scenario(table.federation, anchor_ms, tuple(factories), tuple(machines))


def _end_ms(table: ScenarioTable, anchor_ms: int) -> int | None:
    if table.ends_at is not None and table.stop_after_s is not None:
        raise mistake("stop_after_s", "says the same as ends_at; keep one of them")
    if table.stop_after_s is not None:
        return anchor_ms + int(table.stop_after_s * 1000)
    return None if table.ends_at is None else _moment("ends_at", table.ends_at)


def _moment(place: str, moment: datetime) -> int:
    if moment.tzinfo is None:
        raise mistake(place, f"needs an offset, as in {moment.isoformat()}+09:00")
    return round(moment.timestamp() * 1000)


def _factories(table: ScenarioTable) -> list[Factory]:
    ids: set[str] = set()
    ports: dict[int, str] = {}
    factories = []
    for index, entry in enumerate(table.factories):
        place = f"factories[{index}]"
        check_id(f"{place}.id", entry.id, ids)
        _check_ports(place, entry, ports)
        zone = _zone(
            f"{place}.time_zone" if entry.time_zone else "time_zone", entry.time_zone or table.time_zone
        )
        shifts = tuple(_shift(f"{place}.shifts[{nth}]", shift) for nth, shift in enumerate(entry.shifts))
        closed = frozenset(entry.closed)
        name = entry.name or entry.id
        factories.append(Factory(entry.id, name, zone, shifts, closed, entry.opcua_port, entry.modbus_port))
    return factories


def _check_ports(place: str, entry: FactoryTable, taken: dict[int, str]) -> None:
    if entry.opcua_port is None and entry.modbus_port is None:
        raise mistake(f"{place}.opcua_port", "is missing; give opcua_port or modbus_port, or both")
    for key, port in (("opcua_port", entry.opcua_port), ("modbus_port", entry.modbus_port)):
        if port is None:
            continue
        if port in taken:
            raise mistake(f"{place}.{key}", f"{port} is already {taken[port]}; choose another port")
        taken[port] = f"{place}.{key}"


def _zone(place: str, name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        cure = "write a name such as Asia/Tokyo, or install the package tzdata"
        raise mistake(place, f"{name!r} is not known on this computer; {cure}") from error


def _shift(place: str, table: ShiftTable) -> Shift:
    for nth, day in enumerate(table.days):
        check_choice(f"{place}.days[{nth}]", day, WEEKDAYS)
    start, end = _minutes(f"{place}.start", table.start), _minutes(f"{place}.end", table.end)
    end += DAY_MIN if end <= start else 0
    breaks = tuple(
        _break(f"{place}.breaks[{nth}]", text, start, end) for nth, text in enumerate(table.breaks)
    )
    return Shift(frozenset(WEEKDAYS.index(day) for day in table.days), start, end, breaks)


def _break(place: str, text: str, shift_start: int, shift_end: int) -> Interval:
    first, dash, last = text.partition("-")
    if not dash:
        raise mistake(place, f'expected a stretch such as "12:00-12:45", got {text!r}')
    start, end = _minutes(place, first.strip()), _minutes(place, last.strip())
    start += DAY_MIN if start < shift_start else 0
    end += DAY_MIN if end <= start else 0
    if end > shift_end:
        raise mistake(place, f"{text} does not lie inside its shift; move it")
    return start, end


def _minutes(place: str, text: str) -> int:
    if not _TIME.match(text):
        raise mistake(place, f'expected a time of day such as "08:30", got {text!r}')
    return int(text[:2]) * 60 + int(text[3:])
