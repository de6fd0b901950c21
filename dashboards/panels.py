"""Panels of the kinds that the dashboards are made of, in their usual look."""

from collections.abc import Sequence
from typing import TypeVar

from grafana_foundation_sdk.builders import barchart, stat, statetimeline, timeseries
from grafana_foundation_sdk.builders import common as common_builders
from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.builders import table as table_panel
from grafana_foundation_sdk.models import common
from grafana_foundation_sdk.models import dashboard as model

from dashboards.influx import Influx

P = TypeVar("P", barchart.Panel, stat.Panel, statetimeline.Panel, timeseries.Panel, table_panel.Panel)

LEGEND = (
    common_builders.VizLegendOptions()
    .display_mode(common.LegendDisplayMode.LIST)
    .placement(common.LegendPlacement.BOTTOM)
    .show_legend(True)
)


def filled(  # noqa: PLR0917 (what is shown, in the order in which it is read)
    panel: P,
    title: str,
    description: str,
    where: model.DataSourceRef,
    targets: Sequence[Influx],
    size: tuple[int, int],
) -> P:
    """Return the panel with its texts, queries and size (width of 24, height)."""
    panel.title(title).description(description).datasource(where).span(size[0]).height(size[1])
    for target in targets:
        panel.with_target(target.datasource(where))
    return panel


def lines(unit: str, interval: str) -> timeseries.Panel:
    """Return a chart of lines over time that leaves gaps where nothing is known; `interval` is its finest."""
    return (
        timeseries.Panel()
        .unit(unit)
        .interval(interval)
        .min(0)
        .fill_opacity(5)
        .span_nulls(False)
        .legend(LEGEND)
    )


def shares(interval: str) -> timeseries.Panel:
    """Return a chart of shares, 0 to 100 %."""
    return lines("percentunit", interval).max(1)


def stacked(unit: str, interval: str, colours: Sequence[tuple[str, str]]) -> timeseries.Panel:
    """Return stacked bars over time; `colours` are those of the series by name."""
    found = lines(unit, interval).draw_style(common.GraphDrawStyle.BARS).fill_opacity(80).line_width(0)
    found.stacking(common_builders.StackingConfig().mode(common.StackingMode.NORMAL))
    for name, colour in colours:
        found.override_by_name(name, [_fixed(colour)])
    return found


def weeks() -> barchart.Panel:
    """Return bars side by side, a group a week."""
    return (
        barchart.Panel()
        .unit("h")
        .decimals(0)
        .min(0)
        .x_field("week")
        .show_value(common.VisibilityMode.AUTO)
        .legend(LEGEND)
    )


def timeline(mappings: list[model.ValueMapping], named: bool = False) -> statetimeline.Panel:
    """Return bands of states, `named` ones with what they are written inside."""
    return (
        statetimeline.Panel()
        .interval("1m")
        .mappings(mappings)
        .merge_values(True)
        .show_value(common.VisibilityMode.AUTO if named else common.VisibilityMode.NEVER)
        .row_height(0.8)
        .legend(LEGEND)
    )


def rows(mappings: dict[str, list[model.ValueMapping]], sort: str | None = None) -> table_panel.Panel:
    """Return a table; `mappings` are those of its columns, `sort` the column with the largest on top."""
    found = table_panel.Panel().override_by_name("Time", [HIDDEN])
    for name, mapping in mappings.items():
        found.override_by_name(name, [model.DynamicConfigValue(id_val="mappings", value=mapping)])
    if sort is not None:
        found.sort_by([common_builders.TableSortByFieldState().display_name(sort).desc(True)])
    return found


def number(mappings: list[model.ValueMapping]) -> stat.Panel:
    """Return one large value."""
    return stat.Panel().mappings(mappings).color_mode(common.BigValueColorMode.BACKGROUND)


def titled(text: str, **more: object) -> list[model.DynamicConfigValue]:
    """Return what is set for a column: its title, and by key unit, decimals and so on."""
    given = {"displayName": text, **more}
    return [model.DynamicConfigValue(id_val=key, value=value) for key, value in given.items()]


def linked(title: str, url: str) -> model.DynamicConfigValue:
    """Return the link that the values of a column are; `${__value.raw}` is the id, whatever is shown."""
    return model.DynamicConfigValue(id_val="links", value=[{"title": title, "url": url}])


def without_time() -> model.DataTransformerConfig:
    """Return the step that drops times, so that rows can be joined by what they are of."""
    return model.DataTransformerConfig(id_val="organize", options={"excludeByName": {"Time": True}})


def merged() -> model.DataTransformerConfig:
    """Return the step that makes one table of several, a row for everything they are of."""
    return model.DataTransformerConfig(id_val="merge", options={})


def coloured(steps: Sequence[tuple[float | None, str]]) -> build.ThresholdsConfig:
    """Return colours by value, the first for all below the second step."""
    found = [model.Threshold(value=value, color=colour) for value, colour in steps]
    return build.ThresholdsConfig().mode(model.ThresholdsMode.ABSOLUTE).steps(found)


HIDDEN = model.DynamicConfigValue(id_val="custom.hidden", value=True)
BACKGROUND = model.DynamicConfigValue(id_val="custom.cellOptions", value={"type": "color-background"})


def _fixed(colour: str) -> model.DynamicConfigValue:
    return model.DynamicConfigValue(id_val="color", value={"mode": "fixed", "fixedColor": colour})
