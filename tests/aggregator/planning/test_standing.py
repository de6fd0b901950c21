"""How a proposal stands when capacity moves under it."""

from dataclasses import replace
from functools import cache

import pytest

from aggregator.matching.offer import Market, Taken
from aggregator.matching.propose import propose
from aggregator.model.match import Basis, Match, MatchStatus, OrderStatus
from aggregator.planning.standing import Change, Standing, basis_cells, standing_of
from tests.aggregator.planning.markets import DRAFT, FIRST, NOW_MS, TODAY, market


@cache
def proposed() -> Match:
    proposal = propose(DRAFT, market(), TODAY, "draw")
    basis = Basis(NOW_MS, basis_cells(DRAFT, proposal.plans[0], market()))
    status = (MatchStatus.OPEN, OrderStatus.PROPOSED)
    return Match("2026-0001-p1", "2026-0001", *status, DRAFT, proposal, basis, NOW_MS, "coordinator")


def stands(now: Market) -> Standing:
    return standing_of(proposed(), now, TODAY)


def test_what_did_not_change_stands() -> None:
    assert stands(market()) == Standing()


def test_more_hours_never_make_a_proposal_stale() -> None:
    assert not stands(market(aoki=1_300, sato=2_000, higashi=9_000, kita=1_201)).stale


@pytest.mark.parametrize("step", [0, 1])
def test_fewer_hours_than_the_plan_needs_are_told_to_the_minute(step: int) -> None:
    lot = proposed().proposal.plans[0].lots[step]
    needed = lot.work[0].minutes
    assert stands(market(**{lot.factory: needed})).fits
    short = stands(market(**{lot.factory: needed - 1}))
    assert not short.fits
    assert [(each.factory, each.minutes) for each in short.shortages if each.week == lot.work[0].week] == [
        (lot.factory, 1)
    ]


def test_what_another_order_took_is_shown_as_what_changed() -> None:
    lot = proposed().proposal.plans[0].lots[0]
    earlier = Taken(frozenset(lot.machines), 900)
    offers = []
    for offer in market().offers:
        first, *later = offer.weeks
        held = replace(first, taken=(earlier,)) if offer.key.factory == lot.factory else first
        offers.append(replace(offer, weeks=(held, *later)))
    standing = stands(Market(tuple(offers)))
    assert not standing.fits
    assert Change(lot.factory, "cutting", FIRST, 1_200, 300) in standing.changed


def test_a_cell_without_a_number_any_more_offers_nothing() -> None:
    lot = proposed().proposal.plans[0].lots[0]
    left = Market(tuple(offer for offer in market().offers if offer.key.factory != lot.factory))
    standing = stands(left)
    assert not standing.fits
    assert {each.now for each in standing.changed if each.factory == lot.factory} == {None}


def test_weeks_that_are_over_are_lacking() -> None:
    later = Market(
        tuple(
            replace(
                offer,
                weeks=offer.weeks[1:],
                machines=tuple(replace(each, minutes=each.minutes[1:]) for each in offer.machines),
            )
            for offer in market().offers
        )
    )
    standing = standing_of(proposed(), later, FIRST.later(1).monday)
    assert not standing.fits
    assert {each.week for each in standing.shortages} == {FIRST}


def test_a_backup_that_lost_its_hours_is_named_and_the_plan_still_fits() -> None:
    backup = proposed().proposal.plans[0].backups[0]
    assert backup.factory is not None
    standing = stands(market(**{backup.factory: 30}))
    assert (standing.fits, standing.stale) == (True, True)
    assert standing.lost == (backup,)
