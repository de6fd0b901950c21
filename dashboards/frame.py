"""What all dashboards have in common: variables, links, colours of states, how panels are made."""

from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.builders.dashboard import Dashboard, DashboardLink
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import dashboard as model

from dashboards.influx import MEASURED, TOTALS, UID, Influx
from dashboards.words import Language

FEDERATIONS = "/^Machikoba(?!.* totals$)/"
"""Names of data sources that stand for a federation; beside each is one of totals."""
WEB_URL = "http://127.0.0.1:8000"
"""Where the pages are, until `machikoba grafana` says it."""
STATE_COLOURS = ("green", "blue", "yellow", "red", "purple", "#8e8e8e")
LEVEL_COLOURS = ("green", "light-green", "yellow", "orange", "#8e8e8e", "#8e8e8e")


def framed(name: str, title: str, language: Language) -> Dashboard:
    """Return an empty dashboard with what all of them have: language, time, links to each other and to pages."""
    other = "en" if language.code == "ja" else "ja"
    dashboard = (
        Dashboard(title)
        .uid(uid_of(name, language.code))
        .tags(["machikoba", f"machikoba-{language.code}"])
        .timezone("browser")
        .week_start("monday")
        .time("now-24h", "now")
        .refresh("1m")
        .tooltip(model.DashboardCursorSync.CROSSHAIR)
        .link(
            _link("Machikoba").type(model.DashboardLinkType.DASHBOARDS).tags([f"machikoba-{language.code}"])
        )
        .link(_link({"ja": "日本語", "en": "English"}[other]).url(f"/d/{uid_of(name, other)}"))
    )
    for text, path in (("Spare capacity page", "/capacity"), ("Floor", "/floor"), ("Orders", "/orders")):
        dashboard.link(_link(language.say(text)).url("${web}" + path).include_vars(False).target_blank(True))
    return dashboard


def uid_of(name: str, code: str) -> str:
    """Return a dashboard's uid."""
    return f"machikoba-{name}-{code}"


def _link(title: str) -> DashboardLink:
    return DashboardLink(title).type(model.DashboardLinkType.LINK).keep_time(True).include_vars(True).icon("")


def federation(language: Language) -> Builder[model.VariableModel]:
    """Return the variable that says whose data sources are asked."""
    found = build.DatasourceVariable("federation").type("influxdb").label(language.say("Federation"))
    found.build().regex = FEDERATIONS
    return found.current(model.VariableOption(text="Machikoba", value=UID))


def web() -> Builder[model.VariableModel]:
    """Return the hidden variable that holds the address of the aggregator's pages."""
    found = build.ConstantVariable("web").value(WEB_URL)
    found.build().hide = model.VariableHide.HIDE_VARIABLE
    found.build().current = model.VariableOption(text=WEB_URL, value=WEB_URL)
    return found


def choice(
    name: str, label: str, where: model.DataSourceRef, query: str, many: bool = True
) -> build.QueryVariable:
    """Return a variable with the values that a query finds; of `many` all are chosen at first."""
    found = build.QueryVariable(name).label(label).query(query).datasource(where).multi(many)
    found.refresh(model.VariableRefresh.ON_TIME_RANGE_CHANGED).sort(model.VariableSort.ALPHABETICAL_ASC)
    if many:
        found.include_all(True)
        found.current(model.VariableOption(text=["All"], value=["$__all"]))
    return found


def factories(language: Language, many: bool = True) -> build.QueryVariable:
    """Return the variable `factory`, of what is written every minute: some versions look back a day only."""
    query = 'SHOW TAG VALUES FROM "agents" WITH KEY = "factory"'
    return choice("factory", language.say("Factory"), MEASURED, query, many)


def processes(language: Language) -> build.CustomVariable:
    """Return the variable `process`, whose choices people read by name; `machikoba grafana` adds configured ones."""
    query = ", ".join(f"{text} : {id}" for id, text in language.processes.items())
    found = (
        build.CustomVariable("process")
        .label(language.say("Process"))
        .values(query)
        .multi(True)
        .include_all(True)
        .all_value(".*")  # also what has no process yet
    )
    return found.current(model.VariableOption(text=["All"], value=["$__all"]))


def machines(language: Language, many: bool = True) -> build.QueryVariable:
    """Return the variable `machine`: those of the factories that are chosen, and of the processes."""
    among = ' AND "process" =~ /^$process$/' if many else ""
    query = f'SHOW TAG VALUES FROM "kpi_hours" WITH KEY = "machine" WHERE "factory" =~ /^$factory$/{among}'
    return choice("machine", language.say("Machine"), TOTALS, query, many)


def state_mappings(language: Language) -> list[model.ValueMapping]:
    """Return the mapping of `code` to a state's name and colour."""
    names = language.states
    results = {
        str(code): model.ValueMappingResult(text=name, color=colour, index=code)
        for code, (name, colour) in enumerate(zip(names, STATE_COLOURS, strict=True))
    }
    return [model.ValueMap(options=results)]


def level_mappings(language: Language) -> list[model.ValueMapping]:
    """Return the mapping of `level_code` to how much time there is, and its colour."""
    results = {
        str(code): model.ValueMappingResult(text=name, color=colour, index=code)
        for code, (name, colour) in enumerate(zip(language.levels, LEVEL_COLOURS, strict=True))
    }
    return [model.ValueMap(options=results)]


def yes_or_no(yes: str, no: str) -> list[model.ValueMapping]:
    """Return the mapping of 1, which is good, and 0."""
    results = {
        "1": model.ValueMappingResult(text=yes, color="green", index=0),
        "0": model.ValueMappingResult(text=no, color="red", index=1),
    }
    return [model.ValueMap(options=results)]


def process_mappings(language: Language) -> list[model.ValueMapping]:
    """Return the mapping of process ids to what people read; other ids stay as they are."""
    return [
        model.ValueMap(
            options={id: model.ValueMappingResult(text=text) for id, text in language.processes.items()}
        )
    ]


def factory_names() -> model.DataTransformerConfig:
    """Return the step that turns ids of factories into their names, which the query N tells."""
    return model.DataTransformerConfig(
        id_val="configFromData",
        options={
            "configRefId": "N",
            "applyTo": {"id": "byName", "options": "factory"},
            "mappings": [
                {"fieldName": "factory", "handlerKey": "mappings.value"},
                {"fieldName": "factory_name", "handlerKey": "mappings.text"},
            ],
        },
    )


def names() -> Influx:
    """Return the query that `factory_names` reads."""
    query = 'SELECT last("factory_name") AS "factory_name" FROM "machines" GROUP BY "factory"'
    return Influx(query, "N", "table")
