"""All foreign machines of the configuration: what Sparkplug says of them in, records and their present out.

Everything here runs in the event loop's thread, and `now` gives UTC milliseconds.
"""

import logging
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace

from agent.contract.names import TRUST_BEST_EFFORT
from aggregator.foreign.measurer import Measurer
from aggregator.foreign.settings import ForeignMachine
from aggregator.live import Board, LiveMachine
from aggregator.model.machine import Factory, Machine, MachineKey
from aggregator.model.memory import Memory

logger = logging.getLogger(__name__)

STALL_MS = 15_000
"""When nobody advanced us for longer (frozen, suspended), nobody knows what the machines did."""


DISMISSED = ""
"""Remembered in place of what measures a machine that an agent of ours measures now."""


class Listening:
    """`keep` takes what was measured, `declare` who is measured. Nothing is measured before `resume`."""

    def __init__(
        self,
        machines: Collection[ForeignMachine],
        board: Board,
        keep: Callable[[Memory], None],
        declare: Callable[[Factory, Machine], None],
        now: Callable[[], int],
    ) -> None:
        self._machines = {MachineKey(each.factory, each.machine): each for each in machines}
        self._board = board
        self._keep = keep
        self._declare = declare
        self._now = now
        self._measurers: dict[MachineKey, Measurer] = {}
        self._awake_ms = now()

    def named(self, factory: Factory) -> Factory:
        """Return the factory under the name that the configuration gives it, if its node tells none."""
        names = [each.factory_name for each in self._machines.values() if each.factory == factory.id]
        name = next((name for name in names if name), factory.name)
        return replace(factory, name=name) if factory.name == factory.id else factory

    def resume(self, saved: Mapping[MachineKey, str]) -> None:
        """Begin to measure; machines of which something is `saved` go on there."""
        self._awake_ms = self._now()
        for key, machine in self._machines.items():
            tracker = saved.get(key)
            if tracker != DISMISSED:
                self._begin(machine, tracker)

    def hear(self, key: MachineKey, values: Iterable[tuple[str, object]], *, whole: bool) -> None:
        """Take what a machine says; `whole` in its birth."""
        if key not in self._measurers:  # its agent is gone for good: a foreign node speaks for it again
            self._begin(self._machines[key], None)
        self._notice_stall()
        measurer = self._measurers[key]
        measurer.hear(values, self._now(), whole=whole)
        self._pass_on(measurer, connected=True, heard=True)

    def lose(self, keys: Iterable[MachineKey]) -> None:
        """These machines are dead, or the broker is lost."""
        for key in keys:
            measurer = self._measurers.get(key)
            if measurer is not None:
                measurer.lose(self._now())
                self._pass_on(measurer, connected=False)

    def dismiss(self, factory: str) -> None:
        """An agent of ours measures there now: what the configuration says of its machines is void."""
        gone = [key for key in self._measurers if key.factory == factory]
        if gone:
            logger.warning(
                "factory %s has an agent of its own now, which measures: remove its [[foreign]] tables "
                "from the settings", factory
            )  # fmt: skip
        for key in gone:
            del self._measurers[key]
            # After a restart nothing may be told of the time since: the agent tells it.
            self._keep(Memory(key, (), (), DISMISSED))

    def advance(self) -> None:
        """Let time pass; to be called about twice a second, whether or not the broker is there."""
        self._notice_stall()
        now_ms = self._now()
        for measurer in self._measurers.values():
            if measurer.next_due_ms <= now_ms:
                if measurer.advance(now_ms):
                    logger.info("machine %s/%s is silent: OFFLINE", *measurer.key)
                self._pass_on(measurer)

    def set_job(self, key: MachineKey, job: str) -> bool:
        """Set the job of a machine that is measured here; False: of no other."""
        measurer = self._measurers.get(key)
        if measurer is None:
            return False
        measurer.set_job(job, self._now())
        self._pass_on(measurer)
        return True

    def close(self) -> None:
        """End all open windows: we are about to stop."""
        for measurer in self._measurers.values():
            measurer.close(self._now())
            self._pass_on(measurer, connected=False)

    def _begin(self, machine: ForeignMachine, saved: str | None) -> None:
        key = MachineKey(machine.factory, machine.machine)
        factory = self.named(Factory(key.factory, key.factory))
        self._declare(factory, Machine(key, machine.name, machine.process, TRUST_BEST_EFFORT))
        self._measurers[key] = self._measurer(machine, saved)
        self._pass_on(self._measurers[key], connected=False)

    def _measurer(self, machine: ForeignMachine, saved: str | None) -> Measurer:
        if saved is not None:
            try:
                return Measurer.resume(machine, saved, self._now())
            except ValueError as error:
                place = f"{machine.factory}/{machine.machine}"
                logger.warning("machine %s: begins anew, for what is remembered is %s", place, error)
        return Measurer.begin(machine, self._now())

    def _notice_stall(self) -> None:
        awake_ms, self._awake_ms = self._awake_ms, self._now()
        if self._awake_ms - awake_ms > STALL_MS:
            for measurer in self._measurers.values():
                measurer.miss(awake_ms, self._awake_ms)
                self._pass_on(measurer)

    def _pass_on(self, measurer: Measurer, *, connected: bool | None = None, heard: bool = False) -> None:
        measured = measurer.take()
        if measured is not None:
            self._keep(measured)
        before, shows = self._board.get(measurer.key), measurer.live
        self._board.update(
            LiveMachine(
                measurer.key,
                shows.state,
                shows.state_since_ms,
                shows.cycles_total,
                shows.utilization if (before.connected if connected is None else connected) else None,
                shows.job,
                self._now() if heard else before.heard_ms,
                before.connected if connected is None else connected,
            )
        )
