"""What Grafana does with a panel before and after its InfluxDB data source asks: variables, macros, series.

Written from the behaviour of Grafana 11: the browser fills in variables, the server `$timeFilter`,
`$interval`, `$__interval_ms` and `$__interval`; an answer becomes one table, or a series by tags and column.
"""

import operator
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Json = Any
Values = Mapping[str, str | Sequence[str]]
"""What is chosen for each variable."""

ALL = "$__all"

_BETWEEN = ((10, 1), (15, 10), (35, 20), (75, 50), (150, 100), (350, 200), (750, 500), (1_500, 1_000),
    (3_500, 2_000), (7_500, 5_000), (12_500, 10_000), (17_500, 15_000), (25_000, 20_000), (45_000, 30_000),
    (90_000, 60_000), (210_000, 120_000), (450_000, 300_000), (750_000, 600_000), (1_050_000, 900_000),
    (1_500_000, 1_200_000), (2_700_000, 1_800_000), (5_400_000, 3_600_000), (9_000_000, 7_200_000),
    (16_200_000, 10_800_000), (32_400_000, 21_600_000),
    (86_400_000, 43_200_000), (604_800_000, 86_400_000))  # fmt: skip
_UNITS = {"d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1_000}
_VARIABLE = re.compile(r"\$(\w+)|\[\[(\w+?)(?::(\w+))?\]\]|\$\{(\w+)(?::(\w+))?\}")
_TO_ESCAPE = re.compile(r"[\\^$*+?.()|\[\]{}/]")


@dataclass(frozen=True)
class Span:
    """The time range above a dashboard, UTC ms, and how many points a panel has room for."""

    from_ms: int
    to_ms: int
    points: float = 1_000


@dataclass(frozen=True)
class Drawn:
    """A series: its tags, the column it comes from, and its points; null ones are gaps."""

    tags: Mapping[str, str]
    column: str
    points: Mapping[int, Any]


@dataclass(frozen=True)
class Asked:
    """A target of a panel, as it is sent."""

    panel: str
    ref_id: str
    database: str
    statement: str
    as_table: bool
    alias: str = ""


@dataclass
class Board:
    """A dashboard with what is chosen for its variables."""

    json: Json
    values: dict[str, str | Sequence[str]] = field(default_factory=dict)

    @property
    def panels(self) -> list[Json]:
        """All panels that show something, also those inside rows."""
        found = []
        for panel in self.json["panels"]:
            found += [panel, *panel.get("panels", [])]
        return [panel for panel in found if panel["type"] != "row"]

    @property
    def variables(self) -> dict[str, Json]:
        """The variables by name."""
        return {each["name"]: each for each in self.json["templating"]["list"]}

    def asked(self, span: Span, now_ms: int, database: Callable[[str], str]) -> Iterator[Asked]:
        """Yield what is sent for every target, a repeated panel once for each value."""
        for panel in self.panels:
            for values in self._repeats(panel):
                for target in panel["targets"]:
                    text = filled(target["query"], self.variables, values)
                    text = macros(text, span, interval_ms(span, panel.get("interval", "1ms")), now_ms)
                    where = filled(target["datasource"]["uid"], self.variables, values)
                    title = filled(panel["title"], self.variables, values)
                    as_table = target["resultFormat"] == "table"
                    yield Asked(
                        title, target["refId"], database(where), text, as_table, target.get("alias", "")
                    )

    def _repeats(self, panel: Json) -> Iterator[Values]:
        name = panel.get("repeat")
        if name is None:
            yield self.values
            return
        chosen = self.values[name]
        for value in offered(self.variables[name]) if chosen == ALL else chosen:
            yield {**self.values, name: [value]}


def filled(text: str, variables: Mapping[str, Json], values: Values) -> str:
    """Fill in the variables; what is none stays as it is, so that macros are left to the server."""

    def value_of(match: re.Match[str]) -> str:
        name = match[1] or match[2] or match[4]
        if name not in values:
            return match[0]
        return formatted(values[name], variables[name], text)

    return _VARIABLE.sub(value_of, text)


def formatted(value: str | Sequence[str], variable: Json, text: str) -> str:
    """Return a value as the data source writes it: for a regular expression, where it stands in one.

    Where all are chosen, a variable may have a text for that, which goes in as it is.
    """
    if value == ALL:
        everything: str = variable["allValue"]
        return everything
    many = variable.get("multi", False)
    in_regex = re.search(rf"/(?:\^)?(.*)(\${variable['name']})(.*)(?:\$)?/", text) is not None
    if isinstance(value, str):
        return _escaped(value) if many or in_regex else value
    if not text.startswith("SELECT") and not in_regex:
        return " + ".join(value)  # a title
    return f"({'|'.join(_escaped(each) for each in value)})"


def offered(variable: Json) -> list[str]:
    """Return the values of a variable that is a list of `text : value`."""
    return [text.split(" : ")[1] for text in variable["query"].split(", ")]


def _escaped(value: str) -> str:
    return _TO_ESCAPE.sub(lambda match: "\\" + match[0], value)


def macros(text: str, span: Span, interval: int, now_ms: int) -> str:
    """Fill in what Grafana's server does. `now()` is the engine's; here it is the moment of the demo data."""
    between = f"time >= {span.from_ms}ms and time <= {span.to_ms}ms"
    name = interval_text(interval)
    text = text.replace("$timeFilter", between).replace("$interval", name)
    text = text.replace("$__interval_ms", str(interval)).replace("$__interval", name)
    return text.replace("now()", f"{now_ms}ms")


def interval_ms(span: Span, least: str) -> int:
    """Return the stretch that one point stands for: a round one, and no shorter than the panel allows."""
    exact = (span.to_ms - span.from_ms) / span.points
    least_ms = 1 if least == "1ms" else int(least[:-1]) * _UNITS[least[-1]]
    rounded = next((to for below, to in _BETWEEN if exact < below), 604_800_000)
    return max(rounded, least_ms)


def interval_text(ms: int) -> str:
    """Return an interval as Grafana writes it: in its largest whole unit."""
    for unit, length in _UNITS.items():
        if ms % length == 0:
            return f"{ms // length}{unit}"
    return f"{ms}ms"


def drawn(results: Json) -> list[Drawn]:
    """Return the series of an answer, one a tag set and column."""
    return [
        Drawn(one.get("tags", {}), column, {row[0]: row[number] for row in one["values"]})
        for one in results.get("series", [])
        for number, column in enumerate(one["columns"])
        if column != "time"
    ]


def rows(results: Json) -> list[dict[str, Any]]:
    """Return the rows of the one table that an answer becomes: time, tags, columns."""
    return [
        {**one.get("tags", {}), **dict(zip(one["columns"], row, strict=True))}
        for one in results.get("series", [])
        for row in one["values"]
    ]


def named(series: Drawn, alias: str) -> str:
    """Return what a series is called by its alias."""

    def part(match: re.Match[str]) -> str:
        name = match[1]
        return series.column if name == "col" else series.tags[name.removeprefix("tag_")]

    return re.sub(r"\$(tag_\w+|col)", part, alias)


def alarming(rule: Json, results: Json) -> dict[tuple[str, ...], bool]:
    """Return what a rule makes of its query's answer: by the labels of a series, whether it is alarming."""
    [_, reduce, threshold] = [query["model"] for query in rule["data"]]
    assert (reduce["type"], reduce["reducer"], reduce["expression"]) == ("reduce", "last", "A")
    assert (threshold["type"], threshold["expression"], rule["condition"]) == ("threshold", "B", "C")
    [condition] = threshold["conditions"]
    [limit] = condition["evaluator"]["params"]
    holds = {"eq": operator.eq, "gte": operator.ge}[condition["evaluator"]["type"]]
    newest = {tuple(one.tags.values()): list(one.points.values())[-1] for one in drawn(results)}
    return {labels: holds(value, limit) for labels, value in newest.items()}
