import pytest

from agent.drivers.modbus.settings import Point, Settings, points
from agent.errors import ConfigError
from agent.link import BackOff
from agent.mistakes import converted

ONE_OF = "expected exactly one of holding, input, coil, discrete"
ORDER_OF = "expected one of ABCD, BADC, CDAB, DCBA"
PARTS = {"input": 0, "type": "uint32", "order": "CDAB"}


def settings(**changes: object) -> Settings:
    table = {"host": "127.0.0.1", "signals": {"spare": {"holding": 0}, "parts": PARTS}} | changes
    return converted(table, Settings, "modbus")


def test_a_signal_becomes_a_point() -> None:
    assert points(settings().signals)[1:] == (Point("parts", "input", 0, 2, "uint32", "CDAB"),)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"host": None}, "modbus.host: is missing (or serial, for a line at this computer)"),
        ({"serial": "/dev/ttyUSB0"}, "modbus.serial: expected either host or serial, got both"),
        ({"host": None, "serial": ""}, "modbus.serial: expected a port like /dev/ttyUSB0, got an empty text"),
        (
            {"host": None, "serial": "/dev/ttyUSB0", "framing": "tcp"},
            "modbus.framing: expected rtu on a serial",
        ),
        ({"baud": 9_601}, "modbus.baud: expected one of 1200, 2400, 4800, 9600"),
    ],
)
def test_a_place_that_is_none_is_refused(table: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError) as error:
        settings(**table)
    assert message in str(error.value)


def test_a_serial_line_needs_only_its_port() -> None:
    found = settings(host=None, serial="/dev/ttyUSB0", unit=7)
    assert (found.is_rtu, found.place) == (True, "Modbus /dev/ttyUSB0 unit 7")
    assert not settings().is_rtu


@pytest.mark.parametrize("timeout_s", [0.05, 0.3, 1.0, 5.0])
@pytest.mark.parametrize("how", [{"host": None, "serial": "/dev/ttyUSB0"}, {"framing": "rtu"}])
def test_a_dead_unit_takes_less_than_a_hundredth_of_its_lines_time(
    how: dict[str, object], timeout_s: float
) -> None:
    back_off = BackOff(longest_s=settings(**how, timeout_s=timeout_s).longest_pause_s)
    pause_s = sum(back_off.pause_s(99, percent / 100) for percent in range(101)) / 101
    assert timeout_s / (timeout_s + pause_s) < 0.01


def test_a_dead_unit_that_has_a_connection_of_its_own_is_tried_every_ten_seconds() -> None:
    assert settings(timeout_s=5.0).longest_pause_s == 10.0


def test_types_have_defaults_by_table() -> None:
    table = {"load": {"holding": 7}, "green": {"discrete": 3}, "alarm": {"holding": 1, "bit": 15}}
    assert points(settings(signals=table).signals) == (
        Point("load", "holding", 7, 1, "uint16"),
        Point("green", "discrete", 3, 1, "bool"),
        Point("alarm", "holding", 1, 1, "bool", bit=15),
    )


def test_a_text_fills_as_many_registers_as_it_says() -> None:
    table = {"order_no": {"holding": 20, "type": "text", "registers": 8, "order": "BADC"}}
    assert points(settings(signals=table).signals) == (Point("order_no", "holding", 20, 8, "text", "BADC"),)


@pytest.mark.parametrize(
    ("signal", "message"),
    [
        (
            PARTS | {"order": "ABDC"},
            f".order: {ORDER_OF}, got 'ABDC'",
        ),
        (PARTS | {"type": "uint31"}, ".type: expected one of bool, float32, float64, int16"),
        (PARTS | {"ordr": "ABCD"}, ".ordr: unknown setting; did you mean order?"),
        (PARTS | {"scale": "2"}, ".scale: expected float, got str"),
        (PARTS | {"scale": 0}, ".scale: expected a number other than 0, got 0.0"),
        (PARTS | {"offset": float("nan")}, ".offset: expected a number, got nan"),
        (
            PARTS | {"holding": 0},
            ": expected exactly one of holding, input, coil, discrete, got hold",
        ),
        (
            {"type": "int16"},
            ": expected exactly one of holding, input, coil, discrete, got none",
        ),
        ({"input": 65_535, "type": "int32"}, ".input: expected 0 to 65534, got 65535"),
        ({"coil": -1}, ".coil: expected 0 to 65535, got -1"),
        ({"coil": 0, "type": "uint16"}, ".type: expected bool for a coil or discrete input, got 'uint16'"),
        ({"coil": 0, "bit": 1}, ".bit: a coil or discrete input is a bit already"),
        ({"holding": 0, "bit": 16}, ".bit: expected 0 to 15, got 16"),
        ({"holding": 0, "bit": 1, "type": "uint32"}, ".bit: expected type bool or uint16"),
        ({"holding": 0, "type": "text"}, ".registers: goes with type text, which needs it"),
        ({"holding": 0, "registers": 2}, ".registers: goes with type text"),
        ({"holding": 0, "type": "text", "registers": 126}, ".registers: expected 1 to 125, got 126"),
        ({"coil": 0, "type": "text", "registers": 2}, ".type: expected bool for a coil or discrete input"),
        (
            {"holding": 0, "type": "text", "registers": 2, "order": "CDAB"},
            ".order: expected ABCD or BADC for a text",
        ),
        ({"holding": 0, "type": "text", "registers": 2, "scale": 2}, ".scale: a text has no scale or offset"),
        ({"holding": 0, "bit": 1, "scale": 2}, ".scale: a bit has no scale or offset"),
    ],
)
def test_a_wrong_signal_is_refused_with_its_path(signal: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError) as raised:
        settings(signals={"spare": {"holding": 0}, "parts": signal})
    assert str(raised.value).startswith(f"modbus.signals.parts{message}")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"host": ""}, "host: expected a name or an address, got an empty text"),
        ({"port": 0}, "port: expected 1 to 65535, got 0"),
        ({"unit": 256}, "unit: expected 0 to 255, got 256"),
        ({"poll_ms": 1}, "poll_ms: expected 10 to 3600000, got 1"),
        ({"timeout_s": 0}, "timeout_s: expected 0.05 to 60, got 0.0"),
        ({"max_registers": 126}, "max_registers: expected 1 to 125, got 126"),
        ({"max_registers": 1}, "max_registers: expected at least 2 for signals.parts of type uint32, got 1"),
        ({"gap": -1}, "gap: expected 0 to 125, got -1"),
        ({"signals": {}}, "signals: expected at least one signal, got none"),
        ({"prot": 502}, "prot: unknown setting; did you mean port?"),
        ({"port": "502"}, "port: expected int, got str"),
    ],
)
def test_wrong_settings_are_refused_with_their_path(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError) as raised:
        settings(**changes)
    assert str(raised.value) == f"modbus.{message}"
