"""What a Sparkplug message means to the aggregator: the session's output, one type a meaning."""

from dataclasses import dataclass, field

from agent.contract.sparkplug import DataSet
from aggregator.ingest.aliases import Value
from aggregator.live import LiveAgent, LiveMachine
from aggregator.model.machine import Factory, Machine, MachineKey


@dataclass(frozen=True, slots=True)
class NodeBorn:
    """A factory's agent is there. `epoch` is that of its outbox, None for a foreign edge node.

    Records up to `forgotten_through` are gone from the outbox for good.
    """

    factory: Factory
    epoch: str | None
    forgotten_through: int
    agent: LiveAgent | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class AgentChanged:
    """The present of a factory's agent, whole."""

    agent: LiveAgent


@dataclass(frozen=True, slots=True)
class MachineBorn:
    """A machine is there, with its first live values."""

    machine: Machine
    live: LiveMachine


@dataclass(frozen=True, slots=True)
class LiveChanged:
    """The machine's present, whole."""

    live: LiveMachine


@dataclass(frozen=True, slots=True)
class SignalsHeard:
    """Values by metric, in their order, of a machine whose metrics the configuration explains.

    `whole`: they are its birth's, so that what is not among them is unknown.
    """

    key: MachineKey
    values: tuple[tuple[str, Value], ...]
    whole: bool


@dataclass(frozen=True, slots=True)
class RecordsArrived:
    """Rows of `agent.contract.records` from the outbox with this epoch."""

    factory: str
    epoch: str
    table: DataSet


@dataclass(frozen=True, slots=True)
class RecordsForgotten:
    """Records up to `through` are gone from the outbox with this epoch."""

    factory: str
    epoch: str
    through: int


@dataclass(frozen=True, slots=True)
class NodeDied:
    """Nothing is known any more of the factory's machines from `at_ms` on."""

    factory: str
    machines: tuple[MachineKey, ...]
    at_ms: int


@dataclass(frozen=True, slots=True)
class MachineDied:
    """Nothing is known any more of the machine from `at_ms` on."""

    key: MachineKey
    at_ms: int


@dataclass(frozen=True, slots=True)
class RebirthWanted:
    """The factory's agent has to send its births again, because of `reason`."""

    factory: str
    reason: str


@dataclass(frozen=True, slots=True)
class Refused:
    """A message, metric or row breaks the rules (`what`); `reason` is one sentence that names the place.

    `repeated`: the same was said before, so it need not be logged again.
    """

    what: str
    reason: str
    repeated: bool


@dataclass(frozen=True, slots=True)
class MetricsIgnored:
    """Metrics that no birth named (Sparkplug allows none; foreign edge nodes send them)."""

    factory: str
    count: int


Event = (
    NodeBorn
    | AgentChanged
    | MachineBorn
    | LiveChanged
    | SignalsHeard
    | RecordsArrived
    | RecordsForgotten
    | NodeDied
    | MachineDied
    | RebirthWanted
    | Refused
    | MetricsIgnored
)
