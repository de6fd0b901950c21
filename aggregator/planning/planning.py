"""Turns order drafts into proposals, and decisions about them into steps, jobs and committed capacity."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from datetime import date
from hashlib import sha256
from zoneinfo import ZoneInfo

from aggregator.capacity.local_time import local_day
from aggregator.matching.drill import Drill, PlacedOrder, Stop, drill
from aggregator.matching.faults import Fault, faults
from aggregator.matching.offer import Market
from aggregator.matching.room import shortages
from aggregator.model.job import Job
from aggregator.model.match import Basis, Decision, Match, MatchStatus
from aggregator.model.order import OpenForms, OrderDraft
from aggregator.model.proposal import Plan, Proposal
from aggregator.planning.edit import LotChange, edited
from aggregator.planning.errors import (
    DraftRefused,
    EditRefused,
    NoRoom,
    NoSuchMatch,
    Outdated,
    Stale,
    Unplaced,
)
from aggregator.planning.hours import reckoned_market
from aggregator.planning.jobs import jobs_of
from aggregator.planning.standing import Standing, basis_cells, standing_of
from aggregator.planning.turnstile import Turnstile
from aggregator.spare import SpareHours
from aggregator.store.orders import Orders
from aggregator.store.profiles import Profiles
from aggregator.store.records import Records

AT_ONCE, MOST, RETRY_AFTER_S = 2, 6, 3
"""So many proposals are computed at once, so many may be asked for, and when to come again beyond that."""


class Planning:
    """All methods block, `propose` and `again` for about a second; call them in a thread.

    They raise StoreError, DecisionError (decided already) and PlanningError: whatever rests on spare hours
    NotReckoned for seconds after a start. `now` gives UTC milliseconds.
    """

    def __init__(
        self,
        *,
        spare: SpareHours,
        records: Records,
        profiles: Profiles,
        orders: Orders,
        zone: ZoneInfo,
        now: Callable[[], int],
    ) -> None:
        self._spare = spare
        self._records = records
        self._profiles = profiles
        self._orders = orders
        self._zone = zone
        self._now = now
        self._turnstile = Turnstile(AT_ONCE, MOST, RETRY_AFTER_S)

    @property
    def today(self) -> date:
        """The federation's day."""
        return local_day(self._now(), self._zone)

    def faults(self, draft: OrderDraft) -> list[Fault]:
        """Return what to change in the draft before it can be proposed for."""
        processes = {machine.process for machine in self._records.machines() if machine.process}
        return faults(draft, processes, self.today)

    def propose(self, draft: OrderDraft, who: str, check: Callable[[OpenForms], None] | None = None) -> Match:
        """Store a new order with a proposal for it; raises DraftRefused, TooBusy, and what `check` raises.

        `check` is given all forms of the orders that are open when it is stored.
        """
        wrong = self.faults(draft)
        if wrong:
            raise DraftRefused(wrong)
        proposal, basis = self._compute(draft)
        return self._orders.propose(draft, proposal, basis, self._decision(who), self.today.year, check)

    def again(self, match: str, who: str) -> Match:
        """Propose anew for the order of an open proposal, on the capacity of now, in its place."""
        old = self.match(match)
        wrong = self.faults(old.draft)
        if wrong:
            raise DraftRefused(wrong)
        proposal, basis = self._compute(old.draft)
        return self._orders.replace(match, proposal, basis, self._decision(who))

    def match(self, match: str) -> Match:
        """Return a proposal; raises NoSuchMatch."""
        found = self._orders.match(match)
        if found is None:
            raise NoSuchMatch(f"there is no proposal {match}")
        return found

    def matches(self, limit: int = 100) -> Sequence[Match]:
        """Return the newest proposals, newest first."""
        return self._orders.matches(limit)

    def standings(self, matches: Sequence[Match]) -> dict[str, Standing]:
        """Return how each open one of these stands against the capacity of now, by the proposal's id.

        Before that was reckoned nothing can be told of any.
        """
        undecided = [match for match in matches if match.status is MatchStatus.OPEN]
        if not undecided or not self._spare.fresh_ms():
            return {}
        market, today = self._market(), self.today
        return {match.id: standing_of(match, market, today) for match in undecided}

    def approve(self, match: str, who: str, *, confirmed: bool = False, reason: str | None = None) -> Match:
        """Commit the capacity of the best plan and create its steps and jobs, all or nothing.

        Raises NoRoom when it does not fit any more, Stale when it fits but changed and was not `confirmed`,
        Unplaced when work of it has no place, Outdated when the order asks for another quantity by now.
        """

        def check(found: Match, jobs: Sequence[Job]) -> Sequence[Job]:
            plan = found.proposal.plans[0]
            if plan.tiers.unplaced_minutes:
                raise Unplaced(plan.missing)
            made = {step.id: 0 for step in found.draft.steps}
            for lot in plan.lots:
                made[lot.step] = made.get(lot.step, 0) + lot.pieces
            if set(made.values()) != {found.draft.quantity}:
                raise Outdated
            standing = standing_of(found, reckoned_market(self._spare, jobs), self.today)
            if not standing.fits:
                raise NoRoom(standing.shortages)
            if standing.stale and not confirmed:
                raise Stale("capacity changed since this was proposed; look at what changed, then confirm")
            return jobs_of(found)

        self.match(match)
        return self._orders.approve(match, self._decision(who, reason), check)

    def reject(self, match: str, who: str, reason: str) -> Match:
        """Note that the proposal, and with it the order, is not wanted."""
        self.match(match)
        return self._orders.reject(match, self._decision(who, reason))

    def edit(self, match: str, who: str, reason: str, changes: Sequence[LotChange]) -> Match:
        """Put a plan with other factories or weeks in place of an open proposal's best one.

        It is checked anew on P10; what it costs beside the proposed one goes to the audit log. Raises
        EditRefused for a change that cannot be, NoRoom when hours are lacking.
        """
        old = self.match(match)
        best, draw = old.proposal.plans[0], old.proposal.draw
        with self._turnstile.pass_through():
            market = self._market()
            plan = edited(old.draft, market, self.today, draw, best, changes)
        return self._replace(old, plan, market, self._decision(who, reason))

    def choose(self, match: str, who: str, reason: str, plan: int) -> Match:
        """Put another of the ranked plans in place of the best one; raises NoRoom, EditRefused."""
        old = self.match(match)
        if not 0 < plan < len(old.proposal.plans):
            raise EditRefused("plan", _choices(len(old.proposal.plans)))
        chosen, market = old.proposal.plans[plan], self._market()
        short = shortages(market, chosen.lots, {step.id: step.process for step in old.draft.steps})
        if short:
            raise NoRoom(short)
        return self._replace(old, chosen, market, self._decision(who, reason))

    def _replace(self, old: Match, plan: Plan, market: Market, decision: Decision) -> Match:
        best = old.proposal.plans[0]
        plans = (plan, *(each for each in old.proposal.plans if each != plan))
        proposal = Proposal(plans, (), old.proposal.draw)
        basis = Basis(decision.now_ms, basis_cells(old.draft, plan, market), from_match=old.id)
        cost = {"proposed": asdict(best.tiers), "edited": asdict(plan.tiers)}
        return self._orders.replace(old.id, proposal, basis, replace(decision, detail=cost))

    def cancel(self, order: str, who: str, reason: str) -> list[str]:
        """Free the capacity of an approved order; return the ids of the jobs that are cancelled."""
        return self._orders.cancel(order, self._decision(who, reason))

    def jobs(self, order: str) -> list[Job]:
        """Return the jobs of an order, cancelled ones too."""
        return self._orders.jobs(open_only=False, order=order)

    def approved_drafts(self) -> dict[str, OrderDraft]:
        """Return the drafts of approved orders, by the order's id."""
        return self._orders.approved()

    def drill(self, stop: Stop) -> Drill:
        """Return what a stop of a factory would do to the open orders; changes nothing."""
        jobs = self._orders.jobs()
        placed = [
            PlacedOrder(order, draft, tuple(job for job in jobs if job.order == order))
            for order, draft in sorted(self._orders.approved().items())
        ]
        return drill(placed, reckoned_market(self._spare, jobs), stop, self.today)

    def _market(self) -> Market:
        return reckoned_market(self._spare, self._orders.jobs())

    def _compute(self, draft: OrderDraft) -> tuple[Proposal, Basis]:
        from aggregator.matching.propose import propose  # the solver: a second and 60 MB, once it is needed

        with self._turnstile.pass_through():
            market, today = self._market(), self.today
            proposal = propose(draft, market, today, draw_of(draft, today))
        return proposal, Basis(self._now(), basis_cells(draft, proposal.plans[0], market))

    def _decision(self, who: str, reason: str | None = None) -> Decision:
        return Decision(who, self._now(), reason)


def _choices(plans: int) -> str:
    if plans < 2:
        return "there is no other plan to choose; change the lots instead"
    return f"choose from 1 to {plans - 1}; 0 is the one that is proposed"


def draw_of(draft: OrderDraft, today: date) -> str:
    """Return the seed of the draw: of the order itself and the day, so that asking again changes nothing."""
    return f"{today}/{sha256(repr(_plain(draft)).encode()).hexdigest()[:16]}"


def _plain(draft: OrderDraft) -> tuple[object, ...]:
    """Return what is drafted as text that does not depend on the order of a set."""
    needs = [
        (sorted(step.needs.materials), sorted(step.needs.others), step.needs.tolerance_um)
        for step in draft.steps
    ]
    steps = [(step.id, step.process, step.cycle_s) for step in draft.steps]
    return draft.buyer, draft.part, draft.quantity, draft.due.isoformat(), steps, needs
