"""What to do about the job that a machine shows: its own word and what people entered in, one step out. Pure.

A person's newer start wins: the machine is told until it shows that job. What the machine shows by itself
after that is the newer word, and wins: another job of its factory starts, another tag of its own ends the job
here. A job that the machine began by itself ends when the machine no longer shows it; one that a person began
is ended by a person, so a machine that lost it is told again. What a machine shows because it was told is not
its word.
"""

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from enum import StrEnum

from aggregator.model.work import Assignment, Source

ECHO_MS = 60_000
"""So long what a machine shows may be what it was told, however late."""
PAUSES_MS = (0, 5_000, 10_000, 20_000, 40_000, 60_000)
"""A machine is told again after these, the last one over and over."""


class Verdict(StrEnum):
    """`agreed`: nothing to do; `tell` it; it `began` a job, `left` the one it had, does `private` work."""

    AGREED = "agreed"
    TELL = "tell"
    BEGAN = "began"
    LEFT = "left"
    PRIVATE = "private"


@dataclass(frozen=True, slots=True)
class Seen:
    """What is remembered of a machine: the job it showed last (None: never), and what it was told when."""

    shown: str | None = None
    told: str | None = None
    told_ms: int = 0
    tries: int = 0
    echoes: tuple[tuple[str, int], ...] = field(default=())


@dataclass(frozen=True, slots=True)
class Words:
    """What is said of a machine's job: it `shows` one; `wanted` is the newest open assignment.

    `unheard` are jobs that ended without the agent letting go of them; `known` says whether what it shows is
    an open job of its own factory.
    """

    shows: str
    wanted: Assignment | None
    unheard: Collection[str]
    known: bool


def judge(seen: Seen, words: Words, now_ms: int) -> tuple[Verdict, Seen]:
    """Return what to do now, and what to remember; after TELL the machine is to be told `seen.told`."""
    changed = seen.shown is not None and seen.shown != words.shows
    echo = any(job == words.shows and now_ms - at_ms < ECHO_MS for job, at_ms in seen.echoes)
    seen = replace(seen, shown=words.shows)
    wanted = words.wanted.job if words.wanted else ""
    if words.shows == wanted:
        return Verdict.AGREED, replace(seen, told=None, tries=0)
    if words.wanted is None:
        if words.shows in words.unheard or echo:
            return _tell(seen, "", now_ms)
        return (Verdict.BEGAN if words.known else Verdict.PRIVATE), replace(seen, told=None, tries=0)
    own_word = changed and not echo and words.shows != ""
    if words.wanted.source is Source.MEASURED:
        own_word = True
    if own_word and words.shows not in words.unheard:
        return (Verdict.BEGAN if words.known else Verdict.LEFT), replace(seen, told=None, tries=0)
    return _tell(seen, wanted, now_ms)


def _tell(seen: Seen, job: str, now_ms: int) -> tuple[Verdict, Seen]:
    if seen.told == job:
        pause_ms = PAUSES_MS[min(seen.tries, len(PAUSES_MS) - 1)]
        if now_ms - seen.told_ms < pause_ms:
            return Verdict.AGREED, seen
    else:
        seen = replace(seen, tries=0)
    echoes = ((job, now_ms), *(each for each in seen.echoes if each[0] != job and now_ms - each[1] < ECHO_MS))
    told = replace(seen, told=job, told_ms=now_ms, tries=seen.tries + 1, echoes=echoes)
    return Verdict.TELL, told
