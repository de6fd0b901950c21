from datetime import date, timedelta

from aggregator.matching.drill import PlacedOrder, Stop, drill
from aggregator.matching.offer import Market
from aggregator.matching.propose import propose
from aggregator.matching.taken import with_taken
from aggregator.model.job import Job, JobStatus
from aggregator.model.order import OrderDraft
from aggregator.model.proposal import Plan
from tests.aggregator.matching.small_markets import TODAY, draft, offer, step

DUE = TODAY + timedelta(days=20)
ORDER = draft(300, DUE, step("cut", "cutting"), step("join", "assembly", after=["cut"]))
OPEN = Market(
    (
        offer("aoki", "cutting", [500, 500, 500, 500]),
        offer("baba", "cutting", [400, 400, 400, 400]),
        offer("chiba", "assembly", [500, 500, 500, 500]),
    )
)


def placed(order: OrderDraft, plan: Plan, status: JobStatus = JobStatus.PLANNED) -> PlacedOrder:
    backups = {(each.step, each.instead_of): each.factory for each in plan.backups}
    processes = {each.id: each.process for each in order.steps}
    return PlacedOrder(
        "order-1",
        order,
        tuple(
            Job(
                id=f"{lot.step}-{lot.factory}",
                order="order-1",
                step=lot.step,
                factory=lot.factory,
                process=processes[lot.step],
                pieces=lot.pieces,
                minutes=lot.minutes,
                pieces_per_cycle=1,
                machines=frozenset(lot.machines),
                work=tuple((work.week, work.minutes) for work in lot.work),
                backup=backups[lot.step, lot.factory],
                status=status,
            )
            for lot in plan.lots
        ),
    )


def test_the_recorded_backup_takes_over_and_saves_days() -> None:
    plan = propose(ORDER, OPEN, TODAY, "draw").plans[0]
    order = placed(ORDER, plan)
    worker = order.jobs[0].factory
    market = with_taken(OPEN, ORDER, plan.lots)
    found = drill([order], market, Stop(worker, TODAY, 14), TODAY)
    (hit,) = found.orders
    (job,) = hit.jobs
    assert (job.job, job.recorded) == (order.jobs[0].id, True)
    assert job.instead == order.jobs[0].backup != worker
    assert 0 < job.minutes <= order.jobs[0].minutes
    assert hit.planned and hit.waiting and hit.switched
    assert hit.planned <= hit.switched < hit.waiting


def test_a_backup_that_is_full_by_now_is_replaced_or_nobody() -> None:
    plan = propose(ORDER, OPEN, TODAY, "draw").plans[0]
    order = placed(ORDER, plan)
    worker = order.jobs[0].factory
    full = tuple(each for each in OPEN.offers if each.key.factory == worker or each.key.process != "cutting")
    market = with_taken(Market(full), ORDER, plan.lots)
    (hit,) = drill([order], market, Stop(worker, TODAY, 3), TODAY).orders
    assert hit.jobs[0].instead is None
    assert hit.switched == hit.waiting
    spare = Market((*full, offer("doi", "cutting", [900, 900, 900, 900])))
    (hit,) = drill([order], with_taken(spare, ORDER, plan.lots), Stop(worker, TODAY, 3), TODAY).orders
    assert (hit.jobs[0].instead, hit.jobs[0].recorded) == ("doi", False)


def test_days_without_its_work_and_jobs_that_are_done_are_no_hit() -> None:
    plan = propose(ORDER, OPEN, TODAY, "draw").plans[0]
    market = with_taken(OPEN, ORDER, plan.lots)
    order = placed(ORDER, plan)
    worker = order.jobs[0].factory
    assert drill([order], market, Stop(worker, date(2027, 3, 1), 5), TODAY).orders == ()
    assert drill([order], market, Stop("elsewhere", TODAY, 5), TODAY).orders == ()
    over = placed(ORDER, plan, JobStatus.DONE)
    assert drill([over], OPEN, Stop(worker, TODAY, 5), TODAY).orders == ()


def test_a_drill_changes_neither_orders_nor_market() -> None:
    plan = propose(ORDER, OPEN, TODAY, "draw").plans[0]
    order, market = placed(ORDER, plan), with_taken(OPEN, ORDER, plan.lots)
    before = repr((order, market))
    drill([order], market, Stop(order.jobs[0].factory, TODAY, 5), TODAY)
    assert repr((order, market)) == before
