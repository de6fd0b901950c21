"""The ledger adds up, whatever happened; who is late by himself is named, who waited for him is not."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from aggregator.model.ledger import Amounts
from aggregator.model.progress import Cause, OrderProgress, Pieces, Progress
from aggregator.model.work import Handover
from aggregator.order_ledger import added, ledger_of
from tests.aggregator.alerting.orders_seen import NOW_MS, ORDER, seen

HANDOVERS = (
    Handover(2, ORDER, f"{ORDER}-1a", f"{ORDER}-2a", 250, NOW_MS - 10, "aoki"),
    Handover(1, ORDER, f"{ORDER}-1a", f"{ORDER}-2a", 250, NOW_MS - 20, "aoki", 248, 2, NOW_MS, "sakura"),
)


def test_every_job_has_a_line_under_its_step_and_pieces_keep_their_source() -> None:
    ledger = ledger_of(seen(), HANDOVERS)
    assert [(step.position, step.process) for step in ledger.steps] == [
        (1, "cutting"),
        (2, "surface_treatment"),
        (3, "inspection"),
    ]
    cut = ledger.steps[0].jobs[0].amounts
    assert (cut.planned, cut.measured, cut.reported, cut.good) == (500, 500, 0, 500)
    assert (cut.sent, cut.accepted, cut.rejected, cut.uncounted) == (500, 496, 4, 0)
    assert [each.id for each in ledger.handovers] == [1, 2]


def test_the_step_that_broke_down_is_blamed_alone_and_the_next_one_inherits() -> None:
    ledger = ledger_of(seen(), ())
    first, second, third = (step.delay for step in ledger.steps)
    assert first and second and third
    assert (second.own_h, second.causes[0]) == (16.0, (Cause.BREAKDOWN, 14.0))
    assert (third.own_h, third.inherited_h, third.inherited_from) == (0.0, 16.0, "2")
    assert ledger.own_h == first.own_h + second.own_h + third.own_h == 16.0


def test_a_cancelled_job_keeps_what_it_did_but_nothing_is_planned_of_it() -> None:
    order = seen()
    first = order.steps[0]
    gone = replace(first, jobs=(replace(first.jobs[0], progress=Progress.CANCELLED),))
    ledger = ledger_of(replace(order, steps=(gone, *order.steps[1:])), ())
    assert (ledger.steps[0].amounts.planned, ledger.steps[0].amounts.good) == (0, 500)


def test_delay_that_is_not_known_is_not_zero() -> None:
    order = seen()
    plain = replace(order, steps=tuple(replace(step, delay=None) for step in order.steps))
    assert ledger_of(plain, ()).own_h is None


def test_scrap_that_nobody_counts_stays_unknown_in_sums() -> None:
    assert added([Amounts(), Amounts()]).scrap is None
    some = added([Amounts(scrap=3), Amounts(scrap=None)])
    assert (some.scrap, some.scrap_partly) == (3, True)
    assert added([Amounts(scrap=3), Amounts(scrap=0)]).scrap_partly is False


counts = st.integers(0, 10_000)


@st.composite
def orders(draw: st.DrawFn) -> OrderProgress:
    """Return the order with other jobs: any number a step, at any factory, with any pieces."""
    order = seen()
    steps = []
    for step in order.steps:
        jobs = []
        for number in range(draw(st.integers(0, 3))):
            job = step.jobs[0]
            accepted, rejected, more = draw(counts), draw(counts), draw(counts)
            factory = draw(st.sampled_from(["aoki", "sakura", "higashi"]))
            measured, reported = draw(counts), draw(counts)
            jobs.append(
                replace(
                    job,
                    job=replace(job.job, id=f"{job.job.id}{number}", factory=factory),
                    progress=draw(st.sampled_from(list(Progress))),
                    pieces=Pieces(measured + reported, measured, reported, draw(st.none() | counts)),
                    sent=accepted + rejected + more,
                    accepted=accepted,
                    rejected=rejected,
                )
            )
        steps.append(replace(step, jobs=tuple(jobs)))
    return replace(order, steps=tuple(steps))


@given(orders())
def test_jobs_steps_and_factories_add_up_to_the_same_total(order: OrderProgress) -> None:
    ledger = ledger_of(order, ())
    lines = [line.amounts for step in ledger.steps for line in step.jobs]
    by_factory = [amounts for _, amounts in ledger.factories]
    for name in ("planned", "measured", "reported", "good", "sent", "accepted", "rejected", "uncounted"):
        total = getattr(ledger.total, name)
        for parts in (lines, [step.amounts for step in ledger.steps], by_factory):
            assert sum(getattr(part, name) for part in parts) == total
    scraps = [each.scrap for each in lines if each.scrap is not None]
    assert ledger.total.scrap == (sum(scraps) if scraps else None)
    assert ledger.total.sent == ledger.total.accepted + ledger.total.rejected + ledger.total.uncounted
