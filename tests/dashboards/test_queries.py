"""Every query of every dashboard, asked as Grafana would: the series it needs, the API's numbers."""

import re
from datetime import datetime
from typing import Any

import pytest

from agent.contract.records import HOUR_MS, MINUTE_MS
from agent.contract.states import STATES, State
from aggregator.alerting.rule import lateness
from aggregator.config import PROCESSES as CONFIGURED
from aggregator.model.point import Point
from aggregator.results.kpi_points import KPI_HOURS, NO_PROCESS
from aggregator.store.influx.influx import Influx
from dashboards.files import files
from tests.aggregator.busy_town import TOWN, machines_of
from tests.aggregator.faces import browsing, sign_in
from tests.aggregator.town import NOW_MS, ZONE
from tests.dashboards.database import asking
from tests.dashboards.demo import DAY_MS, FORMER_MS, KEY, SINCE_MS, UNTIL_MS, Demo
from tests.dashboards.grafana import ALL, Span, filled, offered
from tests.dashboards.rules import RULES, asked
from tests.dashboards.shown import PROCESSES, answer, answers, board, choices
from tests.influx_engine import InfluxEngine

ORDER = "2026-0001"
BOARDS = ("live-capacity", "machine", "agents")
LIVE = "live-capacity"
MIDNIGHT_MS = NOW_MS // DAY_MS * DAY_MS - 9 * HOUR_MS
"""Of this day in Tokyo."""
TODAY = Span(MIDNIGHT_MS, NOW_MS, points=0.05)
"""In one stretch: that of a week, as days of UTC begin at nine in Tokyo."""
QUANTILES = {"p10": "p10", "p50": "p50", "p90": "p90"}
MACHINES = {(id_, machine.key.machine) for id_, one in TOWN.items() for machine in machines_of(id_, one)}


def only(points: dict[int, Any]) -> Any:
    """Return the only value there is."""
    [value] = [value for value in points.values() if value is not None]
    return value


def close(value: float) -> Any:
    """Return what a sum in another order equals."""
    return pytest.approx(value, rel=1e-9, abs=1e-9)


def hours(value: float) -> Any:
    """Return what equals hours of the API, which rounds to four places."""
    return pytest.approx(value, abs=6e-5)


@pytest.mark.parametrize(
    ("name", "language"), [*((name, "en") for name in BOARDS), ("machine", "ja")]
)  # in both languages the same is asked; only the machine's columns are called after states
def test_every_target_finds_something(demo: Demo, name: str, language: str) -> None:
    silent = [
        (each.asked.panel, each.asked.ref_id)
        for each in answers(demo, board(name, language))
        if not (each.rows if each.asked.as_table else each.series)
    ]
    without = {f"inspection: {word}" for word in ("週ごとの空き時間", "spare hours by week")}
    assert {panel for panel, _ in silent} <= without  # its only factory has no calendar


@pytest.mark.parametrize("name", BOARDS)
def test_every_override_names_a_column_that_is_there(demo: Demo, name: str) -> None:
    shown = board(name)
    columns: dict[str, set[str]] = {}
    for each in answers(demo, shown):
        found = {key for row in each.rows for key in row} if each.asked.as_table else each.names()
        columns.setdefault(each.asked.panel, set()).update(found)
    for panel in shown.panels:
        for step in panel.get("transformations", []):
            columns.setdefault(panel["title"], set()).add(step["options"].get("alias", ""))
        titles = [title for title in columns if title == panel["title"] or panel.get("repeat")]
        there = set().union(*(columns[title] for title in titles))
        named = {each["matcher"]["options"] for each in panel["fieldConfig"]["overrides"]}
        elsewhere = {"Time", "machine", "factory", "week", "level", "committed", "declared", *CONFIGURED}
        assert named - there <= elsewhere, panel["title"]


def test_variables_offer_factories_processes_and_machines(demo: Demo) -> None:
    shown = board(LIVE)
    assert choices(demo, shown, "factory") == sorted(TOWN)
    assert choices(demo, shown, "machine") == ["m-1", "m-2", "m-3", "m-4"]
    shown.values["process"] = ["surface_treatment"]
    assert choices(demo, shown, "machine") == ["m-1", "m-2", "m-3"]
    shown.values["factory"] = ["nishino"]
    assert choices(demo, shown, "machine") == ["m-1", "m-2"]
    assert set(PROCESSES) <= set(offered(shown.variables["process"]))


def test_all_processes_are_also_machines_of_which_nobody_named_one(
    influx_home: Influx, influxdb: InfluxEngine
) -> None:
    shown = board(LIVE)
    shown.values["factory"] = ["aoki"]
    for machine, process in (("m-1", "cutting"), ("m-9", NO_PROCESS)):
        tags = {"factory": "aoki", "machine": machine}
        point = Point(KPI_HOURS, tags, NOW_MS, {"pbt_ms": 1}, lasting=True, described={"process": process})
        influx_home.results.write([point])
    for chosen, machines in ((ALL, ["m-1", "m-9"]), (["cutting", "assembly"], ["m-1"])):
        shown.values["process"] = chosen
        query = filled(shown.variables["machine"]["query"], shown.variables, shown.values)
        with asking(influxdb) as database:
            [found] = database.query(f"{influx_home.bucket}-totals", query)["series"]
        assert [value for _, value in found["values"]] == machines


def test_one_machine_is_offered_of_one_factory(demo: Demo) -> None:
    shown = board("machine")
    shown.values["factory"] = "tanabe"
    assert choices(demo, shown, "machine") == ["m-1", "m-2"]


def test_federations_are_the_data_sources_of_that_name_without_those_of_totals() -> None:
    for name in BOARDS:
        federation = board(name).variables["federation"]
        pattern = re.compile(federation["regex"].strip("/"))
        names = ["Machikoba", "Machikoba totals", "Machikoba east", "Machikoba east totals", "Other"]
        assert (federation["type"], federation["query"]) == ("datasource", "influxdb")
        assert [each for each in names if pattern.search(each)] == ["Machikoba", "Machikoba east"]


def test_names_with_letters_that_mean_something_are_found_as_they_are() -> None:
    variables = {"a": {"name": "a", "multi": True}, "b": {"name": "b", "multi": False}}
    query = "SELECT x WHERE f =~ /^$a$/ AND g =~ /^${b}$/ AND h =~ /^[[a]]$/"
    told = filled(query, variables, {"a": ["a.b", "c/d"], "b": "e"})
    assert told == r"SELECT x WHERE f =~ /^(a\.b|c\/d)$/ AND g =~ /^e$/ AND h =~ /^(a\.b|c\/d)$/"
    assert filled("x =~ /^$b$/", variables, {"b": "a+b"}) == r"x =~ /^a\+b$/"
    assert filled("x = '$b'", variables, {"b": "a+b"}) == "x = 'a+b'"


def test_spare_hours_by_process_and_week_are_the_apis(demo: Demo) -> None:
    told = demo.get("capacity", by="process")["rows"]
    assert {row["process"] for row in told} == set(PROCESSES)
    for process in PROCESSES:
        title = f"{process}: spare hours by week"
        spare = {row["week"]: row for row in answer(demo, LIVE, title).rows}
        declared = {row["week"]: row["declared"] for row in answer(demo, LIVE, title, "B").rows}
        own = [row for row in told if row["process"] == process]
        assert spare.keys() == {row["week"] for row in own if row["spare"] is not None}
        for row in own:
            assert declared.get(row["week"]) == row["declared_h"]
            if row["spare"] is not None:
                assert [spare[row["week"]][name] for name in QUANTILES] == [
                    hours(row["spare"][name]) for name in QUANTILES
                ]


def test_spare_hours_by_factory_are_the_apis_and_where_there_are_none_it_says_why(demo: Demo) -> None:
    told = {(row["factory"], row["process"], row["week"]): row for row in demo.get("capacity")["rows"]}
    spare = {_cell(row): row for row in answer(demo, LIVE, "By factory, process and week").rows}
    declared = {_cell(row): row for row in answer(demo, LIVE, "By factory, process and week", "B").rows}
    assert spare.keys() == {key for key, row in told.items() if row["spare"] is not None}
    assert declared.keys() == {key for key, row in told.items() if row["declared_h"] is not None}
    for key, row in spare.items():
        assert [row[name] for name in QUANTILES] == [hours(told[key]["spare"][name]) for name in QUANTILES]
        assert row["committed"] == hours(told[key]["committed_h"])
    assert any(row["committed"] > 0 for row in spare.values())
    silent = {(row["factory"], row["process"]): row for row in answer(demo, LIVE, "No number, and why").rows}
    without = {key[:2]: row for key, row in told.items() if row["spare"] is None}
    assert {key: row["reason"] for key, row in silent.items()} == {
        key: row["reason"] for key, row in without.items()
    }
    assert len(silent) == 2


def test_who_has_time_now_is_this_week_of_the_api(demo: Demo) -> None:
    told = demo.get("capacity", weeks=1)["rows"]
    shown = {
        (row["factory"], row["process"]): row["p10"]
        for row in answer(demo, LIVE, "Spare hours left this week").rows
    }
    assert shown == {
        (row["factory"], row["process"]): hours(row["spare"]["p10"]) for row in told if row["spare"]
    }
    names = {
        row["factory"]: row["factory_name"]
        for row in answer(demo, LIVE, "Spare hours left this week", "N").rows
    }
    assert names == {id_: one.name for id_, one in TOWN.items()}


@pytest.mark.parametrize(
    ("kpi", "title"),
    [
        ("allocation_efficiency", "Allocation efficiency"),
        ("utilization_efficiency", "Utilization efficiency"),
    ],
)
def test_key_figures_by_machine_are_those_of_the_days(demo: Demo, kpi: str, title: str) -> None:
    found = answer(demo, LIVE, f"{title}, by machine", span=TODAY)
    seen = {(one.tags["factory"], one.tags["machine"]): only(dict(one.points)) for one in found.series}
    told = {key: day(demo, *key)["kpis"][kpi] for key in MACHINES}
    assert seen == {key: close(value) for key, value in told.items() if value is not None}
    assert len(seen) > 10
    assert found.names() == {f"{factory} {machine}" for factory, machine in seen}


def test_key_figures_by_factory_and_process_weigh_their_machines(demo: Demo) -> None:
    days = {key: day(demo, *key) for key in MACHINES}
    for by in ("factory", "process"):
        found = answer(demo, LIVE, f"Allocation efficiency, by {by}", span=TODAY)
        for one in found.series:
            own = [
                each for (factory, _), each in days.items()
                if one.tags[by] in {factory, TOWN[factory].process} and each["pbt_ms"]
            ]  # fmt: skip
            known = sum(each["pbt_ms"] - each["unknown_ms"] for each in own)
            busy = sum(each[name] or 0 for each in own for name in ("apt_ms", "aust_ms", "adet_ms"))
            assert only(dict(one.points)) == close(busy / known)
        assert len(found.series) >= 4


@pytest.mark.parametrize("language", ["en", "ja"])
def test_processes_are_called_by_their_names_in_the_legend(demo: Demo, language: str) -> None:
    shown = board(LIVE, language)
    called = {
        id: name.ja if language == "ja" else name.en for id, name in CONFIGURED.items() if id in PROCESSES
    }
    legends = 0
    for panel in shown.panels:
        if panel["targets"][0].get("alias") == "$tag_process":
            legends += 1
            titles = {
                each["matcher"]["options"]: each["properties"][0]["value"]
                for each in panel["fieldConfig"]["overrides"]
                if each["properties"][0]["id"] == "displayName"
            }
            assert called.items() <= titles.items()
    assert legends == 2
    found = answer(demo, LIVE, "Allocation efficiency, by process", span=TODAY)
    assert found.names() <= called.keys()


def test_a_machines_key_figures_are_those_of_its_day(demo: Demo) -> None:
    told = day(demo, *KEY)
    titles = (
        "availability",
        "allocation_efficiency",
        "utilization_efficiency",
        "setup_rate",
        "technical_efficiency",
    )
    for ref_id, name in zip("ABCDE", titles, strict=True):
        points = answer(demo, "machine", "Key figures (ISO 22400-2)", ref_id, TODAY).points()
        assert only(points) == close(told["kpis"][name]), name
    assert only(answer(demo, "machine", "Data coverage", span=TODAY).points()) == close(told["coverage"])


def test_data_coverage_by_factory_is_that_of_its_machines(demo: Demo) -> None:
    found = answer(demo, LIVE, "Data coverage", span=TODAY)
    for one in found.series:
        own = [day(demo, *key) for key in MACHINES if key[0] == one.tags["factory"]]
        planned = sum(each["pbt_ms"] for each in own)
        unknown = sum(each["unknown_ms"] for each in own)
        assert only(dict(one.points)) == close((planned - unknown) / planned)
    assert {one.tags["factory"] for one in found.series} == set(TOWN) - {"higashi"}  # without a calendar


def test_utilization_is_that_of_the_api(demo: Demo) -> None:
    since = f"{_text(MIDNIGHT_MS)}", f"{_text(UNTIL_MS)}"
    rows = demo.get("utilization", since=since[0], until=since[1], by="machine")["rows"]
    [own] = [row for row in rows if (row["factory"], row["machine"]) == (KEY.factory, KEY.machine)]
    assert only(answer(demo, "machine", "Utilization", span=TODAY).points()) == close(own["utilization"])
    spent = answer(demo, "machine", "Hours in each state", span=TODAY)
    hours = {one.column: only(dict(one.points)) for one in spent.series}
    assert hours == {
        name: close(own["state_ms"][state] / HOUR_MS)
        for name, state in zip(
            ("Running", "Setup", "Idle", "Down", "Planned stop"),
            ("RUNNING", "SETUP", "IDLE", "DOWN", "PLANNED_STOP"),
            strict=True,
        )
    } | {"Offline": hours["Offline"]}
    assert only(answer(demo, "machine", "Cycles and pieces", span=TODAY).points()) == own["cycles"]


def test_states_are_those_of_the_windows_minute_by_minute_and_silence_is_offline(demo: Demo) -> None:
    span = Span(NOW_MS // HOUR_MS * HOUR_MS, NOW_MS)
    codes = answer(demo, LIVE, "States of all machines", span=span).points(
        factory=KEY.factory, machine=KEY.machine
    )
    told = demo.get(
        f"machines/{KEY.factory}/{KEY.machine}/windows", since=_text(span.from_ms), until=_text(UNTIL_MS)
    )["windows"]
    states = [max(row["state_ms"], key=row["state_ms"].get) for row in told]
    assert (
        [STATES[code] for code in codes.values()] == states == ["SETUP", "DOWN", "DOWN", "RUNNING", "RUNNING"]
    )
    assert list(codes) == [span.from_ms + number * MINUTE_MS for number in range(5)]
    assert answer(demo, "machine", "States", span=span).points() == codes
    other = answer(demo, LIVE, "States of all machines", span=span).points(factory="aoki", machine="m-2")
    assert {STATES[code] for code in other.values()} == {State.OFFLINE}
    assert len(other) >= 1


def test_every_machine_now_is_the_newest_minute(demo: Demo) -> None:
    shown = {
        (row["factory"], row["machine"]): row["state"] for row in answer(demo, LIVE, "Every machine now").rows
    }
    assert shown.keys() <= MACHINES
    assert STATES[shown[KEY.factory, KEY.machine]] == State.RUNNING
    assert STATES[shown["aoki", "m-2"]] == State.OFFLINE
    assert only(answer(demo, "machine", "State now").points()) == shown[KEY.factory, KEY.machine]


def test_cycles_of_all_machines_add_up_to_the_apis(demo: Demo) -> None:
    found = answer(demo, LIVE, "Cycles", span=Span(SINCE_MS, UNTIL_MS - 1))
    rows = demo.get("utilization", since=_text(SINCE_MS), until=_text(UNTIL_MS), by="machine")["rows"]
    told = {(row["factory"], row["machine"]): row["cycles"] for row in rows if row["cycles"] is not None}
    seen = {(one.tags["factory"], one.tags["machine"]): sum(one.points.values()) for one in found.series}
    assert seen == told


def test_cycle_times_and_their_drift_are_running_time_by_cycle(demo: Demo) -> None:
    spans = {"A": ("recent", NOW_MS - DAY_MS, NOW_MS), "B": ("before", FORMER_MS, NOW_MS - DAY_MS)}
    for ref_id, (column, since_ms, until_ms) in spans.items():
        # sums of whole hours: those that began in the span
        first_ms, last_ms = -(-since_ms // HOUR_MS) * HOUR_MS, -(-until_ms // HOUR_MS) * HOUR_MS
        told = demo.get(
            "utilization", since=_text(first_ms), until=_text(min(last_ms, UNTIL_MS)), by="machine"
        )["rows"]
        [own] = [row for row in told if (row["factory"], row["machine"]) == (KEY.factory, KEY.machine)]
        shown = {
            (row["factory"], row["machine"]): row[column]
            for row in answer(demo, LIVE, "Drift of cycle times", ref_id).rows
        }
        assert shown[KEY.factory, KEY.machine] == close(own["state_ms"]["RUNNING"] / own["cycles"] / 1000)
    [recent] = [
        v for v in answer(demo, LIVE, "Cycle time", span=TODAY).series if tuple(v.tags.values()) == tuple(KEY)
    ]
    assert 40 < only(dict(recent.points)) < 61


def test_pieces_show_only_where_they_are_known(demo: Demo) -> None:
    span = Span(NOW_MS // HOUR_MS * HOUR_MS, NOW_MS)
    told = demo.get(
        f"machines/{KEY.factory}/{KEY.machine}/windows", since=_text(span.from_ms), until=_text(UNTIL_MS)
    )["windows"]
    for ref_id, name in (("B", "good"), ("C", "scrap")):
        points = answer(demo, "machine", "Cycles and pieces", ref_id, span).points()
        known = [row[name] for row in told if row[name] is not None]
        assert list(points.values()) == known
        assert len(known) == 2
    jobs = answer(demo, "machine", "Jobs", span=span).points()
    assert list(jobs.values()) == [row["job"] or "" for row in told]
    assert only(answer(demo, "machine", "Cycle time", span=Span(span.from_ms, NOW_MS, 1)).points()) == 30


def test_orders_at_risk_are_those_of_the_order_book(demo: Demo) -> None:
    told = {each.order: each for each in demo.services.order_book.orders() if lateness(each) is not None}
    shown = {row["order"]: row for row in answer(demo, LIVE, "Orders at risk").rows}
    assert shown.keys() == told.keys()
    for order, row in shown.items():
        assert row["late"] == close(lateness(told[order]) or 0)
        assert row["share"] == close(told[order].share)
        assert row["due_ms"] == told[order].due_ms


def test_agents_say_what_they_said(demo: Demo) -> None:
    shown = {row["factory"]: row for row in answer(demo, "agents", "All agents now").rows}
    assert shown.keys() == TOWN.keys()
    board = demo.services.board.agents()
    for factory in ("aoki", "fujimi"):
        row, said = shown[factory], board[factory]
        assert (row["outbox_records"], row["reconnects"], row["version"], row["uptime_s"]) == (
            said.outbox_records, said.reconnects, said.version, said.uptime_s,
        )  # fmt: skip
        assert (row["connected"], row["time_synchronised"]) == (1, int(bool(said.time_synchronised)))
    assert (shown["sakura"]["connected"], shown["sakura"]["outbox_records"]) == (0, None)
    assert shown["aoki"]["lag_ms"] == NOW_MS // MINUTE_MS * MINUTE_MS - UNTIL_MS
    for title, field in (
        ("Records waiting in the outbox", "outbox_records"),
        ("Reconnects", "reconnects"),
        ("Memory", "memory_bytes"),
    ):
        found = answer(demo, "agents", title)
        assert only(found.points(factory="aoki")) == shown["aoki"][field]
        assert found.names() == {"aoki", "fujimi"}
    assert only(answer(demo, "agents", "Connections").points(factory="sakura")) == 0
    assert only(answer(demo, "agents", "Clocks").points(factory="aoki")) == 0
    lag = only(answer(demo, LIVE, "Age of the newest data").points(factory="fujimi"))
    assert (
        lag * 1000
        == only(answer(demo, "agents", "Age of the newest data").points(factory="fujimi"))
        == shown["fujimi"]["lag_ms"]
    )


@pytest.mark.parametrize("name", RULES)
def test_rules_find_what_they_watch_in_the_demo(demo: Demo, name: str) -> None:
    assert asked(demo.database, name, demo.bucket)


def test_pages_that_dashboards_link_to_are_there(demo: Demo) -> None:
    ids = {"/capacity/": "cutting", "/orders/": ORDER, "/factories/": "aoki"}
    found = {
        url
        for path in files()
        for url in re.findall(r"\$\{web\}([^\"]*)", path.read_text("utf-8"))
        if path.suffix == ".json"
    }
    assert found >= {f"{path}${{__value.raw}}" for path in ids}
    with browsing(str(demo.api.base_url)) as client:
        assert sign_in(client) == 303
        for url in found:
            path = url.replace("${__value.raw}", ids.get(url.split("$")[0], ""))
            assert client.get(path).status_code == 200, path


def day(demo: Demo, factory: str, machine: str) -> Any:
    """Return today of a machine, as the API tells it."""
    today = _text(NOW_MS)[:10]
    [found] = demo.get(f"machines/{factory}/{machine}/days", since=today, until=today)["days"]
    return found


def _cell(row: Any) -> tuple[str, str, str]:
    return row["factory"], row["process"], row["week"]


def _text(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, ZONE).isoformat()
