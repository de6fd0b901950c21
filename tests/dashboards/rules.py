"""Alert rules by name, and what each says of a bucket, as Grafana would work it out."""

import json

from dashboards.files import FOLDER
from tests.aggregator.town import NOW_MS
from tests.dashboards.database import Database
from tests.dashboards.grafana import Span, alarming, macros

RULES = {
    rule["labels"]["machikoba"]: rule
    for rule in json.loads((FOLDER / "alerts.json").read_text("utf-8"))["rules"]
}


Labels = tuple[str, ...]


def asked(database: Database, name: str, bucket: str, now_ms: int = NOW_MS) -> dict[Labels, bool]:
    """Return by the labels of a series whether it is alarming at that moment."""
    query = RULES[name]["data"][0]
    assert query["datasourceUid"] == "machikoba"
    span = Span(now_ms - query["relativeTimeRange"]["from"] * 1000, now_ms)
    statement = macros(query["model"]["query"], span, 1_000, now_ms)
    return alarming(RULES[name], database.query(bucket, statement))


def rings(database: Database, name: str, bucket: str, moments: range) -> dict[Labels, list[int]]:
    """Return when a rule that is asked at these moments rings: alarming all the time that it waits for."""
    waits_ms = int(RULES[name]["for"].removesuffix("m")) * 60_000
    since: dict[Labels, int] = {}
    found: dict[Labels, list[int]] = {}
    for now_ms in moments:
        alarming_now = {labels for labels, it in asked(database, name, bucket, now_ms).items() if it}
        since = {labels: since.get(labels, now_ms) for labels in alarming_now}
        for labels, began_ms in since.items():
            if now_ms - began_ms >= waits_ms:
                found.setdefault(labels, []).append(now_ms)
    return found
