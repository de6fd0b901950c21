"""What tests start for themselves is not left behind when it does not come up."""

from pathlib import Path

import psutil
import pytest

from aggregator.config import Web
from tests.aggregator.serving import Serve, caller


@pytest.mark.parametrize(
    ("mqtt_port", "within_s", "said"),
    [(0, 60, "it ended: .*mqtt.port"), (1883, 0.0, "not within 0 s: it serves")],
)
def test_a_server_that_does_not_come_up_is_gone_when_its_test_fails(
    tmp_path: Path, mqtt_port: int, within_s: float, said: str
) -> None:
    serve = Serve(tmp_path, mqtt_port)
    with pytest.raises(AssertionError, match=said):
        serve.start(within_s)
    assert not psutil.pid_exists(serve.pid)


@pytest.mark.parametrize(
    ("proxies", "peer", "seen"),
    [
        (Web().proxies, "127.0.0.1", "203.0.113.9"),
        (Web().proxies, "::1", "203.0.113.9"),
        (Web().proxies, "172.18.0.5", "172.18.0.5"),
        ("172.16.0.0/12, 192.0.2.1", "172.18.0.5", "203.0.113.9"),
        ("172.16.0.0/12, 192.0.2.1", "192.0.2.1", "203.0.113.9"),
        ("172.16.0.0/12, 192.0.2.1", "192.0.2.2", "192.0.2.2"),
    ],
)
def test_only_a_proxy_of_ours_tells_who_asks(proxies: str, peer: str, seen: str) -> None:
    assert caller(proxies, peer, "203.0.113.9") == seen
    if seen != peer:
        assert caller(proxies, peer, "198.51.100.1, 203.0.113.9") == seen, (
            "the first one is the caller's word"
        )
