"""The tile of one machine on the floor page: what is live and what is measured in, HTML out.

Rendering never asks the store: a state change is on the screen as soon as the board has it.
"""

from dataclasses import dataclass
from typing import Any

from agent.contract.states import STATES
from aggregator.config import Config
from aggregator.live import LiveMachine
from aggregator.measured import MINUTE_MS, Measured, cycles_today, hour_start
from aggregator.model.machine import Machine, MachineKey
from aggregator.web.formats import Formats
from aggregator.web.pages import environment, process_name
from aggregator.web.strip import Bar, minute_bars

STALE_AFTER_MS = 150_000
"""Agents say something every minute; after two and a half, what is shown is old and looks it."""


@dataclass(frozen=True, slots=True)
class Tile:
    """All that the template of a tile shows; `bars` is the last hour, in minutes from `start_ms`."""

    machine: Machine
    live: LiveMachine
    measured: Measured
    cycles_today: int | None
    start_ms: int
    bars: list[Bar]

    def stale(self, now_ms: int) -> bool:
        """Tell whether what is shown is old although nobody said that the connection is gone."""
        heard_ms = self.live.heard_ms
        return self.live.connected and heard_ms is not None and now_ms - heard_ms > STALE_AFTER_MS

    @property
    def minutes_by_state(self) -> list[tuple[str, int]]:
        """The last hour in whole minutes by state, longest first, for the strip's text alternative."""
        if self.measured.hour is None:
            return []
        pairs = zip(STATES, self.measured.hour.state_ms, strict=True)
        minutes = [(state, round(length_ms / MINUTE_MS)) for state, length_ms in pairs]
        return sorted(((state, count) for state, count in minutes if count), key=lambda pair: -pair[1])


def tile_of(machine: Machine, live: LiveMachine, measured: Measured, config: Config) -> Tile:
    """Return the tile's values."""
    start_ms = hour_start(measured.at_ms)
    return Tile(
        machine,
        live,
        measured,
        cycles_today(measured, live, config.zone),
        start_ms,
        minute_bars(measured.windows, start_ms),
    )


_Shown = tuple[Machine, LiveMachine, Measured]


class Tiles:
    """Renders tiles, each once for every language until something about it changes, however many look."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._rendered: dict[tuple[MachineKey, str], tuple[_Shown, str]] = {}

    def html(
        self, machine: Machine, live: LiveMachine, measured: Measured, language: str, now_ms: int
    ) -> str:
        """Return the tile as HTML; ages in it are those of when it was rendered, scripts tick them on."""
        shown = (machine, live, measured)
        place = (machine.key, language)
        known = self._rendered.get(place)
        if known and all(old is new for old, new in zip(known[0], shown, strict=True)):
            return known[1]
        html = self._render(tile_of(machine, live, measured, self._config), language, now_ms)
        self._rendered[place] = (shown, html)
        return html

    def _render(self, tile: Tile, language: str, now_ms: int) -> str:
        values: dict[str, Any] = {
            "tile": tile,
            "fmt": Formats(language, self._config.zone),
            "process_name": lambda process: process_name(self._config.processes, language, process),
            "now_ms": now_ms,
            "hidden": False,
        }
        return environment(language).get_template("tile.html").render(values)
