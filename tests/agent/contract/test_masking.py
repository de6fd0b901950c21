"""What may be repeated to people of an address or a setting, and what not."""

import pytest

from agent.contract.masking import masked, masked_queries, names_secret


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql://me:hidden@db:5432/x", "postgresql://…@db:5432/x"),
        ("http://hidden@influx", "http://…@influx"),
        ("https://me:a/hidden@b@h/x", "https://…@h/x"),
        ("'mqtt://me:hidden@h', 'http://h/a'", "'mqtt://…@h', 'http://h/a'"),
        ("postgresql://db/x?user=me&password=hidden&a=1", "postgresql://db/x?user=me&password=…&a=1"),
        ("https://h/hook?Token=hidden#a", "https://h/hook?Token=…#a"),
        ("opc.tcp://192.168.0.10:4840", "opc.tcp://192.168.0.10:4840"),
        ("kenta@example.jp", "kenta@example.jp"),
    ],
)
def test_passwords_in_addresses_are_hidden(text: str, shown: str) -> None:
    assert masked(text) == shown


def test_of_a_database_the_user_may_be_told() -> None:
    assert (
        masked_queries("postgresql://me:***@db/x?sslpassword=hidden")
        == "postgresql://me:***@db/x?sslpassword=…"
    )


@pytest.mark.parametrize(
    "name", ["mqtt.password", "mqtt.password_file", "influx.token", "mqtt.key_file", "key"]
)
def test_settings_named_like_secrets_are_known(name: str) -> None:
    assert names_secret(name)


@pytest.mark.parametrize(
    "name", ["mqtt.host", "machines[0].cycles.counter", "keepalive_s", "alerts.email.to"]
)
def test_other_settings_are_not(name: str) -> None:
    assert not names_secret(name)
