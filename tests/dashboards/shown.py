"""Dashboards with every target asked, as a coordinator would see them."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dashboards.files import FOLDER
from tests.aggregator.busy_town import TOWN
from tests.aggregator.town import NOW_MS
from tests.dashboards.demo import KEY, SINCE_MS, Demo
from tests.dashboards.grafana import ALL, Asked, Board, Drawn, Span, drawn, filled, named, rows

PROCESSES = sorted({each.process for each in TOWN.values()})
LAST_DAYS = Span(SINCE_MS, NOW_MS)


@dataclass(frozen=True)
class Answer:
    """What came back for a target."""

    asked: Asked
    result: Any

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The rows of a table."""
        assert self.asked.as_table
        return rows(self.result)

    @property
    def series(self) -> list[Drawn]:
        """The series of a chart."""
        assert not self.asked.as_table
        return drawn(self.result)

    def points(self, **tags: str) -> dict[int, Any]:
        """Return the points of the only series with these tags."""
        [found] = [each for each in self.series if tags.items() <= each.tags.items()]
        return dict(found.points)

    def names(self) -> set[str]:
        """Return what the series are called."""
        return {named(each, self.asked.alias) for each in self.series}


def bucket_of(demo: Demo) -> Callable[[str], str]:
    """Return where the data sources look, by the uids that are made by default."""
    return {"machikoba": demo.bucket, "machikoba-totals": f"{demo.bucket}-totals"}.__getitem__


def board(name: str, language: str = "en") -> Board:
    """Return a dashboard of which everything is chosen, or one machine where only one can be."""
    found = Board(json.loads(Path(FOLDER / language / f"{name}.json").read_text("utf-8")))
    one = not found.variables["factory"]["multi"]
    chosen: dict[str, str | Sequence[str]] = {
        "federation": "machikoba",
        "web": "http://127.0.0.1:8000",
        "factory": KEY.factory if one else list(TOWN),
        "machine": KEY.machine if one else [f"m-{number}" for number in range(1, 5)],
        "process": ALL,
    }
    found.values = {name: chosen[name] for name in found.variables}
    return found


def answers(demo: Demo, shown: Board, span: Span = LAST_DAYS) -> list[Answer]:
    """Ask everything that a dashboard asks."""
    asked = shown.asked(span, NOW_MS, bucket_of(demo))
    return [Answer(each, demo.database.query(each.database, each.statement)) for each in asked]


def answer(demo: Demo, name: str, panel: str, ref_id: str = "A", span: Span = LAST_DAYS) -> Answer:
    """Return what a panel of a dashboard shows."""
    asked = board(name).asked(span, NOW_MS, bucket_of(demo))
    [found] = [each for each in asked if (each.panel, each.ref_id) == (panel, ref_id)]
    return Answer(found, demo.database.query(found.database, found.statement))


def choices(demo: Demo, shown: Board, name: str) -> list[str]:
    """Return what a variable's own query finds, as Grafana reads it: the values of a tag."""
    variable = shown.variables[name]
    query = filled(variable["query"], shown.variables, shown.values)
    where = filled(variable["datasource"]["uid"], shown.variables, shown.values)
    found = demo.database.query(bucket_of(demo)(where), query).get("series", [])
    return sorted({value for one in found for _, value in one["values"]})
