"""The ledger as rows of text and numbers, in one language: what CSV and PDF both show. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from aggregator.model.ledger import Amounts, Ledger
from aggregator.model.work import Handover
from aggregator.web.formats import N_
from aggregator.web.order_say import OrderSay

JOB, HANDOVER, STEP, TOTAL = N_("job"), N_("hand-over"), N_("step"), N_("total")
COLUMNS: tuple[str, ...] = (
    N_("Row"),
    N_("Order"),
    N_("Step"),
    N_("Process"),
    N_("Job"),
    N_("Factory"),
    N_("Sent to"),
    N_("Planned pieces"),
    N_("Good, measured"),
    N_("Good, reported"),
    N_("Good, together"),
    N_("Scrap"),
    N_("Handed on"),
    N_("Accepted"),
    N_("Rejects"),
    N_("Begun"),
    N_("Finished"),
    N_("Own delay (h)"),
    N_("Inherited delay (h)"),
    N_("Cause"),
)

Cell = str | int | float | None
"""None is unknown, and says so; an empty text is a cell that has no meaning in its row."""


@dataclass(frozen=True, slots=True)
class Names:
    """How things are called: jobs by id."""

    say: OrderSay
    jobs: Mapping[str, str]
    buyer: str


def rows_of(ledger: Ledger, names: Names) -> Iterator[list[Cell]]:
    """Yield the rows; those of jobs add up to those of steps, and those to the total."""
    text, say = names.say.say.fmt.text, names.say
    for step in ledger.steps:
        process = say.say.process(step.process)
        for line in step.jobs:
            job = line.job.job
            yield [
                text(JOB), ledger.order, step.position, process, job.id, say.say.factory(job.factory), "",
                *_pieces(line.amounts), _moment(say, line.job.started_ms), _moment(say, line.job.finished_ms),
                "", "", "",
            ]  # fmt: skip
            for each in ledger.handovers:
                if each.from_job == job.id:
                    yield _handover(each, ledger, step.position, process, names)
        delay = step.delay
        yield [
            text(STEP), ledger.order, step.position, process, "", "", "", *_pieces(step.amounts), "", "",
            None if delay is None else round(delay.own_h, 1),
            None if delay is None else round(delay.inherited_h, 1),
            say.delay(delay),
        ]  # fmt: skip
    own_h = None if ledger.own_h is None else round(ledger.own_h, 1)
    yield [text(TOTAL), ledger.order, "", "", "", "", "", *_pieces(ledger.total), "", "", own_h, "", ""]


def _pieces(amounts: Amounts) -> list[Cell]:
    return [
        amounts.planned,
        amounts.measured,
        amounts.reported,
        amounts.good,
        amounts.scrap,
        amounts.sent,
        amounts.accepted,
        amounts.rejected,
    ]


def _handover(each: Handover, ledger: Ledger, position: int, process: str, names: Names) -> list[Cell]:
    to = names.buyer if each.to_job is None else names.jobs.get(each.to_job, each.to_job)
    counts: list[Cell] = [each.sent, each.accepted, each.rejected]
    moments = [_moment(names.say, each.sent_ms), _moment(names.say, each.received_ms)]
    sender = names.jobs.get(each.from_job, each.from_job)
    kind = names.say.say.fmt.text(HANDOVER)
    nothing: list[Cell] = ["", "", "", "", ""]
    return [
        kind,
        ledger.order,
        position,
        process,
        each.from_job,
        sender,
        to,
        *nothing,
        *counts,
        *moments,
        "",
        "",
        "",
    ]


def _moment(say: OrderSay, at_ms: int | None) -> str:
    return "" if at_ms is None else say.say.fmt.stamp(at_ms)
