"""An order's progress is that of its steps, and a step's that of its jobs."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from aggregator.model.job import JobStatus
from aggregator.model.progress import JobFacts, OrderProgress, Progress, StepProgress
from aggregator.model.work import EventKind
from aggregator.progress.progress import in_sequence, order_progress
from tests.aggregator.progress.facts import a_job, a_step, an_order, at, event, handover, report, totals

CUT, POLISH, JOIN = a_step("cut"), a_step("polish"), a_step("join", ("cut", "polish"))


def steps_of(progress: OrderProgress) -> dict[str, StepProgress]:
    return {each.step.id: each for each in progress.steps}


def test_first_steps_are_ready_and_those_behind_wait() -> None:
    jobs = [JobFacts(a_job(f"J-{step.id}", step.id)) for step in (CUT, POLISH, JOIN)]
    found = order_progress(an_order([CUT, POLISH, JOIN], jobs))
    assert [each.progress for each in found.steps] == [Progress.READY, Progress.READY, Progress.WAITING]
    assert found.progress is Progress.READY
    assert found.share == 0


def test_a_step_that_takes_pieces_of_several_waits_for_all() -> None:
    came = (handover("J-cut", "J-join", 60, accepted=58),)
    jobs = [JobFacts(a_job(f"J-{step.id}", step.id)) for step in (CUT, POLISH)]
    join = JobFacts(a_job("J-join", "join"), received=came)
    found = steps_of(order_progress(an_order([CUT, POLISH, JOIN], [*jobs, join])))
    assert found["join"].progress is Progress.WAITING
    both = replace(join, received=(*came, handover("J-polish", "J-join", 40, accepted=40)))
    found = steps_of(order_progress(an_order([CUT, POLISH, JOIN], [*jobs, both])))
    assert found["join"].progress is Progress.READY
    assert found["join"].jobs[0].received == 40


def test_pieces_on_the_road_are_not_received() -> None:
    join = JobFacts(a_job("J-join", "join"), received=(handover("J-cut", "J-join", 60),))
    found = order_progress(an_order([CUT, a_step("join", ("cut",))], [JobFacts(a_job("J-cut", "cut")), join]))
    assert found.steps[1].jobs[0].received == 0


def test_without_hand_overs_a_step_is_ready_when_those_before_are_done() -> None:
    jobs = [JobFacts(a_job("J-1", "cut", status=JobStatus.DONE)), JobFacts(a_job("J-2", "join"))]
    found = order_progress(an_order([CUT, a_step("join", ("cut",))], jobs))
    assert [each.progress for each in found.steps] == [Progress.DONE, Progress.READY]


def test_lots_of_a_step_add_up() -> None:
    lots = [
        JobFacts(a_job("J-a", "cut", 60, JobStatus.RUNNING), totals("J-a", 30)),
        JobFacts(a_job("J-b", "cut", 40, JobStatus.PAUSED), reports=(report("J-b", 10),)),
    ]
    (step,) = order_progress(an_order([CUT], lots)).steps
    assert (step.pieces.good, step.pieces.measured, step.pieces.reported) == (40, 30, 10)
    assert (step.needed, step.share, step.progress) == (100, 0.4, Progress.RUNNING)


def test_more_than_a_lot_needs_does_not_make_up_for_another() -> None:
    lots = [JobFacts(a_job("J-a", "cut", 60), totals("J-a", 90)), JobFacts(a_job("J-b", "cut", 40))]
    (step,) = order_progress(an_order([CUT], lots)).steps
    assert step.share == 0.6


def test_a_cancelled_lot_keeps_its_pieces_and_needs_none() -> None:
    lots = [
        JobFacts(a_job("J-a", "cut", 60, JobStatus.CANCELLED), totals("J-a", 20)),
        JobFacts(a_job("J-b", "cut", 80, JobStatus.DONE)),
    ]
    (step,) = order_progress(an_order([CUT], lots)).steps
    assert (step.needed, step.share, step.progress, step.pieces.good) == (80, 1, Progress.DONE, 20)


def test_who_makes_pieces_of_a_planned_job_runs_it() -> None:
    (step,) = order_progress(an_order([CUT], [JobFacts(a_job("J", "cut"), live_cycles=1)])).steps
    assert step.progress is Progress.RUNNING


def test_shipped_is_what_left_for_the_buyer_and_was_not_sent_back() -> None:
    sent = (handover("J", None, 60, accepted=60), replace(handover("J", None, 40), id=2, rejected=3))
    job = JobFacts(a_job("J", "cut", status=JobStatus.RUNNING), sent=sent)
    found = order_progress(an_order([CUT], [job]))
    assert (found.shipped, found.progress) == (97, Progress.RUNNING)
    whole = replace(job, sent=(handover("J", None, 100),))
    assert order_progress(an_order([CUT], [whole])).progress is Progress.DONE


def test_a_job_called_finished_too_early_is_not_finished() -> None:
    told = (event("J", EventKind.STARTED, at(0, 9)), event("J", EventKind.FINISHED, at(1), 2))
    job = JobFacts(a_job("J", "cut", status=JobStatus.RUNNING), events=told)
    (step,) = order_progress(an_order([CUT], [job])).steps
    assert (step.jobs[0].started_ms, step.jobs[0].finished_ms) == (at(0, 9), at(1))
    again = replace(job, events=(event("J", EventKind.REOPENED, at(1, 1), 3), *told))
    (step,) = order_progress(an_order([CUT], [again])).steps
    assert (step.jobs[0].started_ms, step.jobs[0].finished_ms) == (at(0, 9), None)


def test_a_routing_is_followed_however_its_steps_are_written_down() -> None:
    assert [step.id for step in in_sequence([JOIN, CUT, POLISH])] == ["cut", "polish", "join"]


statuses = st.sampled_from(list(JobStatus))
lots = st.lists(st.tuples(st.integers(1, 200), statuses, st.integers(0, 300)), min_size=1, max_size=6)


@given(lots=lots, more=st.integers(0, 100), data=st.data())
def test_shares_are_shares_grow_with_cycles_and_the_order_of_entries_does_not_matter(
    lots: list[tuple[int, JobStatus, int]], more: int, data: st.DataObject
) -> None:
    names = ("cut", "polish", "join")
    jobs = [
        JobFacts(
            a_job(f"J-{n}", names[n % 3], pieces, status),
            totals(f"J-{n}", cycles),
            events=(
                event(f"J-{n}", EventKind.STARTED, at(0), 1),
                event(f"J-{n}", EventKind.PAUSED, at(1), 2),
            ),
        )
        for n, (pieces, status, cycles) in enumerate(lots)
    ]
    found = order_progress(an_order([CUT, POLISH, JOIN], jobs))
    assert 0 <= found.share <= 1
    for step in found.steps:
        assert 0 <= step.share <= 1
        assert step.pieces.good == sum(each.pieces.good for each in step.jobs)
    assert sum(step.pieces.good for step in found.steps) == sum(cycles for _, _, cycles in lots)
    at_random = data.draw(st.permutations(jobs))
    shuffled = [replace(each, events=each.events[::-1]) for each in at_random]
    again = order_progress(an_order([CUT, POLISH, JOIN], shuffled))
    assert (again.share, again.progress) == (found.share, found.progress)
    grown = [replace(each, live_cycles=more) for each in jobs]
    assert order_progress(an_order([CUT, POLISH, JOIN], grown)).share >= found.share
