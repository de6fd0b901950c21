"""InfluxQL queries as Grafana's InfluxDB data source keeps them, and the two data sources they go to."""

from typing import Self

from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models.dashboard import DataSourceRef

TYPE = "influxdb"
UID, TOTALS_UID = "machikoba", "machikoba-totals"
"""Of the data sources that are made by default: what is measured, and what is made of it."""

MEASURED = DataSourceRef(type_val=TYPE, uid="${federation}")
TOTALS = DataSourceRef(type_val=TYPE, uid="${federation}-totals")
"""The same of the federation that is chosen: the value of a data source variable is a uid."""

CHOSEN = '"factory" =~ /^$factory$/ AND "process" =~ /^$process$/'
MACHINES = '"factory" =~ /^$factory$/ AND "machine" =~ /^$machine$/'
"""Conditions by what is chosen above a dashboard."""


class InfluxQuery(Dataquery):
    """A raw InfluxQL statement; the foundation SDK has no model of this data source's queries."""

    def __init__(self, ref_id: str, query: str, result_format: str, alias: str) -> None:
        self.ref_id = ref_id
        self.query = query
        self.result_format = result_format
        self.alias = alias
        self.datasource: DataSourceRef | None = None

    def to_json(self) -> dict[str, object]:
        """Return what a dashboard keeps of it."""
        found: dict[str, object] = {
            "refId": self.ref_id,
            "query": self.query,
            "rawQuery": True,
            "resultFormat": self.result_format,
        }
        if self.alias:
            found["alias"] = self.alias
        if self.datasource is not None:
            found["datasource"] = self.datasource
        return found


class Influx(Builder[InfluxQuery]):
    """Builds a query: `Influx("SELECT …").alias("$tag_machine")`."""

    def __init__(self, query: str, ref_id: str = "A", result_format: str = "time_series") -> None:
        self._internal = InfluxQuery(ref_id, " ".join(query.split()), result_format, "")

    def build(self) -> InfluxQuery:
        """Build it."""
        return self._internal

    def alias(self, alias: str) -> Self:
        """Name the series; `$tag_NAME` is a tag's value, `$col` the field's name."""
        self._internal.alias = alias
        return self

    def datasource(self, datasource: DataSourceRef) -> Self:
        """Say where it is asked."""
        self._internal.datasource = datasource
        return self


def table(query: str, ref_id: str = "A") -> Influx:
    """Return a query whose answer is one table: time, tags, fields."""
    return Influx(query, ref_id, "table")
