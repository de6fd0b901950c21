"""What an installer asks before the agent runs for good: does this machine answer, and what does it offer?

Settings or an address in, data out; `machikoba-agent check` and `discover` print it.
"""

import asyncio
import contextlib
import importlib
from collections.abc import AsyncGenerator, Callable, Iterator
from typing import Any

import msgspec

from agent.drivers import DRIVERS
from agent.drivers.finding import Finding
from agent.errors import ConfigError, LinkError
from agent.measuring.reading import Batch, Reading


async def check(driver: str, settings: Any, now: Callable[[], int], limit_s: float = 15.0) -> Batch:
    """Attach once and return one reading of every signal; raises LinkError when nothing came in `limit_s`.

    `driver` is a key of DRIVERS, `settings` its parsed Settings.
    """
    module = importlib.import_module(DRIVERS[driver].readings)
    stream: AsyncGenerator[Batch, None] = module.readings(settings, now)
    latest: dict[str, Reading] = {}
    try:
        async with asyncio.timeout(limit_s), contextlib.aclosing(stream):
            async for batch in stream:
                latest |= {reading.signal: reading for reading in batch}
                if latest.keys() >= settings.signals.keys():
                    break
    except TimeoutError:
        if not latest:
            raise LinkError(f"no values came within {limit_s:g} s") from None
    return tuple(latest[signal] for signal in settings.signals if signal in latest)


async def discover_opcua(
    url: str, *, username: str | None = None, password_file: str | None = None, limit: int = 500
) -> tuple[Finding, ...]:
    """Return up to `limit` variables of a server; raises LinkError, and ConfigError for a bad url."""
    from agent.drivers.opcua.browse import discover
    from agent.drivers.opcua.settings import Settings

    any_signal = {"time": "i=2258"}
    with _told():
        settings = Settings(url, any_signal, username=username, password_file=password_file)
    return await discover(settings, limit)


async def discover_modbus(
    host: str, port: int = 502, *, unit: int = 1, table: str = "holding", first: int = 0, count: int = 100
) -> tuple[Finding, ...]:
    """Return what can be read of a range of one table; raises LinkError, and ConfigError for a bad range."""
    from agent.drivers.modbus.scan import discover

    return await discover(_unit(host, port, unit, table, first, first + count - 1), table, first, count)


async def modbus_units(
    host: str, port: int = 502, *, last: int = 16, timeout_s: float = 1.0
) -> dict[int, str]:
    """Return the unit ids from 1 to `last` that answer, and what they said; raises as `discover_modbus`."""
    from agent.drivers.modbus.scan import answering_units

    return await answering_units(_unit(host, port, last, timeout_s=timeout_s), last)


def _unit(
    host: str, port: int, unit: int, table: str = "holding", *addresses: int, timeout_s: float = 1.0
) -> Any:
    from agent.drivers.modbus.settings import Settings, Signal

    with _told():
        signals = {str(address): msgspec.convert({table: address}, Signal) for address in addresses or (0,)}
        return Settings(signals, host, port, unit=unit, timeout_s=timeout_s)


@contextlib.contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        raise ConfigError(str(error)) from error
