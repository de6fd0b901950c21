import pytest

from agent.drivers.opcua.settings import Settings
from agent.errors import ConfigError
from agent.mistakes import converted

SIGNALS = {"parts": "nsu=urn:maker:machine;s=Parts"}


def settings(**changes: object) -> Settings:
    return converted({"url": "opc.tcp://127.0.0.1:4840", "signals": SIGNALS} | changes, Settings, "opcua")


def test_a_server_needs_only_its_url_and_signals() -> None:
    assert (settings().publishing_interval_ms, settings().resync_s) == (250, 5.0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"signals": {"parts": "ns=2;s=Parts"}},
            "signals.parts: the index in 'ns=2;s=Parts' changes from server",
        ),
        ({"signals": {}}, "signals: expected at least one signal, got none"),
        (
            {"url": "opc.tcp://127.0.0.1"},
            "url: expected a URL like 'opc.tcp://192.168.0.10:4840', got 'opc.tcp://12",
        ),
        ({"url": "http://127.0.0.1:80"}, "url: expected a URL like"),
        ({"url": "opc.tcp://127.0.0.1:99999"}, "url: expected a URL like"),
        (
            {"url": "opc.tcp://me:secret@127.0.0.1:4840"},
            "url: put the user's name into username and the password",
        ),
        ({"publishing_interval_ms": 1}, "publishing_interval_ms: expected 10 to 60000, got 1"),
        ({"sampling_interval_ms": -2}, "sampling_interval_ms: expected 0 to 60000, got -2"),
        ({"resync_s": 0}, "resync_s: expected 0.1 to 300, got 0.0"),
        ({"timeout_s": 0.01}, "timeout_s: expected 0.1 to 60, got 0.01"),
        ({"password_file": "/etc/x"}, "password_file: expected a username beside it, got none"),
        ({"security": "None"}, "security: unknown setting; known: url"),
        ({"password": "x"}, "password: unknown setting; did you mean password_file?"),
    ],
)
def test_wrong_settings_are_refused_with_their_path(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError) as raised:
        settings(**changes)
    assert str(raised.value).startswith(f"opcua.{message}")
    assert "secret" not in str(raised.value)
