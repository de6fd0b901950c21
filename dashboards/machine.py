"""One machine, minute by minute: the drill-down from live capacity."""

from grafana_foundation_sdk.builders.dashboard import Dashboard

from dashboards import panels
from dashboards.frame import (
    STATE_COLOURS,
    factories,
    federation,
    framed,
    machines,
    state_mappings,
    web,
)  # fmt: skip
from dashboards.influx import MEASURED, TOTALS, Influx
from dashboards.words import Language

NAME = "machine"
THIS = '"factory" =~ /^$factory$/ AND "machine" =~ /^$machine$/'
IN_TURN = "GROUP BY time($__interval) fill(none)"
STATE_FIELDS = ("running", "setup", "idle", "down", "planned_stop", "offline")
KPIS = {
    "availability": "Availability",
    "allocation_efficiency": "Allocation efficiency",
    "utilization_efficiency": "Utilization efficiency",
    "setup_rate": "Setup rate",
    "technical_efficiency": "Technical efficiency",
}


def build(language: Language) -> Dashboard:
    """Return the dashboard in one language."""
    dashboard = framed(NAME, language.say("Machine"), language)
    for variable in (
        federation(language),
        factories(language, many=False),
        machines(language, many=False),
        web(),
    ):
        dashboard.with_variable(variable)
    _states(dashboard, language)
    _shares(dashboard, language)
    _counts(dashboard, language)
    return dashboard


def _states(dashboard: Dashboard, language: Language) -> None:
    mappings = state_mappings(language)
    newest = Influx(f'SELECT last("code") FROM "states" WHERE {THIS} AND time > now() - 15m')
    over_time = f'SELECT last("code") FROM "states" WHERE {THIS} AND $timeFilter {IN_TURN}'
    job = f'SELECT last("job") FROM "windows" WHERE "length_ms" > 0 AND {THIS} AND $timeFilter {IN_TURN}'
    names = language.states
    sums = ", ".join(
        f'sum("{field}_ms") / 3600000 AS "{name}"' for field, name in zip(STATE_FIELDS, names, strict=True)
    )
    spent = f'SELECT {sums} FROM "windows" WHERE "length_ms" > 0 AND {THIS} AND $timeFilter {IN_TURN}'
    unknown = language.say("Grey is offline: nothing was heard, so nothing is known.")
    dashboard.with_panel(
        panels.filled(panels.number(mappings), language.say("State now"), unknown, MEASURED, [newest], (4, 5))
    )
    dashboard.with_panel(
        panels.filled(
            panels.timeline(mappings), language.say("States"), unknown, MEASURED,
            [Influx(over_time).alias(language.say("State"))], (20, 5),
        )
    )  # fmt: skip
    dashboard.with_panel(
        panels.filled(
            panels.timeline([], named=True), language.say("Jobs"),
            language.say("Which job ran; between jobs the machine worked for its own factory, or not at all."),
            MEASURED, [Influx(job).alias(language.say("Job"))], (24, 4),
        )
    )  # fmt: skip
    dashboard.with_panel(
        panels.filled(
            panels.stacked("h", "1m", list(zip(names, STATE_COLOURS, strict=True))), language.say("Hours in each state"),
            language.say("The six states add up to the time that is told of."),
            MEASURED, [Influx(spent).alias("$col")], (24, 8),
        )
    )  # fmt: skip


def _shares(dashboard: Dashboard, language: Language) -> None:
    busy = '"running_ms" + "setup_ms" + "idle_ms" + "down_ms"'
    utilization = (
        'SELECT sum("running_ms") / (sum("running_ms") + sum("setup_ms") + sum("idle_ms") + sum("down_ms")) '
        f'FROM "windows" WHERE "length_ms" > 0 AND {busy} > 0 AND {THIS} AND $timeFilter {IN_TURN}'
    )
    coverage = (
        'SELECT (sum("pbt_ms") - sum("unknown_ms")) / sum("pbt_ms") FROM "kpi_hours" '
        f'WHERE "pbt_ms" > 0 AND {THIS} AND $timeFilter GROUP BY time($__interval) fill(null)'
    )
    kpis = [
        Influx(
            f'SELECT sum("{kpi}_part_ms") / sum("{kpi}_of_ms") FROM "kpi_hours" WHERE "{kpi}_of_ms" > 0 '
            f"AND {THIS} AND $timeFilter GROUP BY time($__interval) fill(null)",
            ref_id,
        ).alias(language.say(text))
        for ref_id, (kpi, text) in zip("ABCDE", KPIS.items(), strict=True)
    ]
    dashboard.with_panel(
        panels.filled(
            panels.shares("5m"), language.say("Utilization"),
            language.say("Running time in the known time, planned stops left out: the number of the floor page."),
            MEASURED, [Influx(utilization).alias(language.say("Utilization"))], (8, 8),
        )
    )  # fmt: skip
    dashboard.with_panel(
        panels.filled(
            panels.shares("1h"), language.say("Key figures (ISO 22400-2)"),
            language.say("Within the calendar. A figure that is not defined in an hour has a gap there."),
            TOTALS, kpis, (8, 8),
        )
    )  # fmt: skip
    dashboard.with_panel(
        panels.filled(
            panels.shares("1h"), language.say("Data coverage"),
            language.say("How much of the planned time is measured. Under 80 % no spare hours are told."),
            TOTALS, [Influx(coverage).alias(language.say("Data coverage"))], (8, 8),
        )
    )  # fmt: skip


def _counts(dashboard: Dashboard, language: Language) -> None:
    def counted(field: str, condition: str, ref_id: str, text: str) -> Influx:
        where = f'"length_ms" > 0 AND {condition}{THIS} AND $timeFilter'
        return Influx(f'SELECT sum("{field}") FROM "windows" WHERE {where} {IN_TURN}', ref_id).alias(
            language.say(text)
        )

    dashboard.with_panel(
        panels.filled(
            panels.lines("short", "1m"), language.say("Cycles and pieces"),
            language.say("Pieces show where the machine counts them; unknown ones have no line."),
            MEASURED,
            [
                counted("cycles", "", "A", "Cycles"),
                counted("good", '"good_known" = 1 AND ', "B", "Good pieces"),
                counted("scrap", '"scrap_known" = 1 AND ', "C", "Scrap"),
            ],
            (12, 8),
        )
    )  # fmt: skip
    cycle_time = (
        'SELECT sum("running_ms") / sum("cycles") / 1000 FROM "windows" WHERE "length_ms" > 0 '
        f'AND "cycles" > 0 AND {THIS} AND $timeFilter {IN_TURN}'
    )
    dashboard.with_panel(
        panels.filled(
            panels.lines("s", "5m"), language.say("Cycle time"),
            language.say("Running time by cycle, of the minutes in which there were cycles."),
            MEASURED, [Influx(cycle_time).alias(language.say("Cycle time"))], (12, 8),
        )
    )  # fmt: skip
