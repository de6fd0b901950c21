"""What is to be in Grafana: settings and the dashboards' files in, what Grafana is told out."""

import copy
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

from aggregator.config import PROCESSES, AlertSettings, ProcessName

Json = dict[str, Any]

FOLDER_UID = "machikoba"
FOLDER = "町工場 Machikoba"
VIEWER = "machikoba-viewer"
"""The service account that may read, and nothing else."""
LANGUAGES = ("ja", "en")
MASKED = "(secret)"
_OWN = re.compile(r"machikoba-((live-capacity|machine|agents)-)?(ja|en)\b")


@dataclass(frozen=True, slots=True)
class Place:
    """What differs from one federation to another.

    `name` tells several federations in one Grafana apart; "" is the only one. `influx_url` and `web_url` are
    addresses as Grafana and those who read it see them.
    """

    name: str
    influx_url: str
    bucket: str
    web_url: str
    processes: Mapping[str, ProcessName]
    alerts: AlertSettings

    @property
    def uid(self) -> str:
        """The data source's uid, and the name of its group of rules."""
        return f"machikoba-{self.name}" if self.name else "machikoba"


def data_sources(place: Place) -> list[Json]:
    """Return both data sources, without their secret: what is measured, and what is made of it."""
    title = f"Machikoba {place.name}".rstrip()
    return [
        _data_source(place.uid, title, place.influx_url, place.bucket),
        _data_source(f"{place.uid}-totals", f"{title} totals", place.influx_url, f"{place.bucket}-totals"),
    ]


def _data_source(uid: str, name: str, url: str, bucket: str) -> Json:
    return {
        "uid": uid,
        "name": name,
        "type": "influxdb",
        "access": "proxy",
        "url": url,
        "basicAuth": False,
        "jsonData": {
            "version": "InfluxQL",
            "dbName": bucket,
            "httpMode": "POST",
            "httpHeaderName1": "Authorization",
        },
    }


def secret_of(token: str) -> Json:
    """Return what lets a data source in."""
    return {"httpHeaderValue1": f"Token {token}"}


def dashboards(place: Place, languages: Sequence[str]) -> list[Json]:
    """Return the dashboards in these languages, with the place's addresses, processes and data source."""
    return [
        _settled(json.loads(_renamed(text, place)), place, language)
        for language in languages
        for text in _texts(f"json/{language}")
    ]


def rule_group(place: Place) -> Json:
    """Return the alert rules of this place, with the chance at which its orders are alarming."""
    text = resources.files("dashboards").joinpath("json/alerts.json").read_text("utf-8")
    group: Json = json.loads(_renamed(text, place))
    group["title"] = place.uid
    for rule in group["rules"]:
        rule["ruleGroup"] = place.uid
        if rule["labels"]["machikoba"] == "order-at-risk":
            rule["for"] = duration_text(place.alerts.for_s)
            rule["data"][-1]["model"]["conditions"][0]["evaluator"]["params"] = [place.alerts.raise_at]
        if place.name:
            rule["uid"] = f"{rule['uid']}-{place.name}"
            rule["title"] = f"{rule['title']} ({place.name})"
        for query in rule["data"]:
            query["datasourceUid"] = query["datasourceUid"].replace("machikoba", place.uid)
    return group


def duration_text(seconds: float) -> str:
    """Return a duration as Grafana writes it: `1m30s`."""
    left, parts = round(seconds), ""
    for unit, length in (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)):
        amount, left = divmod(left, length)
        parts += f"{amount}{unit}" if amount else ""
    return parts or "0s"


def _texts(folder: str) -> Iterator[str]:
    found = resources.files("dashboards").joinpath(folder)
    for path in sorted(found.iterdir(), key=lambda path: path.name):
        yield path.read_text("utf-8")


def _settled(board: Json, place: Place, language: str) -> Json:
    names = {id_: name.ja if language == "ja" else name.en for id_, name in place.processes.items()}
    for variable in board["templating"]["list"]:
        if variable["name"] == "web":
            variable["query"] = place.web_url
            variable["current"] = {"selected": False, "text": place.web_url, "value": place.web_url}
        elif variable["name"] == "process":
            variable["query"] = ", ".join(f"{_listed(text)} : {id_}" for id_, text in names.items())
        elif variable["name"] == "federation" and place.name:
            board["title"] += f" ({place.name})"
            title = f"Machikoba {place.name}"
            variable["current"] = {"selected": False, "text": title, "value": place.uid}
    found: Json = _named(board, names)
    return found


def _renamed(text: str, place: Place) -> str:
    """Return a file in which dashboards' uids and tags are those of the place: each has its own addresses."""
    return _OWN.sub(rf"\g<0>-{place.name}", text) if place.name else text


def _listed(text: str) -> str:
    """Return a name as it stands in a list of choices: its commas do not end it."""
    return text.replace(",", "\\,")


def _named(value: Any, names: Mapping[str, str]) -> Any:
    """Return a value with what processes are called, in each mapping of processes and each legend of them."""
    if isinstance(value, list):
        others = [each for each in value if not _is_of_process(each)]
        legend = [_override(id_, text) for id_, text in names.items()] if len(others) < len(value) else []
        return [*(_named(each, names) for each in others), *legend]
    if not isinstance(value, dict):
        return copy.copy(value)
    if value.get("type") == "value" and "cutting" in value.get("options", {}):
        return {**value, "options": {id_: {"text": text} for id_, text in names.items()}}
    return {key: _named(each, names) for key, each in value.items()}


def _is_of_process(value: Any) -> bool:
    return isinstance(value, dict) and value.get("matcher", {}).get("options") in PROCESSES


def _override(id_: str, text: str) -> Json:
    return {
        "matcher": {"id": "byName", "options": id_},
        "properties": [{"id": "displayName", "value": text}],
    }
