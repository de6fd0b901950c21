"""The tile of one machine on the floor page: what is live and what is measured in, HTML out.

Rendering never asks the store: a state change is on the screen as soon as the board has it.
"""

from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from agent.contract.states import STATES
from aggregator.config import Config
from aggregator.live import LiveMachine
from aggregator.measured import MINUTE_MS, Measured, cycles_today, hour_start
from aggregator.model.machine import Machine, MachineKey
from aggregator.web.formats import Formats
from aggregator.web.pages import environment
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

# What changes by the second stands in a rendered tile as one of these (noncharacters: no name holds them).
AGE, LASTS, STALE, HIDDEN = "\ufdd0", "\ufdd1", "\ufdd2", "\ufdd3"


class Tiles:
    """Renders tiles, each once for every language until something about it changes, however many look."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._rendered: dict[tuple[MachineKey, str], tuple[_Shown, str]] = {}

    def outline(
        self, machine: Machine, live: LiveMachine, measured: Measured, language: str, now_ms: int
    ) -> str:
        """Return the tile without what changes by the second; the same object while nothing else does."""
        shown = (machine, live, measured)
        place = (machine.key, language)
        known = self._rendered.get(place)
        if known and known[0] == shown:
            return known[1]
        tile = tile_of(machine, live, measured, self._config)
        outline = self._render(tile, Formats(language, self._config.zone), now_ms)
        self._rendered[place] = (shown, outline)
        return outline

    def fill(
        self, outline: str, live: LiveMachine, language: str, now_ms: int, hidden: bool = False
    ) -> Markup:
        """Return the tile as HTML, as it is at `now_ms`."""
        formats = Formats(language, self._config.zone)
        lasts = "" if live.since_ms is None else formats.duration(now_ms - live.since_ms)
        return Markup(
            outline.replace(AGE, formats.age(live.heard_ms, now_ms))
            .replace(LASTS, lasts)
            .replace(STALE, " stale" if is_stale(live, now_ms) else "")
            .replace(HIDDEN, " hidden" if hidden else "")
        )

    def _render(self, tile: Tile, formats: Formats, now_ms: int) -> str:
        values: dict[str, Any] = {
            "tile": tile,
            "fmt": formats,
            "now_ms": now_ms,
            "moving": {"age": AGE, "lasts": LASTS, "stale": STALE, "hidden": HIDDEN},
        }
        return environment(formats.language).get_template("tile.html").render(values)


def is_stale(live: LiveMachine, now_ms: int) -> bool:
    """Tell whether what is shown is old although nobody said that the connection is gone."""
    return live.connected and live.heard_ms is not None and now_ms - live.heard_ms > STALE_AFTER_MS
