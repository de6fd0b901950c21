"""Agents: is every factory heard, and does what they keep get through?"""

from collections.abc import Sequence

from grafana_foundation_sdk.builders.dashboard import Dashboard

from dashboards import panels
from dashboards.frame import factories, federation, framed, web, yes_or_no
from dashboards.influx import MEASURED, Influx, table
from dashboards.words import Language

NAME = "agents"
CHOSEN = '"factory" =~ /^$factory$/'
BY_FACTORY = 'GROUP BY time($__interval), "factory"'


def build(language: Language) -> Dashboard:
    """Return the dashboard in one language."""
    dashboard = framed(NAME, language.say("Agents"), language)
    for variable in (federation(language), factories(language), web()):
        dashboard.with_variable(variable)
    _now(dashboard, language)
    _over_time(dashboard, language)
    return dashboard


def _now(dashboard: Dashboard, language: Language) -> None:
    heard = table(
        'SELECT last("connected") AS "connected", "lag_ms", "outbox_records", "time_synchronised", "reconnects", '
        f'"uptime_s", "memory_bytes", "version" FROM "agents" WHERE {CHOSEN} AND time > now() - 15m GROUP BY "factory"'
    )
    shown = panels.rows(
        {
            "connected": yes_or_no(language.say("Connected"), language.say("Silent")),
            "time_synchronised": yes_or_no(language.say("In step"), language.say("Not in step")),
        }
    )
    columns: Sequence[tuple[str, str, str]] = (
        ("factory", language.say("Factory"), "none"), ("connected", language.say("Agent"), "none"),
        ("lag_ms", language.say("Age of the newest data"), "ms"), ("outbox_records", language.say("Records waiting"), "short"),
        ("time_synchronised", language.say("Clock"), "none"), ("reconnects", language.say("Reconnects"), "short"),
        ("uptime_s", language.say("Running for"), "s"), ("memory_bytes", language.say("Memory"), "bytes"),
        ("version", language.say("Version"), "none"),
    )  # fmt: skip
    for name, text, unit in columns:
        coloured = [panels.BACKGROUND] if name in {"connected", "time_synchronised"} else []
        shown.override_by_name(name, [*panels.titled(text, unit=unit), *coloured])
    page = panels.linked(language.say("Its page"), "${web}/factories/${__value.raw}")
    shown.override_by_name("factory", [page])
    dashboard.with_panel(
        panels.filled(
            shown, language.say("All agents now"),
            language.say("What each agent last said. A silent one keeps recording as long as it runs: nothing is lost."),
            MEASURED, [heard], (24, 9),
        )
    )  # fmt: skip


def _over_time(dashboard: Dashboard, language: Language) -> None:
    charts = (
        ("outbox_records", "max", "short", language.say("Records waiting in the outbox"), language.say("Grows while a factory is cut off and falls to nothing afterwards. One that only grows wants a look.")),
        ("lag_ms", "max", "ms", language.say("Age of the newest data"), language.say("How old the newest minute of each factory is. One to two minutes are usual.")),
        ("reconnects", "max", "short", language.say("Reconnects"), language.say("Counted since the agent started. Many of them mean a bad line.")),
        ("memory_bytes", "max", "bytes", language.say("Memory"), language.say("Of the agent's process.")),
    )  # fmt: skip
    for field, how, unit, title, description in charts:
        known = f'"{field}" >= 0 AND '
        query = f'SELECT {how}("{field}") FROM "agents" WHERE {known}{CHOSEN} AND $timeFilter {BY_FACTORY} fill(null)'
        target = Influx(query).alias("$tag_factory")
        dashboard.with_panel(
            panels.filled(panels.lines(unit, "1m"), title, description, MEASURED, [target], (12, 8))
        )
    bands = (
        ("connected", language.say("Connected"), language.say("Silent"), language.say("Connections"), language.say("Red: the agent is not heard.")),
        ("time_synchronised", language.say("In step"), language.say("Not in step"), language.say("Clocks"), language.say("Red: the clock is not synchronised, so times may be wrong. Please check the network time there.")),
    )  # fmt: skip
    for field, yes, no, title, description in bands:
        query = f'SELECT min("{field}") FROM "agents" WHERE {CHOSEN} AND $timeFilter {BY_FACTORY} fill(none)'
        target = Influx(query).alias("$tag_factory")
        panel = panels.timeline(yes_or_no(yes, no))
        dashboard.with_panel(panels.filled(panel, title, description, MEASURED, [target], (12, 7)))
