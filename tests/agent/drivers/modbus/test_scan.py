import tomllib

import pytest

from agent import commissioning
from agent.drivers.finding import snippet
from agent.errors import ConfigError, LinkError
from tests.agent.drivers.modbus.peer import exception_pdu, free_port, registers_pdu, scripted, serving


async def test_the_registers_that_answer_are_found_around_those_that_do_not() -> None:
    async with serving({0: [10, 11, 12], 70: [80]}) as peer:
        findings = await commissioning.discover_modbus("127.0.0.1", peer.port, count=100)
    assert {finding.toml: finding.value for finding in findings} == {
        "{ holding = 0 }": 10,
        "{ holding = 1 }": 11,
        "{ holding = 2 }": 12,
        "{ holding = 70 }": 80,
    }
    assert tomllib.loads(snippet(findings))["holding_70"] == {"holding": 70}


async def test_bits_are_found_as_bools() -> None:
    async with serving() as peer:
        await peer.put("discrete", 1, [True])
        findings = await commissioning.discover_modbus("127.0.0.1", peer.port, table="discrete", count=3)
    assert [(finding.value, finding.type) for finding in findings] == [
        (False, "bool"),
        (True, "bool"),
        (False, "bool"),
    ]


async def test_units_that_answer_are_told_from_those_that_do_not() -> None:
    def answer(unit: int, function: int) -> bytes | None:
        return {
            2: registers_pdu(function, [5]),
            3: exception_pdu(function, 1),
            4: exception_pdu(function, 11),
        }.get(unit)

    async with scripted(lambda _function, _address, _count: None, by_unit=answer) as port:
        units = await commissioning.modbus_units("127.0.0.1", port, last=4, timeout_s=0.1)
    assert units == {2: "holding 0 is 5", 3: "exception 1: illegal function (holding 0)"}


async def test_a_bad_range_and_a_dead_host_are_told_apart() -> None:
    with pytest.raises(ConfigError, match="holding: expected 0 to 65535, got 65599"):
        await commissioning.discover_modbus("127.0.0.1", first=65_500)
    with pytest.raises(ConfigError, match="unit: expected 0 to 255, got 300"):
        await commissioning.modbus_units("127.0.0.1", last=300)
    with pytest.raises(ConfigError, match="holdings"):
        await commissioning.discover_modbus("127.0.0.1", table="holdings")
    with pytest.raises(LinkError, match="nothing listens there"):
        await commissioning.modbus_units("127.0.0.1", free_port())
