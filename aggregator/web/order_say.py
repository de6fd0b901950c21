"""Says how orders are doing in one language: states, delays with their causes, arrivals, risks."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from aggregator.alerting.rule import lateness
from aggregator.capacity.local_time import local_day
from aggregator.model.progress import Arrival, Cause, Delay, OrderProgress, Progress
from aggregator.web.formats import N_
from aggregator.web.match_say import Say
from aggregator.web.order_words import (
    AUDIT,
    CAUSE_HOURS,
    CAUSES,
    DELAY_OWN,
    DELAY_PLAIN,
    INHERITED,
    INHERITED_PLAIN,
    NO_DELAY,
    ON_PLAN,
    ORDER_STATUS,
    PROGRESS,
    RISKS,
)

_JOIN = N_(", ")
LITTLE_H = 0.5
"""Less than this nobody calls a delay."""


@dataclass(frozen=True, slots=True)
class OrderSay:
    """Beside what `Say` says: `numbers` are the places of steps in the routing, by id."""

    say: Say
    numbers: Mapping[str, int]

    def progress(self, progress: Progress) -> str:
        """Return what a job, step or order does now."""
        return self._text(PROGRESS[progress])

    def status(self, status: str) -> str:
        """Return where an order stands."""
        return self._text(ORDER_STATUS.get(status, "")) if status in ORDER_STATUS else status

    def risk(self, name: str) -> str:
        """Return how likely the order is late, in words."""
        return self._text(RISKS[name])

    def cause(self, cause: Cause | str | None) -> str:
        """Return a cause of delay."""
        known = Cause(cause) if cause in set(Cause) else None
        return self._text(CAUSES[known]) if known else self.say.fmt.unknown

    def hours(self, hours: float) -> str:
        """Return hours: whole ones from ten on."""
        return f"{hours:,.0f}" if hours >= 9.95 else f"{hours:.1f}"

    def own(self, delay: Delay) -> str:
        """Return how late a step is by itself, and why; nothing when it is not."""
        if delay.own_h < LITTLE_H:
            return ""
        causes = [(cause, hours) for cause, hours in delay.causes if hours >= LITTLE_H]
        if len(causes) == 1:
            said = self.cause(causes[0][0])
        else:
            pattern = self._text(CAUSE_HOURS)
            named = [
                pattern.format(cause=self.cause(each), hours=self.hours(hours)) for each, hours in causes
            ]
            said = self._text(_JOIN).join(named)
        pattern = self._text(DELAY_OWN if said else DELAY_PLAIN)
        return pattern.format(hours=self.hours(delay.own_h), causes=said)

    def inherited(self, delay: Delay) -> str:
        """Return how late a step is because of others; nothing when it is not."""
        if delay.inherited_h < LITTLE_H:
            return ""
        number = self.numbers.get(delay.inherited_from or "")
        pattern = self._text(INHERITED_PLAIN if number is None else INHERITED)
        return pattern.format(hours=self.hours(delay.inherited_h), number=number)

    def delay(self, delay: Delay | None) -> str:
        """Return all of it in one line."""
        if delay is None:
            return self._text(NO_DELAY)
        return self._text(_JOIN).join(filter(None, (self.own(delay), self.inherited(delay)))) or self._text(
            ON_PLAN
        )

    def day(self, at_ms: int | None) -> str:
        """Return the day of a moment; of midnight the day that ends."""
        return self.say.day(self.date(at_ms))

    def date(self, at_ms: int | None) -> date | None:
        """Return the local day of a moment; of midnight the day that ends."""
        return None if at_ms is None else local_day(at_ms - 1, self.say.fmt.zone)

    def late(self, progress: OrderProgress) -> str:
        """Return the chance of being late."""
        late = lateness(progress)
        return self.say.fmt.unknown if late is None else self.say.chance(late)

    def on_time(self, arrival: Arrival | None) -> str:
        """Return the chance to meet the due date."""
        if arrival is None or arrival.on_time is None:
            return self.say.fmt.unknown
        return self.say.chance(arrival.on_time)

    def act(self, action: str) -> str:
        """Return an action of the audit log; one without a word stands as it is."""
        return self._text(AUDIT[action]) if action in AUDIT else action

    def _text(self, message: str) -> str:
        return self.say.fmt.text(message)
