"""Gives windows and state changes the job that they count for, when they are stored: records in, records out.

Assignments are kept in memory and read again whenever any of them changed, in this process or another one.
A tag that is no job of the machine's own factory counts for nothing: it is the factory's private matter, or a
mistake, which is told in the log once.
"""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import NamedTuple

from aggregator.model.machine import MachineKey
from aggregator.model.window import StateChange, Window
from aggregator.model.work import Assignment
from aggregator.store.work import Ledgers
from aggregator.work.tags import MachineTags

log = logging.getLogger(__name__)

TOLD_LIMIT = 1_000
NAMED_LIMIT = 10_000

NO_ASSIGNMENTS = MachineTags(())


class Named(NamedTuple):
    """A machine by itself named a job of its factory, in windows within `[since_ms, until_ms)`."""

    since_ms: int
    until_ms: int


class Tagger:
    """All methods block on the store and raise StoreError; used from one thread at a time."""

    def __init__(self, ledgers: Ledgers) -> None:
        self._ledgers = ledgers
        self._changed = -1
        self._by_machine: dict[MachineKey, list[Assignment]] = {}
        self._tags: dict[MachineKey, MachineTags] = {}
        self._factories: dict[str, str] = {}
        self._told: set[tuple[str, str]] = set()
        self._named: dict[tuple[MachineKey, str], Named] = {}

    def tag(
        self, windows: Sequence[Window], changes: Sequence[StateChange]
    ) -> tuple[list[Window], list[StateChange]]:
        """Return what is to be stored."""
        self._refresh()
        self._look_up({each.job for each in windows} | {each.job for each in changes})
        tagged = [self._window(window) for window in windows]
        return tagged, [self._change(change) for change in changes]

    def still_holds(self) -> bool:
        """Tell whether nothing changed since the last `tag`: what was stored has the right jobs."""
        return self._ledgers.tagging_changed() == self._changed

    def take_named(self) -> dict[tuple[MachineKey, str], Named]:
        """Return what machines named by themselves since the last time, by machine and job."""
        named, self._named = self._named, {}
        return named

    def _refresh(self) -> None:
        if self.still_holds():
            return
        self._changed, assignments = self._ledgers.tagging()
        self._by_machine, self._tags = {}, {}
        for each in assignments:
            self._by_machine.setdefault(each.key, []).append(each)

    def _look_up(self, names: set[str]) -> None:
        unknown = names - self._factories.keys() - {""}
        if unknown:
            self._factories.update(self._ledgers.factories_of(unknown))

    def _window(self, window: Window) -> Window:
        tags = self._of(window.key)
        if tags is None and not window.job:
            return window
        job = self._job(window.key, window.start_ms, window.job)
        own = self._own(window.key, window.job)
        if job and job == own and (tags or NO_ASSIGNMENTS).stands(window.start_ms, own):
            self._note(window.key, job, window.start_ms, window.start_ms + window.length_ms)
        return window if job == window.job else replace(window, job=job)

    def _change(self, change: StateChange) -> StateChange:
        job = self._job(change.key, change.at_ms, change.job)
        return change if job == change.job else replace(change, job=job)

    def _job(self, key: MachineKey, at_ms: int, tag: str) -> str:
        own = self._own(key, tag)
        tags = self._of(key)
        return own if tags is None else tags.job_at(at_ms, own)

    def _of(self, key: MachineKey) -> MachineTags | None:
        mine = self._by_machine.get(key)
        if mine is None:
            return None
        tags = self._tags.get(key)
        if tags is None:
            tags = self._tags[key] = MachineTags(mine)
        return tags

    def _own(self, key: MachineKey, tag: str) -> str:
        """Return the tag if it is a job of the machine's factory."""
        if not tag or self._factories.get(tag) == key.factory:
            return tag
        told = (key.factory, tag)
        if told not in self._told:
            if len(self._told) >= TOLD_LIMIT:
                self._told.clear()
            self._told.add(told)
            log.warning("factory %s: %r is no job of this factory; time with it counts for no job", *told)
        return ""

    def _note(self, key: MachineKey, job: str, since_ms: int, until_ms: int) -> None:
        before = self._named.get((key, job))
        if before is None and len(self._named) >= NAMED_LIMIT:
            return
        if before is not None:
            since_ms, until_ms = min(before.since_ms, since_ms), max(before.until_ms, until_ms)
        self._named[key, job] = Named(since_ms, until_ms)


def moved(before: Iterable[Window], after: Iterable[Window]) -> list[Window]:
    """Return those of `after` that differ from what was before, one for one."""
    return [new for old, new in zip(before, after, strict=True) if new is not old]
