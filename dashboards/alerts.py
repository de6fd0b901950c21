"""Alert rules: a machine that stays down, an agent that stays silent, an order at risk; Japanese and English.

No text holds a dollar sign: Grafana reads those as variables of its own environment in provisioning files.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from grafana_foundation_sdk.builders import alerting as build
from grafana_foundation_sdk.builders import expr
from grafana_foundation_sdk.models import alerting as model
from grafana_foundation_sdk.models.dashboard import DataSourceRef

from agent.contract.states import INDEX, State
from aggregator.config import AlertSettings
from dashboards import agents, live_capacity, machine
from dashboards.frame import uid_of
from dashboards.influx import UID, Influx

FOLDER_UID = "machikoba"
FOLDER = "町工場 Machikoba"
GROUP = "machikoba"
INTERVAL_S = 60
EXPRESSIONS = DataSourceRef(type_val="__expr__", uid="__expr__")
LOOK_BACK_S = 600

Panel = tuple[str, str]
"""A dashboard's name and a panel's English title."""


@dataclass(frozen=True, slots=True)
class Text:
    """One sentence in both languages; `{{ .Labels.factory }}` is filled in by Grafana."""

    ja: str
    en: str


@dataclass(frozen=True, slots=True)
class Alert:
    """A rule: alarming while the newest value of a series is `how` (`eq`, `gte`) `limit` for `for_`."""

    name: str
    title: Text
    query: str
    how: str
    limit: float
    for_: str
    no_data: str
    summary: Text
    advice: Text
    panel: Panel
    severity: str


ALERTS = (
    Alert(
        "machine-down",
        Text("機械が 30 分以上止まっています", "Machine down for more than 30 minutes"),
        'SELECT last("code") FROM "states" WHERE time > now() - 10m AND time <= now() GROUP BY "factory", "machine"',
        "eq",
        INDEX[State.DOWN],
        "30m",
        "OK",
        Text(
            "{{ .Labels.factory }} の {{ .Labels.machine }} が 30 分以上、異常停止しています。",
            "{{ .Labels.machine }} of {{ .Labels.factory }} has been down for more than 30 minutes.",
        ),
        Text(
            "工場に様子を確かめ、長引くようなら、この機械を使う受注の代わりの工場を考えてください。",
            "Ask the factory how it looks; if it takes long, think of another factory for the orders on it.",
        ),
        (machine.NAME, "State now"),
        "warning",
    ),
    Alert(
        "agent-silent",
        Text("エージェントと 10 分以上通信できません", "Agent silent for more than 10 minutes"),
        'SELECT last("connected") FROM "agents" WHERE time > now() - 10m AND time <= now() GROUP BY "factory"',
        "eq",
        0,
        "10m",
        "Alerting",
        Text(
            "{{ .Labels.factory }} のエージェントと 10 分以上通信できていません。",
            "The agent of {{ .Labels.factory }} has not been heard for more than 10 minutes.",
        ),
        Text(
            "エージェントが動いていれば記録は続き、データは失われません。現地の電源とネットワークをご確認ください。"
            "工場の名前がないときは、集約サーバーが何も書き込んでいません。",
            "If it still runs, it keeps recording and nothing is lost: check power and network there. "
            "Where no factory is named, the aggregator itself writes nothing.",
        ),
        (agents.NAME, "All agents now"),
        "warning",
    ),
    Alert(
        "order-at-risk",
        Text("受注が納期に遅れそうです", "Order at risk of being late"),
        'SELECT last("late") FROM "orders" WHERE "late_known" = 1 AND time > now() - 10m AND time <= now() GROUP BY "order"',
        "gte",
        AlertSettings().raise_at,
        f"{AlertSettings().for_s / 60:.0f}m",
        "OK",
        Text(
            "受注 {{ .Labels.order }} は、納期に遅れる見込みのほうが大きくなっています。",
            "Order {{ .Labels.order }} is likelier to be late than in time.",
        ),
        Text(
            "受注のページで、遅れの原因の工程と代わりの工場を確かめてください。",
            "Its page says which step is behind, and which factories could help.",
        ),
        (live_capacity.NAME, "Orders at risk"),
        "critical",
    ),
)


def rule_group(panels: Mapping[Panel, int]) -> model.RuleGroup:
    """Return the rules as Grafana's HTTP API takes them; `panels` are the ids of panels."""
    group = build.RuleGroup(GROUP).folder_uid(FOLDER_UID).interval(INTERVAL_S)
    for alert in ALERTS:
        group.with_rule(_rule(alert, panels[alert.panel]))
    return group.build()


def provisioning(group: Mapping[str, object]) -> dict[str, object]:
    """Return the file that a fresh Grafana reads, of the same rules as JSON values."""
    rules = [
        {key: value for key, value in rule.items() if key not in {"folderUID", "ruleGroup", "orgID"}}
        for rule in group["rules"]  # type: ignore[attr-defined]
    ]
    told = {
        "orgId": 1,
        "name": group["title"],
        "folder": FOLDER,
        "interval": f"{INTERVAL_S}s",
        "rules": rules,
    }
    return {"apiVersion": 1, "groups": [told]}


def _rule(alert: Alert, panel: int) -> build.Rule:
    """Return the rule: the series, their newest values, and whether those are alarming."""
    newest = expr.TypeReduce().ref_id("B").datasource(EXPRESSIONS).expression("A").reducer("last")
    limit = expr.ExprTypeThresholdConditionsEvaluator().type(alert.how).params([alert.limit])  # type: ignore[arg-type]
    alarming = expr.TypeThreshold().ref_id("C").datasource(EXPRESSIONS).expression("B")
    alarming.conditions([expr.ExprTypeThresholdConditions().evaluator(limit)])
    return (
        build.Rule(f"{alert.title.ja} / {alert.title.en}")
        .uid(f"machikoba-{alert.name}")
        .folder_uid(FOLDER_UID)
        .rule_group(GROUP)
        .org_id(1)
        .condition("C")
        .with_query(_asked("A", UID).model(Influx(alert.query)))
        .with_query(_asked("B", "__expr__").model(newest))
        .with_query(_asked("C", "__expr__").model(alarming))
        .for_val(alert.for_)
        .no_data_state(alert.no_data)  # type: ignore[arg-type]
        .exec_err_state("Error")
        .is_paused(False)
        .labels({"severity": alert.severity, "machikoba": alert.name})
        .annotations(
            {
                "summary": alert.summary.ja,
                "description": alert.advice.ja,
                "summary_en": alert.summary.en,
                "description_en": alert.advice.en,
                "__dashboardUid__": uid_of(alert.panel[0], "ja"),
                "__panelId__": str(panel),
            }
        )
    )


def _asked(ref_id: str, where: str) -> build.Query:
    span = model.RelativeTimeRange(from_val=LOOK_BACK_S, to=0)
    return build.Query(ref_id).datasource_uid(where).relative_time_range(span)
