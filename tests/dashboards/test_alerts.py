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
from tests.dashboards.rules import RULES, asked, rings
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


def test_a_machine_rings_once_it_was_down_for_half_an_hour_and_no_longer_than_it_is_heard(
    influxdb: InfluxEngine, influx_home: Influx
) -> None:
    histories = {
        "short": "R" * 5 + "D" * 29 + "R" * 26,
        "long": "R" * 5 + "D" * 45 + "R" * 10,
        "twice": "R" * 5 + "D" * 20 + "I" + "D" * 34,
        "unheard": "R" * 5 + "D" * 20 + "." * 35,
        "cut off": "R" * 5 + "D" * 40 + "." * 15,
    }
    states = {"R": State.RUNNING, "D": State.DOWN, "I": State.IDLE}
    start_ms = MINUTE - 60 * MINUTE_MS
    for name, text in histories.items():
        key = MachineKey("aoki", name.replace(" ", "-"))
        minutes = [(start_ms + at * MINUTE_MS, states.get(letter)) for at, letter in enumerate(text)]
        influx_home.write([_minute(key, state, at) for at, state in minutes if state is not None], [])
        influx_home.results.mark_silence([key], MINUTE + 4 * MINUTE_MS)
    with asking(influxdb) as database:
        moments = range(start_ms, MINUTE + MINUTE_MS, MINUTE_MS)
        found = rings(database, "machine-down", influx_home.bucket, moments)
    told = {labels[1]: [(at - start_ms) // MINUTE_MS for at in times] for labels, times in found.items()}
    assert told == {
        "long": list(range(35, 50)),
        "twice": list(range(56, 60)),
        "cut-off": list(range(35, 45)),
    }


def test_an_agent_rings_after_ten_minutes_of_silence(influxdb: InfluxEngine, influx_home: Influx) -> None:
    start_ms = MINUTE - 30 * MINUTE_MS
    for factory, text in (("aoki", "1" * 5 + "0" * 10 + "1" * 15), ("mori", "1" * 5 + "0" * 15 + "1" * 10)):
        influx_home.results.write(
            [
                Point("agents", {"factory": factory}, start_ms + at * MINUTE_MS, {"connected": int(said)})
                for at, said in enumerate(text)
            ]
        )
    with asking(influxdb) as database:
        moments = range(start_ms, MINUTE + MINUTE_MS, MINUTE_MS)
        found = rings(database, "agent-silent", influx_home.bucket, moments)
    told = {labels: [(at - start_ms) // MINUTE_MS for at in times] for labels, times in found.items()}
    assert told == {("mori",): list(range(15, 20))}


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


def _minute(key: MachineKey, state: State, at_ms: int = MINUTE) -> Window:
    return Window(key, at_ms, MINUTE_MS, whole(state, MINUTE_MS), 0, None, None, None, "")
