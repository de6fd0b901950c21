"""Takes messages of alerts out of the store, sends them, and marks each once it has arrived.

A message is marked after it was sent, so none is lost; who is killed between the two sends it once more,
under the same Message-ID or Idempotency-Key.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from aggregator.alerting.aside import aside
from aggregator.alerting.backoff import NEVER, next_try_ms
from aggregator.alerting.letter import Letter, NotSent
from aggregator.alerting.mail import send_mail
from aggregator.alerting.webhook import place_of, send_webhook
from aggregator.config import AlertSettings
from aggregator.model.alert import Alert, Channel, Message
from aggregator.store.alerts import Alerts
from aggregator.store.timeseries import StoreError

log = logging.getLogger(__name__)

LOOK_EVERY_S = 2.0

Sending = Callable[[Letter, str, int], None]
"""Sends a letter to a target at a moment (UTC ms); blocks, raises NotSent."""


def targets_of(settings: AlertSettings) -> Sequence[tuple[Channel, str]]:
    """Return to whom every alert goes."""
    mails = [(Channel.EMAIL, to) for to in settings.email.to] if settings.email else []
    hooks = [(Channel.WEBHOOK, place_of(settings.webhook))] if settings.webhook else []
    return (*mails, *hooks)


def sendings_of(settings: AlertSettings) -> Mapping[Channel, Sending]:
    """Return how each configured channel sends."""
    found: dict[Channel, Sending] = {}
    if settings.email:
        found[Channel.EMAIL] = partial(send_mail, settings.email)
    if settings.webhook:
        webhook = settings.webhook
        found[Channel.WEBHOOK] = lambda letter, _target, at_ms: send_webhook(webhook, letter, at_ms)
    return found


class Delivery:
    """`write` makes the letter of an alert; `now` gives UTC milliseconds."""

    def __init__(
        self,
        store: Alerts,
        sendings: Mapping[Channel, Sending],
        write: Callable[[Alert], Letter],
        now: Callable[[], int],
    ) -> None:
        self._store = store
        self._sendings = sendings
        self._write = write
        self._now = now
        self._failing: set[str] = set()

    async def run(self) -> None:
        """Send what is due until cancelled; a slow channel keeps no other one waiting, nor the end.

        What is under way then may arrive without being marked, and comes once more after the next start.
        """
        async with asyncio.TaskGroup() as tasks:
            for channel in self._sendings:
                tasks.create_task(self._run(channel), name=f"alerts by {channel}")

    async def _run(self, channel: Channel) -> None:
        while True:
            try:
                await aside(partial(self.send_due, channel), f"alerts by {channel}")
            except StoreError as error:
                log.warning("alerts by %s wait until the store answers again: %s", channel, error)
            await asyncio.sleep(LOOK_EVERY_S)

    def send_due(self, channel: Channel) -> None:
        """Send what is due by one channel, one after the other; blocks."""
        for message, alert in self._store.due(channel, self._now()):
            self._send(message, alert)

    def _send(self, message: Message, alert: Alert) -> None:
        place = f"{message.channel} to {message.target}"
        try:
            self._sendings[message.channel](self._write(alert), message.target, self._now())
        except NotSent as error:
            at_ms = next_try_ms(message.tries + 1, self._now(), alert.raised_ms)
            self._store.failed(message, str(error), at_ms)
            if place not in self._failing or at_ms == NEVER:
                ends = "given up" if at_ms == NEVER else "tried again with growing rests"
                log.warning("alert %d by %s was not sent, %s: %s", alert.id, place, ends, error)
            self._failing.add(place)
            return
        self._store.sent(message.id, self._now())
        if place in self._failing:
            log.info("alerts by %s go out again", place)
        self._failing.discard(place)
