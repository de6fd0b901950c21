"""Alert rules, asked of a real InfluxDB as Grafana would: alarming is what should be, by its labels."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from agent.contract.records import MINUTE_MS
from agent.contract.states import State
from aggregator.config import AlertSettings
from aggregator.model.machine import MachineKey
from aggregator.model.point import Point
from aggregator.model.window import Window
from aggregator.store.influx.influx import Influx
from aggregator.store.influx.server import Server
from dashboards.alerts import ALERTS
from dashboards.japanese import JAPANESE
from tests.aggregator.busy_town import whole
from tests.aggregator.town import NOW_MS
from tests.dashboards.database import asking
from tests.dashboards.rules import RULES, asked
from tests.dashboards.shown import board
from tests.influx_engine import InfluxEngine

MINUTE = NOW_MS // MINUTE_MS * MINUTE_MS - MINUTE_MS

Trouble = Callable[[str], dict[tuple[str, ...], bool]]
"""A rule's name in; by the labels of a series whether it is alarming out."""


@pytest.fixture(scope="module")
def trouble(influxdb: InfluxEngine, influx_server: Server) -> Iterator[Trouble]:
    """What a rule says of a bucket in which something of every kind is wrong, and something is right."""
    with influxdb.bucket("trouble") as bucket, asking(influxdb) as database:
        _make_trouble(Influx(influx_server, bucket, 36_500))
        yield lambda name: asked(database, name, bucket)


def _make_trouble(home: Influx) -> None:
    states = {"down": State.DOWN, "idle": State.IDLE, "unheard": State.OFFLINE}
    home.write([_minute(MachineKey("aoki", name), state) for name, state in states.items()], [])
    late = {"sure": 0.9, "even": AlertSettings().raise_at, "calm": 0.1}
    home.results.write(
        [
            *(
                Point("agents", {"factory": f}, MINUTE, {"connected": n})
                for f, n in (("aoki", 1), ("mori", 0))
            ),
            *(Point("orders", {"order": o}, MINUTE, {"late": p, "late_known": 1}) for o, p in late.items()),
            Point("orders", {"order": "unknown"}, MINUTE, {"late": 0.0, "late_known": 0}),
        ]
    )


def test_a_machine_that_is_down_is_alarming_and_one_that_is_not_heard_is_not(trouble: Trouble) -> None:
    assert trouble("machine-down") == {
        ("aoki", "down"): True,
        ("aoki", "idle"): False,
        ("aoki", "unheard"): False,
    }
    assert RULES["machine-down"]["for"] == "30m"


def test_an_agent_that_is_silent_is_alarming_and_so_is_an_aggregator_that_writes_nothing(
    trouble: Trouble,
) -> None:
    assert trouble("agent-silent") == {("aoki",): False, ("mori",): True}
    assert RULES["agent-silent"]["noDataState"] == "Alerting"


def test_an_order_at_risk_is_alarming_from_where_the_aggregator_alerts(trouble: Trouble) -> None:
    assert trouble("order-at-risk") == {("sure",): True, ("even",): True, ("calm",): False}
    assert RULES["order-at-risk"]["for"] == f"{AlertSettings().for_s / 60:.0f}m"


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert.name)
def test_a_rule_leads_to_the_panel_that_shows_it(alert: Any) -> None:
    annotations = RULES[alert.name]["annotations"]
    name, title = alert.panel
    assert annotations["__dashboardUid__"] == f"machikoba-{name}-ja"
    panels = {str(panel["id"]): panel["title"] for panel in board(name, "en").panels}
    assert panels[annotations["__panelId__"]] == title
    japanese = {str(panel["id"]): panel["title"] for panel in board(name, "ja").panels}
    assert japanese[annotations["__panelId__"]] == JAPANESE[title]


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert.name)
def test_texts_name_only_labels_that_the_query_gives(alert: Any) -> None:
    labels = set(re.findall(r'"(\w+)"', alert.query.split("GROUP BY")[1]))
    for text in (alert.summary, alert.advice):
        for said in (text.ja, text.en):
            assert set(re.findall(r"\{\{ \.Labels\.(\w+) \}\}", said)) <= labels
    assert "Labels" in alert.summary.ja
    assert "Labels" in alert.summary.en


def _minute(key: MachineKey, state: State) -> Window:
    return Window(key, MINUTE, MINUTE_MS, whole(state, MINUTE_MS), 0, None, None, None, "")
