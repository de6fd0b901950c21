"""The tables of a scenario file, as they are written; `scenario.py` makes the plant from them."""

from datetime import date, datetime
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from agent.simulator.rhythm import Share

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

Port = Annotated[int, Meta(ge=1, le=65535)]
Load = Share | Annotated[list[Share], Meta(min_length=7, max_length=7)]


class ShiftTable(Struct, frozen=True, forbid_unknown_fields=True):
    """`{ days = ["mon"], start = "08:00", end = "17:00", breaks = ["12:00-12:45"] }`, also over midnight."""

    days: list[str]
    start: str
    end: str
    breaks: list[str] = []


class FactoryTable(Struct, frozen=True, forbid_unknown_fields=True):
    """`[[factories]]`: at least one port; `load` is the share of open time with orders, seven from Monday."""

    id: str
    shifts: list[ShiftTable]
    name: str = ""
    time_zone: str | None = None
    opcua_port: Port | None = None
    modbus_port: Port | None = None
    load: Load = 0.8
    closed: list[date] = []


class EventTable(Struct, frozen=True, forbid_unknown_fields=True):
    """`[[machines.events]]`: the machine is in `state` from `after_s` after the anchor, for `for_s`."""

    after_s: Annotated[float, Meta(ge=0)]
    state: Literal["RUNNING", "SETUP", "IDLE", "DOWN", "PLANNED_STOP"]
    for_s: Annotated[float, Meta(ge=0.001)]


class MachineTable(Struct, frozen=True, forbid_unknown_fields=True):
    """`[[machines]]`: one machine of a factory; what is absent comes from its kind or its factory."""

    id: str
    factory: str
    kind: str
    name: str = ""
    process: str | None = None
    protocol: Literal["opcua", "modbus"] | None = None
    unit: Annotated[int, Meta(ge=1, le=247)] | None = None
    order: Literal["ABCD", "CDAB", "BADC", "DCBA"] = "ABCD"
    counter_bits: Literal[16, 32] | None = None
    initial_count: Annotated[int, Meta(ge=0, le=2**32 - 1)] = 0
    pieces_per_cycle: Annotated[int, Meta(ge=1)] = 1
    counts_scrap: bool = True
    load: Load | None = None
    rhythm: dict[str, float] = {}
    events: list[EventTable] = []
    work_order: Annotated[str, Meta(max_length=32)] | None = None
    agent: dict[str, Any] = {}


class ScenarioTable(Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file. `ends_at`, or `stop_after_s` after the anchor, is when every machine stops for good."""

    federation: str
    seed: int | str
    anchor: datetime
    factories: Annotated[list[FactoryTable], Meta(min_length=1)]
    machines: Annotated[list[MachineTable], Meta(min_length=1)]
    time_zone: str = "Asia/Tokyo"
    ends_at: datetime | None = None
    stop_after_s: Annotated[float, Meta(ge=0)] | None = None
