"""Rows of live capacity on spare hours: this week and those to come, and where there is no number."""

from typing import TypeVar

from grafana_foundation_sdk.builders import barchart
from grafana_foundation_sdk.builders import table as table_panel
from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.models import dashboard as model

from dashboards import panels
from dashboards.frame import factory_names, level_mappings, names, process_mappings, state_mappings, uid_of
from dashboards.influx import CHOSEN, MACHINES, MEASURED, TOTALS, table
from dashboards.words import Language

Table = table_panel.Panel
Shown = TypeVar("Shown", table_panel.Panel, barchart.Panel)

COMING = "time > now() - 7d AND time < now() + 84d"
"""Monday of this week, and of those to come."""
SPARE = '"spare_p10_h" AS "p10", "spare_p50_h" AS "p50", "spare_p90_h" AS "p90"'


def now(dashboard: Dashboard, language: Language) -> None:
    """Add who has time this week, every machine's state, and orders at risk."""
    this_week = table(
        f'SELECT {SPARE}, "level_code" AS "level" FROM "capacity" WHERE "known" = 1 AND {CHOSEN} '
        'AND time > now() - 7d AND time <= now() GROUP BY "factory", "process"'
    )
    dashboard.with_panel(
        panels.filled(
            _spare_table(language), language.say("Spare hours left this week"),
            language.say("Measured, not declared. P10 is nearly sure: nine of ten weeks bring at least that. Only what is left of the week counts."),
            TOTALS, [this_week, names()], (14, 9),
        ).with_transformation(factory_names()),
    )  # fmt: skip
    state = table(
        f'SELECT last("code") AS "state" FROM "states" WHERE {MACHINES} AND time > now() - 15m '
        'GROUP BY "factory", "machine"'
    )
    shown = panels.rows({"state": state_mappings(language)})
    shown.override_by_name("state", [*panels.titled(language.say("State")), panels.BACKGROUND])
    shown.override_by_name("factory", panels.titled(language.say("Factory")))
    url = f"/d/{uid_of('machine', language.code)}?var-machine=${{__value.raw}}&var-factory=${{__data.fields.factory}}&${{federation:queryparam}}&${{__url_time_range}}"
    shown.override_by_name(
        "machine", [*panels.titled(language.say("Machine")), panels.linked(language.say("This machine"), url)]
    )
    dashboard.with_panel(
        panels.filled(
            shown, language.say("Every machine now"),
            language.say("The newest minute that is known. Offline means unknown: it is never counted as idle."),
            MEASURED, [state], (10, 9),
        )
    )  # fmt: skip
    _orders(dashboard, language)


def _orders(dashboard: Dashboard, language: Language) -> None:
    late = table(
        'SELECT last("late") AS "late", "share", "due_ms", "process" FROM "orders" '
        'WHERE "late_known" = 1 AND time > now() - 15m GROUP BY "order"'
    )
    shown = panels.rows({"process": process_mappings(language)}, language.say("Chance of being late"))
    url = "${web}/orders/${__value.raw}"
    shown.override_by_name(
        "order", [*panels.titled(language.say("Order")), panels.linked(language.say("Its page"), url)]
    )
    shown.override_by_name(
        "late", panels.titled(language.say("Chance of being late"), unit="percentunit", decimals=0)
    )
    shown.override_by_name("share", panels.titled(language.say("Done"), unit="percentunit", decimals=0))
    shown.override_by_name("due_ms", panels.titled(language.say("Due"), unit="dateTimeAsLocalNoDateIfToday"))
    shown.override_by_name("process", panels.titled(language.say("Most behind")))
    description = language.say(
        "Open orders whose arrival can be foretold. An alert is raised where being late is likelier than not."
    )
    dashboard.with_panel(
        panels.filled(shown, language.say("Orders at risk"), description, MEASURED, [late], (24, 6))
    )


def by_week(dashboard: Dashboard, language: Language) -> None:
    """Add spare hours by week: a chart a process, a table, and where there is no number."""
    declared = '"declared_known" = 1'
    spare = table(
        f'SELECT {SPARE} FROM "capacity_process" WHERE "known" = 1 AND "process" =~ /^$process$/ '
        f'AND {COMING} GROUP BY "week"'
    )
    told = table(
        f'SELECT "declared_h" AS "declared" FROM "capacity_process" WHERE {declared} '
        f'AND "process" =~ /^$process$/ AND {COMING} GROUP BY "week"',
        "B",
    )
    chart = _hours(panels.weeks(), language).repeat("process").repeat_direction("h").max_per_row(2)
    dashboard.with_panel(
        panels.filled(
            chart, language.say("$process: spare hours by week"),
            language.say("Machine hours really free, of all factories that have a number, beside what was declared. A week without bars has no number: the table below says why."),
            TOTALS, [spare, told], (12, 9),
        ).with_transformation(panels.without_time()).with_transformation(panels.merged())
    )  # fmt: skip
    by_factory = table(
        f'SELECT {SPARE}, "committed_h" AS "committed", "level_code" AS "level" FROM "capacity" WHERE "known" = 1 '
        f'AND {CHOSEN} AND {COMING} GROUP BY "factory", "process", "week"'
    )
    declared_by = table(
        f'SELECT "declared_h" AS "declared" FROM "capacity" WHERE {declared} AND {CHOSEN} AND {COMING} '
        'GROUP BY "factory", "process", "week"',
        "B",
    )
    dashboard.with_panel(
        panels.filled(
            _spare_table(language), language.say("By factory, process and week"),
            language.say("P10, P50 and P90 of the same hours, what orders take already, and what was declared."),
            TOTALS, [by_factory, declared_by, names()], (16, 10),
        )
        .with_transformation(factory_names())
        .with_transformation(panels.without_time())
        .with_transformation(panels.merged())
    )  # fmt: skip
    _no_number(dashboard, language)


def _no_number(dashboard: Dashboard, language: Language) -> None:
    silent = table(
        f'SELECT last("reason") AS "reason", "coverage" FROM "capacity" WHERE "known" = 0 AND {CHOSEN} '
        f'AND {COMING} GROUP BY "factory", "process"'
    )
    reasons = {
        "no_calendar": language.say("No calendar is entered"),
        "no_history": language.say("Too short a time is measured"),
        "low_coverage": language.say("Less than 80 % of the planned time is measured"),
    }
    mapping = model.ValueMap(
        options={code: model.ValueMappingResult(text=text) for code, text in reasons.items()}
    )
    shown = panels.rows({"process": process_mappings(language), "reason": [mapping]})
    _things(shown, language)
    shown.override_by_name("reason", panels.titled(language.say("Why")))
    shown.override_by_name(
        "coverage", panels.titled(language.say("Data coverage"), unit="percentunit", decimals=0)
    )
    description = language.say(
        "Unknown time is never called spare: without enough of it measured there is no number."
    )
    dashboard.with_panel(
        panels.filled(shown, language.say("No number, and why"), description, TOTALS, [silent, names()], (8, 10))
        .with_transformation(factory_names())
    )  # fmt: skip


def _spare_table(language: Language) -> Table:
    shown = panels.rows(
        {"process": process_mappings(language), "level": level_mappings(language)},
        language.say("P10 (nearly sure)"),
    )
    _things(_hours(shown, language), language)
    shown.override_by_name("level", [*panels.titled(language.say("Time")), panels.BACKGROUND])
    shown.override_by_name("week", panels.titled(language.say("Week")))
    shown.override_by_name("committed", panels.titled(language.say("Taken by orders"), unit="h", decimals=0))
    return shown


def _hours(shown: Shown, language: Language) -> Shown:
    for name, text in (
        ("p10", language.say("P10 (nearly sure)")), ("p50", language.say("P50 (even chance)")),
        ("p90", language.say("P90 (at best)")), ("declared", language.say("Declared")),
    ):  # fmt: skip
        shown.override_by_name(name, panels.titled(text, unit="h", decimals=0))
    return shown


def _things(shown: Table, language: Language) -> None:
    pages = "${web}/capacity/${__value.raw}"
    shown.override_by_name(
        "process", [*panels.titled(language.say("Process")), panels.linked(language.say("Its page"), pages)]
    )
    url = f"/d/{uid_of('agents', language.code)}?var-factory=${{__value.raw}}&${{federation:queryparam}}&${{__url_time_range}}"
    shown.override_by_name(
        "factory", [*panels.titled(language.say("Factory")), panels.linked(language.say("Its agent"), url)]
    )
    shown.override_by_name("machine", panels.titled(language.say("Machine")))
