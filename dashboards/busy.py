"""Rows of live capacity on how busy factories, processes and machines are, and how far that is known."""

from grafana_foundation_sdk.builders.dashboard import Dashboard

from dashboards import panels
from dashboards.influx import CHOSEN, MEASURED, TOTALS, Influx
from dashboards.words import Language

ALL_CHOSEN = f'{CHOSEN} AND "machine" =~ /^$machine$/'
_BY = {"factory": '"factory"', "process": '"process"', "machine": '"factory", "machine"'}


def fill(dashboard: Dashboard, language: Language) -> None:
    """Add two efficiencies, each by factory, process and machine."""
    titles = {
        "allocation_efficiency": (
            language.say("Allocation efficiency"),
            language.say("Busy time in the planned time: AUBT / PBT (ISO 22400-2). What is missing to 100 % is spare or unknown."),
        ),
        "utilization_efficiency": (
            language.say("Utilization efficiency"),
            language.say("Production in the busy time: APT / AUBT (ISO 22400-2). Setups and short waits lower it."),
        ),
    }  # fmt: skip
    for kpi, (title, description) in titles.items():
        for by, words in (
            ("factory", language.say("by factory")), ("process", language.say("by process")), ("machine", language.say("by machine"))
        ):  # fmt: skip
            alias = " ".join(f"$tag_{tag}" for tag in ("factory", "machine") if tag in _BY[by])
            target = Influx(kpi_by(kpi, by)).alias(alias or "$tag_process")
            panel = panels.filled(
                panels.shares("1h"), f"{title}, {words}", description, TOTALS, [target], (8, 8)
            )
            for id, text in language.processes.items() if by == "process" else ():
                panel.override_by_name(id, panels.titled(text))
            dashboard.with_panel(panel)


def trust(dashboard: Dashboard, language: Language) -> None:
    """Add data coverage and freshness."""
    coverage = Influx(
        'SELECT (sum("pbt_ms") - sum("unknown_ms")) / sum("pbt_ms") FROM "kpi_hours" WHERE "pbt_ms" > 0 '
        f'AND {ALL_CHOSEN} AND $timeFilter GROUP BY time($__interval), "factory" fill(null)'
    ).alias("$tag_factory")
    dashboard.with_panel(
        panels.filled(
            panels.shares("1h"), language.say("Data coverage"),
            language.say("How much of the planned time is measured. Under 80 % no spare hours are told."),
            TOTALS, [coverage], (12, 8),
        )
    )  # fmt: skip
    lag = Influx(
        'SELECT max("lag_ms") / 1000 FROM "agents" WHERE "lag_ms" >= 0 AND "factory" =~ /^$factory$/ '
        'AND $timeFilter GROUP BY time($__interval), "factory" fill(null)'
    ).alias("$tag_factory")
    dashboard.with_panel(
        panels.filled(
            panels.lines("s", "1m"), language.say("Age of the newest data"),
            language.say("How old the newest minute of each factory is. One to two minutes are usual."),
            MEASURED, [lag], (12, 8),
        )
    )  # fmt: skip


def kpi_by(kpi: str, by: str) -> str:
    """Return the statement of a KPI over time; of several hours or machines parts are summed, never shares."""
    return (
        f'SELECT sum("{kpi}_part_ms") / sum("{kpi}_of_ms") FROM "kpi_hours" WHERE "{kpi}_of_ms" > 0 '
        f"AND {ALL_CHOSEN} AND $timeFilter GROUP BY time($__interval), {_BY[by]} fill(null)"
    )
