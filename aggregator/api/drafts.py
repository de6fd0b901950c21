"""Order drafts and decisions as they come in: JSON whose shape is checked here, and its sense by `faults`."""

from datetime import date
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic.types import StrictInt

from aggregator.model.order import DraftStep, Needs, OrderDraft
from aggregator.model.text import shows
from aggregator.model.week import Week
from aggregator.planning.edit import LotChange

MOST_WORDS = 50


def only_a_day(value: Any) -> Any:
    """Let no number of seconds and no time of day pass as a date; raises ValueError."""
    if not isinstance(value, str) or len(value) != 10:
        raise ValueError("expected a date such as 2026-12-25")
    return value


def _printable(value: Any) -> Any:
    if isinstance(value, str) and not shows(value):
        raise ValueError("holds characters that cannot be shown, such as line breaks")
    return value


def _said(value: Any) -> Any:
    if isinstance(value, str) and not value.strip():
        raise ValueError("say why")
    return value


Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Text = Annotated[str, BeforeValidator(_printable)]
Words = Annotated[list[Text], Field(max_length=MOST_WORDS)]
Reason = Annotated[
    Text,
    BeforeValidator(_said),
    Field(max_length=500, description="Why; it is kept in the audit log", examples=["納期が合わない"]),
]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class NeedsBody(_Body):
    """What a step asks of a machine; left out, it asks for nothing."""

    materials: Words = Field([], description="Materials the machine has to take", examples=[["SUS304"]])
    tolerance_um: Number | None = Field(None, description="Finest tolerance, micrometres", examples=[20])
    size_mm: tuple[Number, Number, Number] | None = Field(
        None, description="Size of the part: length, width, height in millimetres", examples=[[120, 80, 40]]
    )
    tonnage_kn: Number | None = Field(None, description="Force of a press, kilonewtons", examples=[800])
    others: Words = Field([], description="Other abilities in words, such as a plating")

    def needs(self) -> Needs:
        """Return the value that matching works on."""
        return Needs(
            materials=frozenset(self.materials),
            tolerance_um=self.tolerance_um,
            size_mm=self.size_mm,
            tonnage_kn=self.tonnage_kn,
            others=frozenset(self.others),
        )


class StepBody(_Body):
    """One process of the routing."""

    id: Text = Field(description="Short name of the step within the order", examples=["cut"])
    process: Text = Field(description="Process id", examples=["cutting"])
    cycle_s: Number = Field(description="Seconds of one machine cycle", examples=[90])
    after: list[Text] = Field(
        [], max_length=50, description="Ids of the steps whose pieces it takes", examples=[[]]
    )
    pieces_per_cycle: StrictInt = Field(1, description="Pieces that one cycle makes")
    setup_h: Number = Field(0, description="Hours of setup, once a lot")
    transport_days: StrictInt = Field(1, description="Days until the next step can begin")
    max_lots: StrictInt = Field(1, description="It may be split into so many lots, one factory each")
    min_lot: StrictInt = Field(1, description="Pieces of the smallest lot")
    needs: NeedsBody | None = Field(None, description="What it asks of a machine; left out: nothing")

    def step(self) -> DraftStep:
        """Return the value that matching works on."""
        return DraftStep(
            id=self.id,
            process=self.process,
            cycle_s=self.cycle_s,
            after=tuple(self.after),
            pieces_per_cycle=self.pieces_per_cycle,
            setup_h=self.setup_h,
            transport_days=self.transport_days,
            max_lots=self.max_lots,
            min_lot=self.min_lot,
            needs=self.needs.needs() if self.needs else Needs(),
        )


class DraftBody(_Body):
    """An order as someone drafts it."""

    buyer: Text = Field(description="Who orders", examples=["大手精機"])
    part: Text = Field(description="What is made", examples=["ブラケット A-1"])
    quantity: StrictInt = Field(description="Good pieces", examples=[500])
    due: Annotated[date, BeforeValidator(only_a_day)] = Field(
        description="Day by whose end all is done", examples=["2026-12-25"]
    )
    steps: list[StepBody] = Field(description="The routing, at most 50 steps", max_length=200)

    def draft(self) -> OrderDraft:
        """Return the value that matching works on."""
        return OrderDraft(
            self.buyer, self.part, self.quantity, self.due, tuple(step.step() for step in self.steps)
        )


class ApproveBody(_Body):
    """An approval; `confirm` it when capacity changed since the proposal was made."""

    confirm: bool = Field(False, description="Approve although what was proposed changed", strict=True)


class ReasonBody(_Body):
    """A decision that has to say why."""

    reason: Reason


def _week(value: Any) -> Any:
    if isinstance(value, str):
        Week.parse(value)
    return value


class LotBody(_Body):
    """A lot that is to go elsewhere, or into other weeks."""

    step: Text = Field(description="Id of the step", examples=["cut"])
    factory: Text = Field(description="Id of the factory that it is planned at", examples=["aoki"])
    to_factory: Text | None = Field(None, description="Id of the factory to do it; null: as planned")
    weeks: list[Annotated[str, BeforeValidator(_week)]] = Field(
        [],
        max_length=60,
        description="ISO weeks in which to do it; empty: as is best",
        examples=[["2026-W50"]],
    )


class EditBody(_Body):
    """A change to the best plan, and why: another of the ranked plans, or other factories and weeks."""

    reason: Reason
    plan: StrictInt | None = Field(None, description="Take this one of `plans`, counted from 0")
    lots: list[LotBody] = Field([], max_length=100, description="What to change in the best plan")

    @model_validator(mode="after")
    def _one_of_both(self) -> "EditBody":
        if (self.plan is None) == (not self.lots):
            raise ValueError("give either `plan` or `lots`")
        return self

    def changes(self) -> list[LotChange]:
        """Return the values that planning works on."""
        return [
            LotChange(each.step, each.factory, each.to_factory, tuple(map(Week.parse, each.weeks)))
            for each in self.lots
        ]
