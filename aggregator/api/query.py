"""Parameters of the API's addresses. What is not named here is refused: a typo must not become a default."""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from aggregator.api.moments import Instant

MAX_LIMIT = 10_000


class NoQuery(BaseModel):
    """No parameters."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class RangeQuery(NoQuery):
    """A range of time."""

    since: Instant | None = Field(
        None,
        description="From here, RFC 3339 with an offset (default: 24 hours before `until`)",
        examples=["2026-11-22T00:00:00+09:00"],
    )
    until: Instant | None = Field(
        None,
        description="Up to here, not included, RFC 3339 with an offset (default: now)",
        examples=["2026-11-23T00:00:00+09:00"],
    )


class PageQuery(RangeQuery):
    """A range of time, page by page."""

    limit: int = Field(
        1_000, ge=1, le=MAX_LIMIT, description="At most this many rows a page (days: at most 1,000)"
    )
    cursor: str | None = Field(
        None,
        pattern=r"^[0-9]{1,15}$",
        description="`next_cursor` of the page before; keep the rest as it was",
    )


class Resolution(StrEnum):
    """Windows as stored, or their totals by UTC hour or local day."""

    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"


class WindowQuery(PageQuery):
    """Windows, page by page."""

    resolution: Resolution = Field(
        Resolution.MINUTE, description="Windows as stored, or their totals by UTC hour or local day"
    )


class By(StrEnum):
    """What a row stands for."""

    MACHINE = "machine"
    FACTORY = "factory"
    PROCESS = "process"


class UtilizationQuery(RangeQuery):
    """A range of time, and what a row stands for."""

    by: By = Field(By.MACHINE, description="What a row stands for")
