"""Clever queries cannot reconstruct one factory's spare hours.

Each attack runs in two worlds that differ in the victim's hours alone, 5 or 30 a week, and gets the same
answers to the byte, in status, headers and body: so no arithmetic on them can tell which world it is. Both
worlds are "some" hours; one factory more or less, or one's own hours in the sum, would tell them apart.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from aggregator.model.consent import Field
from tests.aggregator.faces import bearer, sign_in
from tests.aggregator.neighbours import Clock, neighbours, set_hours
from tests.aggregator.town import Town, served
from tests.stack import NO_TLS

VICTIM, ATTACKER, FRIEND = "aoki", "minato", "hinode"
OTHERS = dict.fromkeys(("fujimi", "sakura", "higashi", FRIEND), 4.0)
WORLDS = (5.0, 30.0)
PATH = "/api/v1/capacity"
Seen = list[tuple[int, dict[str, str], str]]


class Attack:
    """What the attacker can do, and all that they see."""

    def __init__(self, client: httpx.Client, town: Town, clock: Clock, victim_h: float) -> None:
        self.client, self.town, self.clock, self.victim_h = client, town, clock, victim_h
        self.seen: Seen = []

    def get(
        self, path: str = PATH, who: str = ATTACKER, headers: dict[str, str] | None = None, **query: object
    ) -> str:
        params = {key: str(value) for key, value in query.items()}
        said = {**({} if path.startswith("/cap") else bearer(self.town, who)), **(headers or {})}
        answer = self.client.get(path, params=params, headers=said)
        told = {name: value for name, value in answer.headers.items() if name not in {"date", "set-cookie"}}
        self.seen.append((answer.status_code, told, answer.text))
        return answer.text

    def hours(self, **changed: float | None) -> None:
        """Set hours anew: as they are, but for those named; None has no number."""
        now = {VICTIM: self.victim_h, ATTACKER: 10.0, **OTHERS, **changed}
        set_hours(self.town, {name: hours for name, hours in now.items() if hours is not None})

    def agree(self, factory: str, granted: bool) -> None:
        services = self.town.services
        services.consents.change(factory, Field.BANDS, granted, factory, services.now())


def plainly(attack: Attack) -> None:
    attack.get()


def by_process_and_by_factory(attack: Attack) -> None:
    for by in ("process", "factory"):
        attack.get(by=by)


def by_every_filter(attack: Attack) -> None:
    for process in ("cutting", "pressing", "alchemy"):
        for weeks in (1, 2, 12):
            attack.get(process=process, weeks=weeks)


def by_the_victims_name(attack: Attack) -> None:
    for factory in (VICTIM, "nobody"):
        attack.get(factory=factory)
        attack.get(factory=factory, process="cutting")
        attack.get(f"/api/v1/factories/{factory}/profile")
        attack.get(f"/api/v1/machines/{factory}/m-1")
        attack.get("/api/v1/utilization", by="factory")


def with_and_without_oneself(attack: Attack) -> None:
    attack.get()
    attack.agree(ATTACKER, False)
    attack.get()
    attack.agree(ATTACKER, True)
    attack.get()


def by_moving_ones_own_hours_over_days(attack: Attack) -> None:
    for own in (0.0, 5.0, 20.0, 60.0, 400.0):
        attack.hours(**{ATTACKER: own})
        attack.get()
        attack.clock.next_day()


def with_a_friend_who_leaves_and_comes_back(attack: Attack) -> None:
    for granted in (True, False, True, False):
        attack.agree(FRIEND, granted)
        attack.get()
        attack.get(who=FRIEND)
        attack.clock.next_day()
        attack.hours()


def before_and_after_the_victim_leaves(attack: Attack) -> None:
    attack.get()
    attack.agree(VICTIM, False)
    attack.get()
    attack.clock.next_day()
    attack.hours()
    attack.get()


def before_and_after_the_victim_has_a_number(attack: Attack) -> None:
    attack.hours(**{VICTIM: None})
    attack.get()
    attack.clock.next_day()
    attack.hours()
    attack.get()


def by_watching_it_move(attack: Attack) -> None:
    for moved in range(0, 60, 5):
        attack.hours(fujimi=4.0 + moved)
        attack.get()


def by_asking_whether_it_is_still_the_same(attack: Attack) -> None:
    sign_in(attack.client, ATTACKER)
    attack.get("/capacity")
    etag = attack.seen[-1][1]["etag"]
    attack.get("/capacity", headers={"If-None-Match": etag})
    attack.get("/capacity/cutting")
    attack.get(f"/capacity/cutting/{VICTIM}")


def by_mistakes(attack: Attack) -> None:
    for wrong in (
        {"weeks": 13},
        {"by": "machine"},
        {"factory": "\x01"},
        {"process": "x" * 65},
        {"others": VICTIM},
    ):
        attack.get(**wrong)


ATTACKS: tuple[Callable[[Attack], None], ...] = (
    plainly,
    by_process_and_by_factory,
    by_every_filter,
    by_the_victims_name,
    with_and_without_oneself,
    by_moving_ones_own_hours_over_days,
    with_a_friend_who_leaves_and_comes_back,
    before_and_after_the_victim_leaves,
    before_and_after_the_victim_has_a_number,
    by_watching_it_move,
    by_asking_whether_it_is_still_the_same,
    by_mistakes,
)


def transcript(folder: Path, victim_h: float, attack: Callable[[Attack], None]) -> Attack:
    town, clock = neighbours(folder, {VICTIM: victim_h, ATTACKER: 10.0, **OTHERS})
    with (
        served(town) as (url, _),
        httpx.Client(base_url=url, headers={"Accept-Language": "en"}, verify=NO_TLS) as client,
    ):
        made = Attack(client, town, clock, victim_h)
        attack(made)
        return made


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__)
def test_two_towns_that_differ_in_one_factory_answer_alike(
    tmp_path: Path, attack: Callable[[Attack], None]
) -> None:
    one, other = (transcript(tmp_path / str(hours), hours, attack) for hours in WORLDS)
    assert [plain(each) for each in one.seen] == [plain(each) for each in other.seen]
    assert one.seen


def plain(seen: tuple[int, dict[str, str], str]) -> tuple[int, dict[str, str], str]:
    """Leave out what is random in every answer: the token of the session's forms."""
    status, headers, text = seen
    parts = text.split('name="form_token" value="')
    hidden = parts[0] + "".join(part.split('"', maxsplit=1)[1] for part in parts[1:])
    return status, {k: v for k, v in headers.items() if k != "content-length"}, hidden


@pytest.fixture
def attack(tmp_path: Path) -> Iterator[Attack]:
    town, clock = neighbours(tmp_path, {VICTIM: 5.0, ATTACKER: 10.0, **OTHERS})
    with served(town) as (url, _), httpx.Client(base_url=url, verify=NO_TLS) as client:
        yield Attack(client, town, clock, 5.0)


def test_the_worlds_do_differ_for_those_who_may_know(tmp_path: Path) -> None:
    """And so an answer that let the figure through would be found."""

    def honestly(attack: Attack) -> None:
        for name in (VICTIM, "coordinator"):
            attack.get(who=name)

    one, other = (transcript(tmp_path / str(hours), hours, honestly) for hours in WORLDS)
    assert all(a != b for a, b in zip(one.seen, other.seen, strict=True))


def test_others_are_told_in_bands(attack: Attack) -> None:
    text = attack.get(process="cutting", weeks=2)
    assert text.count('"band": "some"') == 2


def test_a_consent_that_is_taken_back_is_gone_in_the_next_answer(attack: Attack) -> None:
    attack.get(process="cutting")
    attack.agree(FRIEND, False)
    assert '"band": "some"' not in attack.get(process="cutting")


def test_what_moves_during_the_day_is_told_the_next_day(attack: Attack) -> None:
    few = dict.fromkeys((VICTIM, *OTHERS), 1.0)
    assert '"band": "some"' in attack.get(process="cutting")
    attack.hours(**few)
    assert '"band": "some"' in attack.get(process="cutting")
    attack.clock.next_day()
    attack.hours(**few)
    assert '"band": "little"' in attack.get(process="cutting")
