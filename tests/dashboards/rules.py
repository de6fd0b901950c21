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


def asked(database: Database, name: str, bucket: str) -> dict[tuple[str, ...], bool]:
    """Return by the labels of a series whether it is alarming."""
    query = RULES[name]["data"][0]
    assert query["datasourceUid"] == "machikoba"
    span = Span(NOW_MS - query["relativeTimeRange"]["from"] * 1000, NOW_MS)
    statement = macros(query["model"]["query"], span, 1_000, NOW_MS)
    return alarming(RULES[name], database.query(bucket, statement))
