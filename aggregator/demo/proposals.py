"""What the demo's orders were planned on: drafts, teams and days of stories in, plans with figures out.

When the demo opens nothing is measured yet that a forecast could be made of. So the hours are what the
scenario leaves free in a usual week; what a plan costs and when it is done, matching reckons of them.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from itertools import groupby
from typing import Any

from aggregator.demo.profiles import KINDS, RESERVE, abilities_of, loads_of, scenario_calendar, weekly_hours
from aggregator.matching.backups import find_backups
from aggregator.matching.finish import finish_of
from aggregator.matching.offer import Market, Offer, OfferedMachine, OfferWeek, Taken
from aggregator.matching.plan import lead_factory
from aggregator.matching.problem import Problem, pose
from aggregator.matching.schedule import Schedule, works
from aggregator.matching.tiers import tiers_of
from aggregator.model.capacity import CellKey
from aggregator.model.factory_profile import Abilities
from aggregator.model.job import Job
from aggregator.model.order import OrderDraft
from aggregator.model.proposal import Backup, Lot, Plan, WeekWork
from aggregator.model.week import Week

WEEKS = 12
SPREAD = 0.5
"""How far P10 and P90 lie from P50: about as far as eight weeks of such factories teach."""
GOOD_SHARE = 0.95

Table = Mapping[str, Any]


def usual_market(scenario: Table, today: date, jobs: Sequence[Job]) -> Market:
    """Return what the factories of the scenario have to spare in usual weeks from today on, less `jobs`."""
    offers = []
    for factory in scenario["factories"]:
        own = [each for each in scenario["machines"] if each["factory"] == factory["id"]]
        abilities = abilities_of(own)
        known = sorted((each for each in own if each["kind"] in KINDS), key=_process)
        for process, machines in groupby(known, key=_process):
            key = CellKey(factory["id"], process)
            held = [job for job in jobs if (job.factory, job.process) == key]
            offers.append(_offer(key, factory, list(machines), abilities, (today, held)))
    return Market(tuple(offers))


def plan_on(  # noqa: PLR0917 (what, who, when, on what, from when, by which draw)
    draft: OrderDraft, team: Sequence[str], days: Sequence[date], market: Market, today: date, draw: str
) -> Plan:
    """Return the plan of an order whose steps are made by `team`, one step each on its day."""
    problem = pose(draft, market, today, draw)
    schedule = _scheduled(problem, team, days)
    backups = find_backups(problem, schedule)
    return Plan(
        lots=tuple(_lots(problem, schedule, days)),
        lead=lead_factory(problem, schedule),
        backups=tuple(
            Backup(problem.steps[number].id, factory, backups[number, factory])
            for number, factory in enumerate(team)
        ),
        missing=(),
        finish=finish_of(problem, schedule),
        tiers=tiers_of(problem, schedule, backups),
        proven=False,
    )


def _process(machine: Table) -> str:
    return KINDS[machine["kind"]].process


def _offer(
    key: CellKey,
    factory: Table,
    machines: Sequence[Table],
    abilities: Mapping[str, Abilities],
    moment: tuple[date, Sequence[Job]],
) -> Offer:
    today, held = moment
    hours = weekly_hours(scenario_calendar(factory))
    weeks, offered = [], []
    for number in range(WEEKS):
        week, left = Week.of(today).later(number), range(0 if number else today.weekday(), 7)
        planned = 60 * len(machines) * sum(hours[day] for day in left)
        busy = 60 * sum(
            hours[day] * min(loads_of(each, factory)[day], 1.0) for each in machines for day in left
        )
        free = max(0.0, planned * (1 - RESERVE) - busy)
        p10, p50, p90 = (round(free * share) for share in (1 - SPREAD, 1, 1 + SPREAD))
        taken = [Taken(job.machines, minutes) for job in held for at, minutes in job.work if at == week]
        weeks.append(OfferWeek(week, p10, p50, p90, tuple(taken)))
        offered.append(round(60 * sum(hours[day] for day in left)))
    ids = [each["id"] for each in machines]
    known = tuple(OfferedMachine(id_, abilities[id_], tuple(offered)) for id_ in ids)
    return Offer(key, known, tuple(weeks), GOOD_SHARE)


def _scheduled(problem: Problem, team: Sequence[str], days: Sequence[date]) -> Schedule:
    """Return the whole of each step on its day, and nothing in all other weeks."""
    horizon = problem.horizon
    done, windows = {}, []
    for number, (factory, day) in enumerate(zip(team, days, strict=True)):
        at = horizon.weeks.index(Week.of(day))
        begin = (day - horizon.today).days - horizon.begins[at]
        done[number, factory] = tuple(problem.quantity if week >= at else 0 for week in range(len(horizon)))
        windows.append(
            tuple((begin, begin + 1) if week == at else (0, each) for week, each in enumerate(horizon.days))
        )
    return Schedule(done, tuple(windows))


def _lots(problem: Problem, schedule: Schedule, days: Sequence[date]) -> list[Lot]:
    return [
        Lot(
            step=problem.steps[candidate.step].id,
            factory=candidate.factory,
            pieces=problem.quantity,
            work=tuple(
                WeekWork(week, each)
                for week, each in zip(problem.horizon.weeks, minutes, strict=True)
                if each
            ),
            machines=tuple(sorted(candidate.machines)),
            first=days[candidate.step],
            last=days[candidate.step],
        )
        for candidate, minutes in works(problem, schedule)
    ]
