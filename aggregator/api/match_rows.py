"""Proposals in JSON: what was proposed, why, what it rests on, and how it stands now."""

from datetime import date
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

from aggregator.api.moments import from_ms
from aggregator.model.job import Job
from aggregator.model.match import Match, MatchStatus, OrderStatus
from aggregator.planning.standing import Standing

WeekText = Annotated[str, BeforeValidator(str), Field(description="ISO week", examples=["2026-W49"])]
Names = Annotated[list[str], BeforeValidator(sorted)]


class _Row(BaseModel):
    model_config = ConfigDict(from_attributes=True, frozen=True)


class NeedsRow(_Row):
    """What a step asks of a machine; null and empty ask for nothing."""

    materials: Names = Field(description="Materials")
    tolerance_um: float | None = Field(description="Finest tolerance, micrometres")
    size_mm: tuple[float, float, float] | None = Field(description="Size of the part, millimetres")
    tonnage_kn: float | None = Field(description="Force of a press, kilonewtons")
    others: Names = Field(description="Other words")


class StepRow(_Row):
    """One process of the routing."""

    id: str = Field(description="Name of the step within the order")
    process: str = Field(description="Process id")
    cycle_s: float = Field(description="Seconds of one machine cycle")
    after: list[str] = Field(description="Ids of the steps whose pieces it takes")
    pieces_per_cycle: int = Field(description="Pieces that one cycle makes")
    setup_h: float = Field(description="Hours of setup, once a lot")
    transport_days: int = Field(description="Days until the next step can begin")
    max_lots: int = Field(description="It may be split into so many lots")
    min_lot: int = Field(description="Pieces of the smallest lot")
    needs: NeedsRow = Field(description="What it asks of a machine")


class DraftRow(_Row):
    """The order as drafted."""

    buyer: str = Field(description="Who orders")
    part: str = Field(description="What is made")
    quantity: int = Field(description="Good pieces")
    due: date = Field(description="Day by whose end all is done")
    steps: list[StepRow] = Field(description="The routing")


class WorkRow(_Row):
    """Machine time in one week."""

    week: WeekText
    minutes: int = Field(description="Minutes of machine time")


class LotRow(_Row):
    """Pieces of a step at one factory."""

    step: str = Field(description="Id of the step")
    factory: str = Field(description="Id of the factory")
    pieces: int = Field(description="Good pieces")
    minutes: int = Field(description="Minutes of machine time, all weeks together")
    work: list[WorkRow] = Field(description="The same by week")
    machines: list[str] = Field(description="Machines that can take it")
    first: date | None = Field(description="First day of its work; null where only weeks are known")
    last: date | None = Field(description="Last day of its work")


class BackupRow(_Row):
    """Who could do a lot in the same weeks, counted on P10."""

    step: str = Field(description="Id of the step")
    instead_of: str = Field(description="Id of the lot's factory")
    factory: str | None = Field(description="Id of the backup; null: nobody")


class MissingRow(_Row):
    """Work that found no place."""

    step: str = Field(description="Id of the step")
    process: str = Field(description="Process id")
    pieces: int = Field(description="Good pieces without a place")
    minutes: int = Field(description="Minutes of machine time that are missing")
    week: WeekText | None = Field(description="Week in which it is lacking first")
    reason: str = Field(
        description="no_such_process, no_such_ability, no_number, not_enough_hours or too_late",
        examples=["not_enough_hours"],
    )
    lacking: list[str] = Field(description="Abilities that nobody has")
    cures: list[tuple[str, int]] = Field(
        description="What was tried and works: overtime_minutes, later_days, split_lots, factory; how much"
    )


class FinishRow(_Row):
    """When all is done; null when it is not within the weeks ahead."""

    p50: date | None = Field(description="With 50 percent")
    p90: date | None = Field(description="With 90 percent")
    on_time: float = Field(ge=0, le=1, description="Chance (0 to 1) to be on time")


class TiersRow(_Row):
    """What a plan costs, the more important first; less is better."""

    unplaced_minutes: int = Field(description="Work without a place")
    late_orders: int = Field(description="1 when it is late")
    late_days: int = Field(description="Days after the due date")
    without_backup: int = Field(description="Lots for which no other factory stands ready")
    largest_share_permille: int = Field(description="Largest share of a factory's spare hours assigned")
    transport_days: int = Field(description="Days on the road")


class PlanRow(_Row):
    """One whole answer."""

    lead: str | None = Field(description="Id of the lead factory")
    finish: FinishRow = Field(description="When it is done")
    lots: list[LotRow] = Field(description="Who does what, and when")
    backups: list[BackupRow] = Field(description="Who stands ready")
    missing: list[MissingRow] = Field(description="Work without a place, and what would cure it")
    late: list[MissingRow] = Field(description="Work placed behind the due date, and what would cure that")
    tiers: TiersRow = Field(description="What it costs")
    proven: bool = Field(description="No plan is better in any tier; false: none better was found in time")


class AlternativeRow(_Row):
    """The best answer without a factory at a step."""

    step: str = Field(description="Id of the step")
    factory: str = Field(description="Id of the factory that is left out")
    plan: PlanRow = Field(description="The best answer then")


class BasisRow(_Row):
    """Capacity that the proposal rests on."""

    factory: str = Field(description="Id of the factory")
    process: str = Field(description="Process id")
    week: WeekText
    p10: int = Field(description="Minutes to spare on P10, before earlier orders")
    taken: int = Field(description="Minutes of them that earlier orders held")


class ShortageRow(_Row):
    """Minutes that the plan needs and a cell no longer has."""

    factory: str = Field(description="Id of the factory")
    process: str = Field(description="Process id")
    week: WeekText
    minutes: int = Field(description="So many more than there are")
    machines: list[str] = Field(description="Only on these machines; empty: on all of the process")


class ChangeRow(_Row):
    """A cell of the basis that has less than before."""

    factory: str = Field(description="Id of the factory")
    process: str = Field(description="Process id")
    week: WeekText
    before: int = Field(description="Free minutes when it was proposed")
    now: int | None = Field(description="Free minutes now; null: no measured number, or the week is over")


class StandingRow(_Row):
    """How an open proposal stands against the capacity of now."""

    stale: bool = Field(description="It no longer holds as it was proposed")
    fits: bool = Field(description="Every hour of the plan is still there")
    shortages: list[ShortageRow] = Field(description="What is lacking")
    lost: list[BackupRow] = Field(description="Backups that no longer have the hours")
    changed: list[ChangeRow] = Field(description="What changed")


class JobRow(_Row):
    """A lot of an approved order."""

    id: str = Field(description="Id of the job", examples=["2026-0042-2a"])
    step: str = Field(description="Id of the step")
    factory: str = Field(description="Id of the factory")
    process: str = Field(description="Process id")
    pieces: int = Field(description="Good pieces")
    minutes: int = Field(description="Minutes of machine time planned")
    machines: Names = Field(description="Machines that can take it")
    backup: str | None = Field(description="Factory that stands ready")
    status: str = Field(description="planned, running, paused, done or cancelled", examples=["planned"])


class MatchSummary(_Row):
    """A proposal in a line."""

    id: str = Field(description="Id of the proposal", examples=["2026-0042-p1"])
    order: str = Field(description="Id of the order", examples=["2026-0042"])
    status: MatchStatus = Field(description="open, approved, rejected or replaced")
    order_status: OrderStatus = Field(description="Where the order stands")
    buyer: str = Field(description="Who orders")
    part: str = Field(description="What is made")
    quantity: int = Field(description="Good pieces")
    due: date = Field(description="Day by whose end all is to be done")
    finish: FinishRow | None = Field(description="When it is done by the best plan; null without a plan")
    unplaced_minutes: int | None = Field(description="Work without a place; null without a plan")
    stale: bool = Field(description="Open, and no longer as it was proposed")
    created: AwareDatetime = Field(description="RFC 3339")


class MatchRow(_Row):
    """A proposal: the best plan first, and what every choice of it is worth."""

    id: str = Field(description="Id of the proposal", examples=["2026-0042-p1"])
    order: str = Field(description="Id of the order", examples=["2026-0042"])
    status: MatchStatus = Field(description="open, approved, rejected or replaced")
    order_status: OrderStatus = Field(description="Where the order stands")
    draft: DraftRow = Field(description="The order")
    plans: list[PlanRow] = Field(description="Ranked, the best first")
    without: list[AlternativeRow] = Field(description="For every choice of the best, what is best without it")
    draw: str = Field(description="Published seed that breaks what ties remain")
    basis: list[BasisRow] = Field(description="Capacity that the best plan rests on")
    from_match: str | None = Field(description="Id of the proposal it was edited from")
    standing: StandingRow | None = Field(description="Only while it is open")
    jobs: list[JobRow] = Field(description="Jobs of the order, once approved")
    created: AwareDatetime = Field(description="RFC 3339")
    created_by: str = Field(description="Who asked for it")
    decided: AwareDatetime | None = Field(description="RFC 3339; null while it is open")
    decided_by: str | None = Field(description="Who decided")
    reason: str | None = Field(description="Why")


def match_row(match: Match, standing: Standing | None, jobs: list[Job], zone: ZoneInfo) -> MatchRow:
    """Return the proposal as JSON shows it."""
    values: dict[str, Any] = {
        **_common(match, zone),
        "draft": match.draft,
        "plans": match.proposal.plans,
        "without": match.proposal.without,
        "draw": match.proposal.draw,
        "basis": match.basis.cells,
        "from_match": match.basis.from_match,
        "standing": standing,
        "jobs": jobs,
        "created_by": match.created_by,
        "decided": None if match.decided_ms is None else from_ms(match.decided_ms, zone),
        "decided_by": match.decided_by,
        "reason": match.reason,
    }
    return MatchRow.model_validate(values)


def match_summary(match: Match, standing: Standing | None, zone: ZoneInfo) -> MatchSummary:
    """Return the proposal in a line."""
    draft = match.draft
    best = match.proposal.plans[0] if match.proposal.plans else None
    return MatchSummary.model_validate(
        {
            **_common(match, zone),
            "buyer": draft.buyer,
            "part": draft.part,
            "quantity": draft.quantity,
            "due": draft.due,
            "finish": best.finish if best else None,
            "unplaced_minutes": best.tiers.unplaced_minutes if best else None,
            "stale": standing is not None and standing.stale,
        }
    )


def _common(match: Match, zone: ZoneInfo) -> dict[str, Any]:
    return {
        "id": match.id,
        "order": match.order,
        "status": match.status,
        "order_status": match.order_status,
        "created": from_ms(match.created_ms, zone),
    }
