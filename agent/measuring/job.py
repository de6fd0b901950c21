"""The job that a machine itself reports: a signal's values in, the shared job they mean out. Pure.

What the machine says is a work order, a program, a number: the factory's own words. Only what the
configuration turns into a job counts; everything else is as if the machine said nothing, and is never kept.
"""

import re
from collections.abc import Iterable
from typing import Annotated

import msgspec
from msgspec.structs import replace

from agent.contract.jobs import LONGEST_JOB, valid_job
from agent.measuring.reading import Reading, Value

NO_JOB = ""
_JOB = "job"


class JobSignal(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`signal` names the job: by the table `jobs` (what the machine says -> job), else by `pattern`.

    The pattern has to match all of what is said; its group `job` is the job. What is said must have been the
    same for `for_s`.
    """

    signal: str
    pattern: str | None = None
    jobs: dict[str, str] = {}
    for_s: Annotated[float, msgspec.Meta(ge=0, le=3_600)] = 0.0

    def __post_init__(self) -> None:
        if self.pattern is None and not self.jobs:
            raise ValueError("expected a pattern or jobs: nothing else that the machine says may leave")
        if self.pattern is not None:
            _require_group(self.pattern)
        for said, job in self.jobs.items():
            if not job or not valid_job(job):
                raise ValueError(f"jobs.{said}: expected 1 to {LONGEST_JOB} characters, got {job[:60]!r}")

    @property
    def source(self) -> str:
        """What the job is read from and how, as text: a memory of another source is worth nothing."""
        return msgspec.json.encode([self.signal, self.pattern, sorted(self.jobs.items())]).decode()


class JobMemory(msgspec.Struct, frozen=True):
    """What is to be remembered, also over a restart.

    `said` is the job that the signal named last (None: not heard yet), `by_signal` tells that the machine's
    present job is there because the signal named it.
    """

    source: str
    said: str | None = None
    by_signal: bool = False


def job_of(settings: JobSignal, value: Value | None) -> str | None:
    """Return the job that a value means, "" if it means none that is shared; None if it is unknown."""
    if value is None:
        return None
    said = _text(value)
    if said in settings.jobs:
        return settings.jobs[said]
    if settings.pattern is None or len(said) > LONGEST_JOB:
        return NO_JOB
    match = re.fullmatch(settings.pattern, said)
    job = (match[_JOB] or NO_JOB) if match else NO_JOB
    return job if valid_job(job) else NO_JOB


class JobWatch:
    """Decides between the signal and the centre: the newest change counts, whoever makes it.

    The signal is heard when what it says has changed, so an unknown one, and one that repeats itself, leave
    the job as it is. A signal that names no job ends only a job that it named itself. Time enters with calls.
    """

    def __init__(self, settings: JobSignal | None, saved: JobMemory | None) -> None:
        self.memory = _remembered(settings, saved)
        self.next_due_ms: int | None = None
        """When what the signal says now has been said for long enough; None if it is heard, or unknown."""
        self._settings = settings
        self._job: str | None = None

    def hear(self, readings: Iterable[Reading], at_ms: int) -> None:
        """Take readings as of `at_ms`."""
        if self._settings is None:
            return
        for reading in readings:
            if reading.signal == self._settings.signal:
                job = job_of(self._settings, reading.value)
                if job != self._job:
                    self._job = job
                    self.next_due_ms = None if job is None else at_ms + round(self._settings.for_s * 1000)

    def shift(self, shift_ms: int) -> None:
        """The clock was put right: what is said was said that much later."""
        if self.next_due_ms is not None:
            self.next_due_ms += shift_ms

    def decide(self, present: str) -> str:
        """Heed what is said at `next_due_ms`; return the job from then on, `present` if that stays."""
        said, self.next_due_ms = self._job, None
        if said is None or self.memory is None or said == self.memory.said:
            return present
        self.memory = replace(self.memory, said=said)
        if said == present or (said == NO_JOB and not self.memory.by_signal):
            return present
        self.memory = replace(self.memory, by_signal=said != NO_JOB)
        return said

    def command(self, job: str, present: str) -> None:
        """Note that the centre sets `job`; what is so already stays whose it is."""
        if self.memory is not None and job != present:
            self.memory = replace(self.memory, by_signal=False)


def _remembered(settings: JobSignal | None, saved: JobMemory | None) -> JobMemory | None:
    if settings is None:
        return None
    return saved if saved is not None and saved.source == settings.source else JobMemory(settings.source)


def _text(value: Value) -> str:
    """Return what is said as text; a whole number has no decimals, whatever type the machine gives it."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return (str(value).lower() if isinstance(value, bool) else str(value)).strip()


def _require_group(pattern: str) -> None:
    try:
        groups = re.compile(pattern).groupindex
    except re.error as error:
        raise ValueError(f"pattern: is no regular expression: {error}") from None
    if _JOB not in groups:
        raise ValueError(f"pattern: expected a group (?P<{_JOB}>...), which is the job, got {pattern!r}")
