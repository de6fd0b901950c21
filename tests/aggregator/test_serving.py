"""What tests start for themselves is not left behind when it does not come up."""

from pathlib import Path

import psutil
import pytest

from tests.aggregator.serving import Serve


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
