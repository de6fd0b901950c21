"""The files that Grafana reads: nothing in, their paths and texts out."""

import json
from functools import cache
from pathlib import Path

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from dashboards import agents, alerts, live_capacity, machine
from dashboards.words import LANGUAGES

FOLDER = Path(__file__).parent / "json"
PROVISIONED_ALERTS = Path(__file__).parents[1] / "deploy/grafana/provisioning/alerting/machikoba.yaml"
_HEAD = "# Written by python -m dashboards; a change belongs in dashboards/alerts.py. JSON is YAML, too.\n"


@cache
def files() -> dict[Path, str]:
    """Return every file by its path."""
    found: dict[Path, str] = {}
    numbers: dict[alerts.Panel, int] = {}
    for language in LANGUAGES:
        built = {
            live_capacity.NAME: live_capacity.build(language),
            machine.NAME: machine.build(language),
            agents.NAME: agents.build(language),
        }
        for name, dashboard in built.items():
            made = dashboard.build()
            for number, panel in enumerate(made.panels or [], start=1):
                panel.id_val = number
                numbers[name, panel.title or ""] = number
            found[FOLDER / language.code / f"{name}.json"] = _text(made)
    group = _text(alerts.rule_group(numbers))
    found[FOLDER / "alerts.json"] = group
    found[PROVISIONED_ALERTS] = _HEAD + _text(alerts.provisioning(json.loads(group)))
    return found


def _text(value: object) -> str:
    return json.dumps(value, cls=JSONEncoder, ensure_ascii=False, indent=2, sort_keys=True) + "\n"
