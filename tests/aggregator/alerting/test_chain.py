"""The chain of a delay: 16 hours at step 2 blame step 2 alone and are told once by each channel."""

from email.header import decode_header, make_header
from pathlib import Path

from sqlalchemy import Engine

from aggregator.alerting.alerting import Alerting
from aggregator.alerting.delivery import Delivery, sendings_of, targets_of
from aggregator.alerting.letter import Letter
from aggregator.alerting.rule import Rule
from aggregator.alerting.watching import look_once
from aggregator.config import AlertSettings
from aggregator.model.alert import Alert, Channel
from aggregator.model.match import Basis, Decision
from aggregator.model.progress import OrderProgress
from aggregator.model.proposal import Proposal
from aggregator.order_ledger import ledger_of
from aggregator.store.alerts import Alerts
from aggregator.store.orders import Orders
from tests.aggregator.alerting.orders_seen import DRAFT, NOW_MS, ORDER, seen
from tests.aggregator.alerting.receiving import Receiver, receiving
from tests.aggregator.alerting.test_alerting import Clock
from tests.aggregator.alerting.test_mail import Inbox, serving


def written(alert: Alert) -> Letter:
    return Letter(f"town-alert-{alert.id}", "【遅れ注意】", f"工程 {alert.step}\n", {"order": alert.order})


async def not_there(_order: str) -> OrderProgress | None:
    return None


async def test_sixteen_hours_at_step_two_are_blamed_on_it_alone_and_told_once_by_each_channel(
    engine: Engine, tmp_path: Path
) -> None:
    Orders(engine).propose(DRAFT, Proposal((), (), "0"), Basis(NOW_MS), Decision("test", NOW_MS), 2026)
    (tmp_path / "secret").write_bytes(b"secret")
    inbox, receiver = Inbox(), Receiver()
    with serving(inbox) as port, receiving(receiver) as url:
        mail = {"host": "127.0.0.1", "port": port, "starttls": False, "from": "m@x.jp", "to": ["a@x.jp"]}
        settings = AlertSettings.model_validate(
            {
                "email": mail,
                "webhook": {"url": url, "secret_file": tmp_path / "secret"},
            }
        )
        clock, store = Clock(), Alerts(engine)
        well = seen(0.05, delays=())
        for minute in range(30):
            broken = minute >= 5
            if minute in {0, 12}:  # a restart in the middle
                alerting = Alerting(
                    store=store,
                    rule=Rule(0.5, 0.3, 60_000),
                    targets=targets_of(settings),
                    now=clock,
                )
                sending = Delivery(store, sendings_of(settings), written, clock)
            order = seen(0.8 if minute % 3 else 0.55) if broken else well
            await look_once(alerting, lambda order=order: [order], not_there)  # type: ignore[misc]
            for channel in Channel:
                sending.send_due(channel)
            clock.now_ms += 60_000
    ledger = ledger_of(seen(0.8), ())
    assert [step.delay.own_h for step in ledger.steps if step.delay] == [0.0, 16.0, 0.0]
    assert [step.delay.inherited_from for step in ledger.steps if step.delay] == [None, None, "2"]
    (alert,) = store.of(ORDER)
    assert (alert.step, alert.cause, alert.raised_ms) == ("2", "breakdown", NOW_MS + 6 * 60_000)
    ((to, letter),) = inbox.mails
    assert to == ["a@x.jp"]
    assert str(make_header(decode_header(letter["Subject"]))) == "【遅れ注意】"
    assert len(receiver.came) == 1
    assert letter["Message-ID"].strip("<>").startswith(receiver.came[0][1]["Idempotency-Key"])
    assert [message.sent_ms for message in store.messages([alert.id])] == [alert.raised_ms] * 2
