"""What an alert says by mail and webhook: an alert and its order in, a letter in both languages out."""

from datetime import UTC, datetime
from functools import partial
from typing import Any

from aggregator.alerting.letter import Letter
from aggregator.model.alert import Alert
from aggregator.model.progress import OrderProgress
from aggregator.services import Services
from aggregator.store.order_rows import OrderRows, StoredOrder
from aggregator.web.formats import N_, Formats
from aggregator.web.languages import LANGUAGES
from aggregator.web.match_say import Say
from aggregator.web.order_say import OrderSay
from aggregator.web.pages import process_name

SUBJECT = N_("[Likely late] {part} for {buyer}: late with {chance}")
ORDER = N_("Order {order}: {part}, {quantity} pieces for {buyer}")
DUE = N_("Due: {due}")
LATE = N_("Chance of being late: {chance}")
CAUSE = N_("Cause: step {number}, {process}: {cause}")
ARRIVES = N_("Likely done: {p50}, by {p90} with 90%")
LOOK = N_("Look at it and decide: {url}")
ONCE = N_("You get one message each time an order becomes likely late.")


def letter_of(found: Services, alert: Alert) -> Letter:
    """Return the letter; blocks on the store."""
    stored = OrderRows(found.records.engine).order(alert.order)
    progress = found.order_book.progress(alert.order)
    url = f"{found.config.web.public_url.rstrip('/')}/orders/{alert.order}"
    says = [_say(found, stored, language) for language in LANGUAGES]
    texts = ["\n".join(_lines(say, alert, stored, progress, url)) for say in says]
    return Letter(
        key=f"{found.config.federation}-alert-{alert.id}",
        subject=_filled(says[0], SUBJECT, alert, stored),
        text="\n\n----\n\n".join(texts) + "\n",
        data=_data(alert, stored, progress, url, found.config.federation),
    )


def _say(found: Services, stored: StoredOrder | None, language: str) -> OrderSay:
    name = partial(process_name, found.config.processes, language)
    factories = {factory.id: factory.name for factory in found.records.factories()}
    say = Say(Formats(language, found.config.zone), factories, name, found.planning.today)
    steps = stored.draft.steps if stored else ()
    return OrderSay(say, {step.id: number for number, step in enumerate(steps, 1)})


def _lines(
    say: OrderSay, alert: Alert, stored: StoredOrder | None, progress: OrderProgress | None, url: str
) -> list[str]:
    text, arrival = say.say.fmt.text, progress.arrival if progress else None
    lines = [_filled(say, each, alert, stored) for each in (ORDER, DUE, LATE)]
    steps = {step.id: step for step in stored.draft.steps} if stored else {}
    if alert.step in steps:
        process, number = say.say.process(steps[alert.step].process), say.numbers[alert.step]
        lines.append(text(CAUSE).format(number=number, process=process, cause=say.cause(alert.cause)))
    if arrival and arrival.p50_ms is not None:
        lines.append(text(ARRIVES).format(p50=say.day(arrival.p50_ms), p90=say.day(arrival.p90_ms)))
    return [*lines, "", text(LOOK).format(url=url), text(ONCE)]


def _filled(say: OrderSay, message: str, alert: Alert, stored: StoredOrder | None) -> str:
    fmt, draft = say.say.fmt, stored.draft if stored else None
    return fmt.text(message).format(
        order=alert.order,
        part=draft.part if draft else alert.order,
        buyer=draft.buyer if draft else fmt.unknown,
        quantity=fmt.count(draft.quantity if draft else None),
        due=say.say.day(draft.due if draft else None),
        chance=say.say.chance(alert.late),
    )


def _data(
    alert: Alert, stored: StoredOrder | None, progress: OrderProgress | None, url: str, federation: str
) -> dict[str, Any]:
    arrival, draft = progress.arrival if progress else None, stored.draft if stored else None
    return {
        "event": "order.likely_late",
        "federation": federation,
        "alert": alert.id,
        "order": alert.order,
        "part": draft.part if draft else None,
        "buyer": draft.buyer if draft else None,
        "quantity": draft.quantity if draft else None,
        "due": draft.due.isoformat() if draft else None,
        "late": round(alert.late, 4),
        "step": alert.step,
        "cause": alert.cause,
        "raised": _moment(alert.raised_ms),
        "p50": _moment(arrival.p50_ms) if arrival else None,
        "p90": _moment(arrival.p90_ms) if arrival else None,
        "url": url,
    }


def _moment(at_ms: int | None) -> str | None:
    return None if at_ms is None else datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="seconds")
