"""Settings of the replay driver: `[machines.replay]` in agent.toml."""

from typing import Annotated

import msgspec

EVENT_TIME = True
"""The machine's time is the readings' time: the wall clock does not advance it."""


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A recorded log, one value a row, in a CSV file with a header (`.gz`: compressed).

    `at`, `key` and `value` name its columns; `signals` says which key is which signal (signal = key).
    `file_column` names a column that tells the daily file a row came from (`START-END`). Values in `unknown`
    mean "not known". `speed` 1 replays in real time, 60 a minute in a second, 0 as fast as it is taken.
    """

    file: Annotated[str, msgspec.Meta(min_length=1)]
    signals: Annotated[dict[str, str], msgspec.Meta(min_length=1)]
    at: str = "at"
    key: str = "key"
    value: str = "value"
    file_column: str | None = None
    unknown: tuple[str, ...] = ()
    speed: Annotated[float, msgspec.Meta(ge=0)] = 0.0
