"""The kinds of machines and their rhythms: how long cycles, set-ups, breakdowns take, how often they come."""

from dataclasses import dataclass
from typing import Annotated

import msgspec
from msgspec import Meta

Seconds = Annotated[float, Meta(ge=0)]
Spread = Annotated[float, Meta(ge=0, le=2)]
Share = Annotated[float, Meta(ge=0, le=1)]


class Rhythm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A machine's habits. Times are means in seconds; `*_every_s` and `mtbf_s` count running time, 0 = never.

    A spread is the standard deviation as a share of the mean.
    """

    cycle_s: Annotated[float, Meta(ge=0.05)]
    cycle_spread: Spread = 0.08
    batch: Annotated[float, Meta(ge=1)]
    """Cycles between two set-ups."""
    batch_spread: Spread = 0.3
    setup_s: Seconds = 210
    starve_every_s: Seconds = 600
    starve_s: Seconds = 80
    stop_every_s: Seconds = 260
    stop_s: Seconds = 15
    mtbf_s: Seconds = 2400
    mttr_s: Seconds = 150
    order_gap_s: Annotated[float, Meta(ge=1)] = 2400
    """How long the machine waits when there is no order; `load` decides how often that comes."""
    scrap_rate: Share = 0.01
    load_swing: Spread = 0.12
    """How much a day's load differs from that of its weekday."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What machines of one kind have in common unless the scenario says otherwise."""

    process: str
    rhythm: Rhythm
    counter_bits: int = 32
    lamp_test_ms: int = 0
    """The red lamp flashes so long after every cycle: no breakdown, and readers must not take it for one."""


KINDS: dict[str, Kind] = {
    "machining_centre": Kind("cutting", Rhythm(cycle_s=60, batch=14, setup_s=240, scrap_rate=0.008)),
    "press": Kind("pressing", Rhythm(cycle_s=3.5, batch=260, scrap_rate=0.004), counter_bits=16),
    "plating_line": Kind(
        "surface_treatment",
        Rhythm(cycle_s=75, cycle_spread=0.04, batch=13, setup_s=200, scrap_rate=0.015),
        lamp_test_ms=400,
    ),
    "inspection": Kind("inspection", Rhythm(cycle_s=25, cycle_spread=0.15, batch=35, setup_s=190)),
    "assembly": Kind(
        "assembly", Rhythm(cycle_s=45, cycle_spread=0.2, batch=20, setup_s=180, scrap_rate=0.006)
    ),
    "packing": Kind(
        "shipping", Rhythm(cycle_s=12, cycle_spread=0.12, batch=80, setup_s=170, scrap_rate=0.002)
    ),
}
