"""The table of drivers: name in `agent.toml` -> where its settings and its readings live.

Both are named as text and imported on use, so that a factory without OPC UA never pays for asyncua.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DriverEntry:
    """`settings`: the module of the msgspec class `Settings`; `readings`: that of the generator.

    With `event_time` the machine's time is the readings' time, and the wall clock does not advance it.
    """

    settings: str
    readings: str
    event_time: bool = False


DRIVERS: dict[str, DriverEntry] = {
    name: DriverEntry(
        f"agent.drivers.{name}.settings", f"agent.drivers.{name}.driver", event_time=name == "replay"
    )
    for name in ("modbus", "opcua", "replay")
}
