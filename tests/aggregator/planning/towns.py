"""A served town whose spare hours a test makes by hand."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from aggregator.model.machine import Factory, Machine, MachineKey
from tests.aggregator.planning.markets import NOW_MS, HandMadeSpare, market, planning_on
from tests.aggregator.town import Town, found_town, served

NAMES = {"aoki": "青木精機", "sato": "佐藤製作所", "higashi": "ひがし計測", "kita": "北検査"}


def matching_town(folder: Path, spare: HandMadeSpare) -> Town:
    """Build a town of four factories, two that cut and two that inspect, on hand-made spare hours."""
    town = found_town(folder, now=lambda: NOW_MS, settled=False)
    records = town.services.records
    cells = [offer.key for offer in market().offers]
    records.remember(
        [Factory(id_, name) for id_, name in NAMES.items()],
        [Machine(MachineKey(key.factory, "m-1"), "1号機", key.process, "measured") for key in cells],
    )
    planning = planning_on(records.engine, spare)
    hours: Any = spare
    return Town(replace(town.services, planning=planning, spare=hours), town.tokens)


@contextmanager
def matching(folder: Path) -> Iterator[tuple[str, Town, HandMadeSpare]]:
    """Serve such a town; gives its address, itself and its spare hours."""
    spare = HandMadeSpare(market())
    town = matching_town(folder, spare)
    with served(town) as (url, _):
        yield url, town, spare
