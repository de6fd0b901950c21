from dataclasses import replace
from html import unescape

import pytest

from aggregator.config import Config, Mqtt
from tests.aggregator.faces import browsing, sign_in
from tests.aggregator.town import Town, served


@pytest.mark.parametrize("path", ["/", "/floor"])
def test_who_attaches_a_machine_reads_the_broker_as_factories_reach_it(empty_town: Town, path: str) -> None:
    mqtt = Mqtt(host="127.0.0.1", port=1883, public_host="mqtt.example.jp", public_port=8883)
    old = empty_town.services
    config = Config(federation="higashimachi", data=old.config.data, mqtt=mqtt)
    town = replace(empty_town, services=replace(old, config=config))
    with served(town) as (url, _), browsing(url) as client:
        sign_in(client)
        html = unescape(client.get(path).text)
    assert 'host = "mqtt.example.jp"\nport = 8883' in html
    assert "127.0.0.1" not in html
