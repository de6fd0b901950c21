"""What the machines of a floor will do next: a stream of steps a machine in, one step after another out."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from heapq import heapify, heappop, heappush

from agent.simulator.plant import Machine
from agent.simulator.timeline import Event


@dataclass(frozen=True, slots=True)
class Step:
    """An event to come; not `fresh` if the ground truth tells it already."""

    machine: Machine
    event: Event
    fresh: bool


Steps = Iterator[Step]
_Entry = tuple[int, int, Step, Steps]


class Agenda:
    """The next step of every machine, in order of time; at the same time, the first machine's first."""

    def __init__(self, streams: Mapping[str, Steps]) -> None:
        self._places = {machine: place for place, machine in enumerate(streams)}
        self._next: list[_Entry] = []
        for machine, stream in streams.items():
            self._push(self._places[machine], stream)

    @property
    def next_ms(self) -> int | None:
        """When the next step is due; None if nothing happens any more."""
        return self._next[0][0] if self._next else None

    def take(self) -> Step:
        """Return the next step; IndexError if there is none."""
        _at_ms, place, step, stream = heappop(self._next)
        self._push(place, stream)
        return step

    def change(self, machine: str, stream: Steps) -> None:
        """Let a machine do something else from now on."""
        place = self._places[machine]
        self._next = [entry for entry in self._next if entry[1] != place]
        heapify(self._next)
        self._push(place, stream)

    def _push(self, place: int, stream: Steps) -> None:
        step = next(stream, None)
        if step is not None:
            heappush(self._next, (step.event.at_ms, place, step, stream))
