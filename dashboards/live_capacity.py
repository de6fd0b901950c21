"""Live capacity, for the coordinator: who has time, now and by week, and what says so."""

from grafana_foundation_sdk.builders import dashboard as build_dashboard
from grafana_foundation_sdk.builders.dashboard import Dashboard

from dashboards import busy, floor, spare_hours
from dashboards.frame import factories, federation, framed, machines, processes, web
from dashboards.words import Language

NAME = "live-capacity"


def build(language: Language) -> Dashboard:
    """Return the dashboard in one language, row by row."""
    dashboard = framed(NAME, language.say("Live capacity"), language)
    chosen = (factories(language), processes(language), machines(language))
    for variable in (federation(language), *chosen, web()):
        dashboard.with_variable(variable)
    for title, fill in (
        ("Who has time now", spare_hours.now),
        ("Spare hours by process and week", spare_hours.by_week),
        ("How busy: allocation and utilization", busy.fill),
        ("What the machines do", floor.fill),
        ("How far the numbers can be trusted", busy.trust),
    ):
        fill(dashboard.with_row(build_dashboard.Row(language.say(title))), language)
    return dashboard
