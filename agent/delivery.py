"""What to send next: what was appended, sent and announced enters, ranges of the outbox leave. Pure.

Sparkplug data can be lost without notice, so records are delivered by go-back-N: the aggregator announces
the highest contiguous sequence it has stored; what is not announced in time is sent again from there on.

- At most `in_flight_records` are sent and not announced. After a time-out it is one message's worth, until
  the aggregator announces again: an aggregator that is away is asked, not flooded, and ever less often.
- No more than `records_per_s` are sent, on average over a second: after an outage the line and the broker are
  shared with live values, and with other factories that catch up.
- Only an announcement for our own epoch counts, and only of what was sent.
- Records that are newer than the centre's last word wait for its first one: where this outbox is an old copy
  of another, their sequences may mean other records at the centre. Who waits for a time-out in vain needs a
  new epoch, in which they do not.
"""

from collections import deque
from typing import NamedTuple

import msgspec

from agent.contract.records import Record, StateChange

LONGEST_TIMEOUT_S = 300.0


class Policy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The table `[delivery]` of agent.toml."""

    timeout_s: float = 20.0
    in_flight_records: int = 5_000
    records_per_message: int = 100
    records_per_s: float = 2_000.0
    historical_after_s: float = 180.0

    def __post_init__(self) -> None:
        for name, value, lowest, highest in (
            ("timeout_s", self.timeout_s, 0.1, LONGEST_TIMEOUT_S),
            ("in_flight_records", self.in_flight_records, 1, 100_000),
            ("records_per_message", self.records_per_message, 1, 1_000),
            ("records_per_s", self.records_per_s, 1, 1_000_000),
            ("historical_after_s", self.historical_after_s, 0, 86_400),
        ):
            if not lowest <= value <= highest:
                raise ValueError(f"{name}: expected {lowest} to {highest}, got {value}")


class Send(NamedTuple):
    """Send the first `limit` records behind sequence `after`; `again`: they may have gone before."""

    after: int
    limit: int
    again: bool


class Delivery:
    """The state of delivery of one epoch; times are seconds of any clock that only moves forward."""

    def __init__(
        self,
        policy: Policy,
        epoch: str,
        forgotten_through: int,
        appended_through: int,
        confirmed_through: int | None = None,
    ) -> None:
        """Begin with what the outbox tells; without `confirmed_through` nothing waits for the centre."""
        self.acknowledged_through = forgotten_through
        self.sent_through = forgotten_through
        self._policy = policy
        self.epoch = epoch
        self._again_through = appended_through
        self._ever_sent_through = forgotten_through
        self._in_flight: deque[tuple[int, float]] = deque()
        """Messages sent and not announced: their last sequence, and when they were sent."""
        self._progressed_s = 0.0
        self._timeouts = 0
        self._allowed = self._most_at_once = max(policy.records_per_message, policy.records_per_s)
        """How many records may be sent at `_allowed_s`."""
        self._allowed_s = float("-inf")
        self._appended_through = appended_through
        self._confirmed_through = appended_through if confirmed_through is None else confirmed_through
        self.is_heard = confirmed_through is None
        """The centre spoke of our epoch, and knew nothing of it that is not ours."""
        self._is_confirmed = self.is_heard
        self._patient_until_s = float("inf")
        self.is_overtaken = False
        """The centre knows records of our epoch that we never sent: another copy of the outbox did."""

    def appended(self, through: int) -> None:
        """Note that the outbox now holds records up to `through`."""
        self._appended_through = max(self._appended_through, through)

    def restart(self, now_s: float) -> None:
        """Begin at what is announced, after a reconnect or a rebirth: what was on its way may be lost."""
        self.sent_through = self.acknowledged_through
        self._again_through = self._appended_through
        self._in_flight.clear()
        self._progressed_s = now_s
        self._timeouts = 0
        self._patient_until_s = now_s + self._policy.timeout_s

    def next_send(self, now_s: float) -> Send | None:
        """Return what to send now, None if there is nothing or too much is on its way already."""
        if self.due_s is not None and now_s >= self.due_s:
            self._go_back(now_s)
        room = self._bound - (self.sent_through - self.acknowledged_through)
        limit = min(room, self._policy.records_per_message, self._may_go_through - self.sent_through)
        if limit <= 0 or self._allowance(now_s) < limit:
            return None
        return Send(self.sent_through, limit, again=self.sent_through < self._again_through)

    def sent(self, through: int, now_s: float) -> None:
        """Note that everything up to `through` is on its way."""
        self._allowed = self._allowance(now_s) - (through - self.sent_through)
        self._allowed_s = now_s
        if not self._in_flight:
            self._progressed_s = now_s
        self._in_flight.append((through, now_s))
        self.sent_through = through
        self._ever_sent_through = max(self._ever_sent_through, through)

    def announced(self, epoch: str, through: int, now_s: float) -> str | None:
        """Take an announcement; return None if it counts, else why it is ignored.

        When it counts, everything up to `acknowledged_through` may be forgotten.
        """
        if epoch != self.epoch:
            return (
                f"it is for the epoch {epoch!r}, ours is {self.epoch!r}: "
                "does another agent run as this factory?"
            )
        if through > max(self._ever_sent_through, self._confirmed_through):
            self.is_overtaken = True
            return f"it goes through {through}, but no more than {self._ever_sent_through} was sent"
        self.is_heard = True
        # Records from before our last restart may have been sent then: of these, what was sent again counts.
        through = min(through, self._ever_sent_through)
        if through <= self.acknowledged_through:
            # Someone is there, but cannot store now: ask at a steady pace.
            self._timeouts = min(self._timeouts, 1)
            return None
        self._timeouts = 0
        self.acknowledged_through = through
        self.sent_through = max(self.sent_through, through)
        self._progressed_s = now_s
        while self._in_flight and self._in_flight[0][0] <= through:
            self._in_flight.popleft()
        return None

    def confirmed(self) -> None:
        """Let new records go: the outbox has noted, for its next start too, that the centre was heard."""
        self._is_confirmed = True

    def is_impatient(self, now_s: float) -> bool:
        """Tell whether the centre's first word was waited for in vain: new records need a new epoch."""
        return self._waits_for_word and now_s >= self._patient_until_s

    @property
    def due_s(self) -> float | None:
        """When what is on its way is given up, if nothing is announced; None when nothing is on its way."""
        if not self._in_flight:
            return None
        timeout_s = min(self._policy.timeout_s * 2.0 ** min(self._timeouts, 16), LONGEST_TIMEOUT_S)
        return max(self._in_flight[0][1], self._progressed_s) + timeout_s

    def wake_s(self, now_s: float) -> float | None:
        """Return when `next_send` is worth asking again if nothing else happens; None if never."""
        message = self._policy.records_per_message
        short = message - self._allowance(now_s)
        waits = [] if self.due_s is None else [self.due_s]
        if self._waits_for_word and now_s < self._patient_until_s:
            waits.append(self._patient_until_s)
        if short > 0 and self.sent_through < self._appended_through:
            waits.append(now_s + short / self._policy.records_per_s)
        return min(waits, default=None)

    @property
    def backlog(self) -> int:
        """How many records are appended and not announced."""
        return self._appended_through - self.acknowledged_through

    @property
    def _may_go_through(self) -> int:
        return self._appended_through if self._is_confirmed else self._confirmed_through

    @property
    def _waits_for_word(self) -> bool:
        return not self.is_heard and not self.is_overtaken and self._may_go_through < self._appended_through

    def _allowance(self, now_s: float) -> float:
        if self._allowed_s == float("-inf"):
            return self._allowed
        earned = (now_s - self._allowed_s) * self._policy.records_per_s
        return min(self._most_at_once, self._allowed + earned)

    @property
    def _bound(self) -> int:
        return self._policy.records_per_message if self._timeouts else self._policy.in_flight_records

    def _go_back(self, now_s: float) -> None:
        self._again_through = max(self._again_through, self.sent_through)
        self.sent_through = self.acknowledged_through
        self._in_flight.clear()
        self._progressed_s = now_s
        self._timeouts += 1


def is_late(record: Record, now_ms: int, late_s: float) -> bool:
    """Tell whether a record ended more than `late_s` before `now_ms` (UTC ms): it is history, not news."""
    ended_ms = record.at_ms if isinstance(record, StateChange) else record.start_ms + record.length_ms
    return now_ms - ended_ms > late_s * 1000
