"""Rows of live capacity on what machines do: states, cycles, and cycle times that drift."""

from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.models import dashboard as model

from dashboards import panels
from dashboards.frame import state_mappings
from dashboards.influx import MACHINES, MEASURED, TOTALS, Influx, table
from dashboards.words import Language


def fill(dashboard: Dashboard, language: Language) -> None:
    """Add states, cycles, cycle times and their drift."""
    states = Influx(
        f'SELECT last("code") FROM "states" WHERE {MACHINES} AND $timeFilter '
        'GROUP BY time($__interval), "factory", "machine" fill(none)'
    ).alias("$tag_factory $tag_machine")
    dashboard.with_panel(
        panels.filled(
            panels.timeline(state_mappings(language)), language.say("States of all machines"),
            language.say("Grey is offline: nothing was heard, so nothing is known. Where an agent sends later what it kept, grey turns into what it was."),
            MEASURED, [states], (24, 12),
        )
    )  # fmt: skip
    cycles = Influx(
        f'SELECT sum("cycles") FROM "windows" WHERE "length_ms" > 0 AND {MACHINES} AND $timeFilter '
        'GROUP BY time($__interval), "factory", "machine" fill(none)'
    ).alias("$tag_factory $tag_machine")
    dashboard.with_panel(
        panels.filled(
            panels.lines("short", "1m"), language.say("Cycles"), language.say("Machine cycles in each stretch of the chart."),
            MEASURED, [cycles], (8, 9),
        )
    )  # fmt: skip
    cycle_time = Influx(
        f'SELECT sum("running_ms") / sum("cycles") / 1000 FROM "hours" WHERE "cycles" > 0 AND {MACHINES} '
        'AND $timeFilter GROUP BY time($__interval), "factory", "machine" fill(none)'
    ).alias("$tag_factory $tag_machine")
    dashboard.with_panel(
        panels.filled(
            panels.lines("s", "1h"), language.say("Cycle time"),
            language.say("Running time by cycle, of the hours in which there were cycles."),
            TOTALS, [cycle_time], (8, 9),
        )
    )  # fmt: skip
    _drift(dashboard, language)


def _drift(dashboard: Dashboard, language: Language) -> None:
    shown = panels.rows({}, language.say("Change"))
    shown.override_by_name("factory", panels.titled(language.say("Factory")))
    shown.override_by_name("machine", panels.titled(language.say("Machine")))
    for name, text in (
        ("recent", language.say("Last 24 hours")),
        ("before", language.say("Four weeks before")),
    ):
        shown.override_by_name(name, panels.titled(text, unit="s", decimals=1))
    shown.override_by_name("drift", panels.titled(language.say("Change"), unit="percentunit", decimals=0))
    ratio = model.DataTransformerConfig(
        id_val="calculateField",
        options={
            "mode": "binary",
            "alias": "drift",
            "binary": {"left": "recent", "operator": "/", "right": "before"},
        },
    )
    dashboard.with_panel(
        panels.filled(
            shown, language.say("Drift of cycle times"),
            language.say("100 % is no change. A machine that gets slower over weeks wants a look: tool, material, program."),
            TOTALS, [cycle_time_of("recent", "A"), cycle_time_of("before", "B")], (8, 9),
        )
        .with_transformation(panels.without_time())
        .with_transformation(panels.merged())
        .with_transformation(ratio)
    )  # fmt: skip


def cycle_time_of(when: str, ref_id: str) -> Influx:
    """Return the query for cycle times in seconds: `recent`, the last 24 hours, or four weeks `before` them."""
    span = {"recent": "time > now() - 1d", "before": "time > now() - 29d AND time <= now() - 1d"}[when]
    return table(
        f'SELECT sum("running_ms") / sum("cycles") / 1000 AS "{when}" FROM "hours" WHERE "cycles" > 0 '
        f'AND {MACHINES} AND {span} GROUP BY "factory", "machine"',
        ref_id,
    )
