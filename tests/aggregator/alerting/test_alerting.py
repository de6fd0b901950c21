"""Alerts in a real database: one for each excursion, whoever restarts, and each told once to everybody."""

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

import pytest
from sqlalchemy import Engine

from aggregator.alerting.alerting import Alerting
from aggregator.alerting.delivery import Delivery
from aggregator.alerting.letter import Letter, NotSent
from aggregator.alerting.rule import Rule
from aggregator.model.alert import Alert, Channel
from aggregator.model.match import Basis, Decision
from aggregator.model.progress import OrderProgress
from aggregator.model.proposal import Proposal
from aggregator.store.alerts import Alerts
from aggregator.store.audit import Audit
from aggregator.store.orders import Orders
from tests.aggregator.alerting.orders_seen import DRAFT, NOW_MS, ORDER, seen, shipped

TARGETS = ((Channel.EMAIL, "a@example.jp"), (Channel.EMAIL, "b@example.jp"), (Channel.WEBHOOK, "https://x"))
RULE = Rule(0.5, 0.3, 60_000)


@dataclass
class Clock:
    now_ms: int = NOW_MS

    def __call__(self) -> int:
        return self.now_ms


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(engine: Engine) -> Alerts:
    made = Orders(engine).propose(DRAFT, Proposal((), (), "0"), Basis(NOW_MS), Decision("test", NOW_MS), 2026)
    assert made.order == ORDER
    return Alerts(engine)


def alerting(store: Alerts, clock: Callable[[], int]) -> Alerting:
    return Alerting(store=store, rule=RULE, targets=TARGETS, now=clock)


def looks(
    watching: Alerting, clock: Clock, chances: Sequence[float | None], pause_ms: int = 61_000
) -> list[str]:
    turned = []
    for late in chances:
        turned += watching.look([seen(late)])
        clock.now_ms += pause_ms
    return turned


def test_an_order_that_is_likely_late_raises_one_alert_that_names_step_and_cause(
    store: Alerts, clock: Clock, engine: Engine
) -> None:
    watching = alerting(store, clock)
    assert looks(watching, clock, [0.8, 0.8, 0.9, 0.45, 0.9]) == [ORDER]
    alert = watching.open()[ORDER]
    assert (round(alert.late, 6), alert.step, alert.cause) == (0.8, "2", "breakdown")
    assert [(m.channel, m.target) for m in store.messages([alert.id])] == list(TARGETS)
    assert [entry.action for entry in Audit(engine).entries(ORDER)] == ["alert raised"]


def test_it_is_cleared_below_the_lower_threshold_and_a_second_excursion_is_a_second_alert(
    store: Alerts, clock: Clock
) -> None:
    watching = alerting(store, clock)
    looks(watching, clock, [0.8, 0.8, 0.2, 0.2])
    assert watching.open() == {}
    looks(watching, clock, [0.8, 0.8])
    first, second = reversed(store.of(ORDER))
    assert first.cleared_ms is not None and second.cleared_ms is None


def test_a_restart_raises_no_second_alert_and_clears_the_first_one_later(store: Alerts, clock: Clock) -> None:
    looks(alerting(store, clock), clock, [0.8, 0.8])
    again = alerting(store, clock)
    assert looks(again, clock, [0.8, 0.8, 0.8]) == []
    assert looks(alerting(store, clock), clock, [0.1, 0.1]) == [ORDER]
    assert len(store.of(ORDER)) == 1


def test_two_watchers_raise_one_alert(store: Alerts, clock: Clock) -> None:
    one, other = alerting(store, clock), alerting(store, clock)
    for _ in range(2):
        one.look([seen(0.8)])
        other.look([seen(0.8)])
        clock.now_ms += 61_000
    assert len(store.of(ORDER)) == 1


def test_an_unknown_chance_and_an_order_that_is_over(store: Alerts, clock: Clock) -> None:
    watching = alerting(store, clock)
    looks(watching, clock, [None, None])
    assert watching.open() == {}
    looks(watching, clock, [0.8, 0.8, None, None])
    assert list(watching.open()) == [ORDER]
    for _ in range(2):
        watching.look([shipped(seen(0.8))])
        clock.now_ms += 61_000
    assert watching.open() == {}


def test_an_order_that_is_gone_has_no_alert_left(store: Alerts, clock: Clock) -> None:
    watching = alerting(store, clock)
    looks(watching, clock, [0.8, 0.8])
    assert watching.look([], over=[ORDER, "2026-0099"]) == [ORDER]
    assert watching.open() == {}


def test_who_saw_it_first_is_kept_and_in_the_audit_log(store: Alerts, clock: Clock, engine: Engine) -> None:
    watching = alerting(store, clock)
    looks(watching, clock, [0.8, 0.8])
    id_ = watching.open()[ORDER].id
    watching.see(
        id_,
        "kenta",
    )
    watching.see(id_, "yuki")
    assert watching.open()[ORDER].seen_by == "kenta"
    assert [entry.action for entry in Audit(engine).entries(ORDER)] == ["alert seen", "alert raised"]


@dataclass
class Post:
    """Takes letters, or refuses them."""

    letters: list[tuple[str, str]] = field(default_factory=list)
    down: bool = False

    def __call__(self, letter: Letter, target: str, _at_ms: int) -> None:
        if self.down:
            raise NotSent("mail.example.jp:587: Connection refused")
        self.letters.append((letter.key, target))


def written(alert: Alert) -> Letter:
    return Letter(f"alert-{alert.id}", "", "", {})


def delivered(store: Alerts, clock: Clock, post: Post) -> Delivery:
    return Delivery(store, {Channel.EMAIL: post, Channel.WEBHOOK: post}, written, clock)


def raised(store: Alerts, clock: Clock) -> OrderProgress:
    looks(alerting(store, clock), clock, [0.8, 0.8])
    return seen(0.8)


def test_every_target_is_told_once(store: Alerts, clock: Clock) -> None:
    raised(store, clock)
    post = Post()
    for _ in range(3):
        for channel in Channel:
            delivered(store, clock, post).send_due(channel)
    assert sorted(post.letters) == sorted(("alert-1", target) for _, target in TARGETS)


def test_what_is_not_sent_is_tried_again_with_growing_rests_and_says_why(store: Alerts, clock: Clock) -> None:
    raised(store, clock)
    post = Post(down=True)
    delivery = delivered(store, clock, post)
    delivery.send_due(Channel.EMAIL)
    first = store.messages([1])[0]
    assert (first.tries, first.failed) == (1, "mail.example.jp:587: Connection refused")
    assert first.next_try_ms == clock.now_ms + 30_000
    delivery.send_due(Channel.EMAIL)
    assert store.messages([1])[0].tries == 1
    clock.now_ms += 30_000
    post.down = False
    delivery.send_due(Channel.EMAIL)
    delivery.send_due(Channel.EMAIL)
    assert [target for _, target in post.letters] == ["a@example.jp", "b@example.jp"]
    assert store.messages([1])[0].failed is None


def test_who_dies_between_sending_and_marking_sends_once_more_under_the_same_key(
    store: Alerts, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    raised(store, clock)
    post = Post()
    with monkeypatch.context() as dying:
        dying.setattr(store, "sent", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            delivered(store, clock, post).send_due(Channel.WEBHOOK)
    delivered(store, clock, post).send_due(Channel.WEBHOOK)
    delivered(store, clock, post).send_due(Channel.WEBHOOK)
    assert post.letters == [("alert-1", "https://x")] * 2


def test_a_server_that_hangs_keeps_nobody_from_ending(store: Alerts, clock: Clock) -> None:
    raised(store, clock)
    asked, held = threading.Event(), threading.Event()

    def hang(*_: object) -> None:
        asked.set()
        held.wait(120)
        raise NotSent("hung")

    async def follow() -> None:
        delivery = Delivery(store, {Channel.WEBHOOK: hang}, written, clock)
        task = asyncio.create_task(delivery.run())
        assert await asyncio.to_thread(asked.wait, 60)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    began = time.monotonic()
    asyncio.run(follow())
    took_s = time.monotonic() - began
    held.set()
    for thread in threading.enumerate():
        if thread.name == f"alerts by {Channel.WEBHOOK}":
            thread.join(60)
    assert took_s < 110


def test_a_letter_that_cannot_be_written_is_told_where_it_is_waited_for(store: Alerts, clock: Clock) -> None:
    raised(store, clock)

    def cannot(_: Alert) -> Letter:
        raise LookupError("no words")

    delivery = Delivery(store, {Channel.WEBHOOK: Post()}, cannot, clock)
    with pytest.raises(ExceptionGroup) as told:
        asyncio.run(delivery.run())
    assert told.group_contains(LookupError, match="no words")


def test_nobody_is_told_of_an_alert_that_is_three_days_old(store: Alerts, clock: Clock) -> None:
    raised(store, clock)
    post = Post(down=True)
    delivery = delivered(store, clock, post)
    for _ in range(200):
        delivery.send_due(Channel.EMAIL)
        clock.now_ms += 3_600_000
    post.down = False
    delivery.send_due(Channel.EMAIL)
    assert post.letters == []
    assert 60 < store.messages([1])[0].tries < 90


def test_an_alert_names_nothing_where_nothing_is_known(store: Alerts, clock: Clock) -> None:
    watching = alerting(store, clock)
    bare = replace(seen(0.8), delays=())
    for _ in range(2):
        watching.look([bare])
        clock.now_ms += 61_000
    assert (watching.open()[ORDER].step, watching.open()[ORDER].cause) == (None, None)
