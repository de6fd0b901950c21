"""What a machine does in a stretch of open time: rhythm and random numbers in, state changes and cycles out.

The clock of this module runs only while the factory is open and nobody has scripted anything else: 0 is the
first open millisecond of the day. `timeline.py` puts the result on the wall clock.
"""

from bisect import bisect_left
from dataclasses import dataclass, field
from math import exp, log, sqrt
from random import Random

from agent.contract.states import State
from agent.simulator.rhythm import Rhythm

Change = tuple[int, State]


@dataclass(slots=True)
class Activity:
    """State changes (the first at 0) and the last millisecond of every cycle, both in order."""

    changes: list[Change] = field(default_factory=list)
    cycles: list[int] = field(default_factory=list)


class LogNormal:
    """Whole numbers, at least one, with a mean and a spread (standard deviation / mean)."""

    def __init__(self, mean: float, spread: float) -> None:
        variance = log(1 + spread * spread)
        self.sigma = sqrt(variance)
        self.mu = log(max(mean, 1)) - variance / 2

    def draw(self, rng: Random) -> int:
        return int(exp(rng.gauss(self.mu, self.sigma))) + 1


class Hazards:
    """What interrupts a running machine: independent Poisson streams over its running time, drawn as one."""

    def __init__(self, rhythm: Rhythm) -> None:
        streams = (
            (rhythm.mtbf_s, State.DOWN, LogNormal(rhythm.mttr_s * 1000, 0.4)),
            (rhythm.starve_every_s, State.IDLE, LogNormal(rhythm.starve_s * 1000, 0.5)),
            (rhythm.stop_every_s, State.IDLE, LogNormal(rhythm.stop_s * 1000, 0.5)),
        )
        present = [stream for stream in streams if stream[0] > 0]
        self.weights = [1 / every_s for every_s, _state, _length in present]
        self.outcomes = [(state, length) for _every_s, state, length in present]
        self.rate = sum(self.weights)

    def next_ms(self, rng: Random) -> int:
        """Return the running time until something interrupts."""
        return int(rng.expovariate(self.rate) * 1000) + 1 if self.rate else 1 << 60

    def pick(self, rng: Random) -> tuple[State, int]:
        """Return what interrupts, and for how many ms."""
        state, length = rng.choices(self.outcomes, self.weights)[0]
        return state, length.draw(rng)


def stop_share(rhythm: Rhythm) -> float:
    """Return the interrupted time per running time, on average."""
    pairs = (
        (rhythm.mtbf_s, rhythm.mttr_s),
        (rhythm.starve_every_s, rhythm.starve_s),
        (rhythm.stop_every_s, rhythm.stop_s),
    )
    return sum(length / every for every, length in pairs if every > 0)


def order_gaps(rhythm: Rhythm, load: float) -> tuple[float, float]:
    """Return the chance that a batch is followed by a gap without orders, and the mean gap in seconds.

    Together they make batches with their set-ups fill the share `load` (0 < load <= 1) of the open time.
    """
    busy_s = rhythm.setup_s + rhythm.batch * rhythm.cycle_s * (1 + stop_share(rhythm))
    idle_s = busy_s * (1 - load) / load
    return min(1.0, idle_s / rhythm.order_gap_s), max(idle_s, rhythm.order_gap_s)


class Worker:
    """Works through one day's open time, batch after batch; use it once."""

    def __init__(self, rhythm: Rhythm, load: float, rng: Random, length_ms: int) -> None:
        self.rhythm = rhythm
        self.load = load
        self.rng = rng
        self.length_ms = length_ms
        self.now_ms = 0
        self.done = Activity()
        self.cycle = LogNormal(rhythm.cycle_s * 1000, rhythm.cycle_spread)
        self.setup = LogNormal(rhythm.setup_s * 1000, 0.35)
        self.batch = LogNormal(rhythm.batch, rhythm.batch_spread)
        self.hazards = Hazards(rhythm)
        self.until_hazard_ms = self.hazards.next_ms(rng)

    def work(self) -> Activity:
        """Return the whole open time's activity."""
        if self.load <= 0:
            return Activity([(0, State.IDLE)])
        gap_chance, gap_s = order_gaps(self.rhythm, self.load)
        self._open(gap_s)
        while self.now_ms < self.length_ms:
            if self.rng.random() < gap_chance:
                self._wait(gap_s)
            self._set_up()
            self._run(self.batch.draw(self.rng))
        return self._trimmed()

    def _open(self, gap_s: float) -> None:
        """Begin the day somewhere in the middle: without an order, at a set-up, or in a batch."""
        chance = self.rng.random()
        if chance < 1 - self.load:
            self._wait(gap_s * self.rng.random())
        if chance < 1 - self.load * 0.7:
            self._set_up()
        self._run(int(self.batch.draw(self.rng) * self.rng.random()) + 1)

    def _wait(self, mean_s: float) -> None:
        """Stand without an order, at least half the mean, so that a long gap stays a long one."""
        self.done.changes.append((self.now_ms, State.IDLE))
        self.now_ms += int(500 * mean_s * (1 + self.rng.expovariate(1))) + 1

    def _set_up(self) -> None:
        if self.rhythm.setup_s > 0:
            self.done.changes.append((self.now_ms, State.SETUP))
            self.now_ms += self.setup.draw(self.rng)

    def _run(self, cycles: int) -> None:
        """Run a batch. A cycle that is interrupted goes on afterwards; it counts in its last millisecond."""
        changes, finish, gauss = self.done.changes, self.done.cycles.append, self.rng.gauss
        mu, sigma = self.cycle.mu, self.cycle.sigma
        now, until_hazard, length = self.now_ms, self.until_hazard_ms, self.length_ms
        changes.append((now, State.RUNNING))
        for _ in range(cycles):
            left = int(exp(gauss(mu, sigma))) + 1
            while left > until_hazard:
                now += until_hazard
                left -= until_hazard
                state, stop_ms = self.hazards.pick(self.rng)
                changes += ((now, state), (now + stop_ms, State.RUNNING))
                now += stop_ms
                until_hazard = self.hazards.next_ms(self.rng)
            until_hazard -= left
            now += left
            finish(now - 1)
            if now >= length:
                break
        self.now_ms, self.until_hazard_ms = now, until_hazard

    def _trimmed(self) -> Activity:
        changes, cycles = self.done.changes, self.done.cycles
        del cycles[bisect_left(cycles, self.length_ms) :]
        while changes and changes[-1][0] >= self.length_ms:
            changes.pop()
        return self.done
