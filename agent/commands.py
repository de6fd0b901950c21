"""Commands: the payload of an NCMD or DCMD in, what is asked for and what is wrong with it out. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from agent.births import MACHINE_TYPES, NODE_ALIASES, NODE_TYPES, machine_aliases
from agent.contract import names
from agent.contract.jobs import LONGEST_JOB, valid_job
from agent.contract.sparkplug import DataSet, DataType, Metric, PayloadError, Scalar, decode, typed
from agent.contract.topics import Topic


@dataclass(frozen=True, slots=True)
class Rebirth:
    """Send all births again."""


@dataclass(frozen=True, slots=True)
class Stored:
    """Everything of `epoch` up to sequence `through` is stored at the centre."""

    epoch: str
    through: int


@dataclass(frozen=True, slots=True)
class SetJob:
    """The machine works on `job` from now on; "" for none."""

    machine: str
    job: str


Command = Rebirth | Stored | SetJob
Value = Scalar | DataSet | None


def read_commands(topic: Topic, body: bytes, machines: Sequence[str]) -> tuple[list[Command], list[str]]:
    """Return what is asked for and, as sentences, what is wrong; what is right in a message counts."""
    try:
        metrics = decode(body).metrics
    except PayloadError as error:
        return [], [str(error)]
    if topic.machine is None:
        return _node_commands(*_by_name(metrics, NODE_TYPES, NODE_ALIASES))
    if topic.machine not in machines:
        return [], [f"there is no machine {topic.machine!r} here"]
    aliases = machine_aliases(machines.index(topic.machine))
    return _machine_commands(topic.machine, *_by_name(metrics, MACHINE_TYPES, aliases))


def _by_name(
    metrics: Sequence[Metric], types: dict[str, DataType], aliases: dict[str, int]
) -> tuple[dict[str, Value], list[str]]:
    """Return the values by name, for metrics that came with their name or alias."""
    by_alias = {alias: name for name, alias in aliases.items()}
    values: dict[str, Value] = {}
    wrong = []
    for metric in metrics:
        name = metric.name or by_alias.get(metric.alias or 0)
        if name == names.REBIRTH:
            values[name] = metric.value
        elif name not in types:
            wrong.append(f"unknown metric {metric.name or metric.alias!r}")
        else:
            values[name] = metric.value if metric.datatype else typed(metric.value, types[name])
    return values, wrong


def _node_commands(values: dict[str, Value], wrong: list[str]) -> tuple[list[Command], list[str]]:
    commands: list[Command] = []
    if names.REBIRTH in values:
        value = values.pop(names.REBIRTH)
        if value is True:
            commands.append(Rebirth())
        elif value is not False:
            wrong.append(f"{names.REBIRTH}: expected true, got {_short(value)}")
    if names.STORED_EPOCH in values or names.STORED_THROUGH in values:
        epoch, through = values.pop(names.STORED_EPOCH, None), values.pop(names.STORED_THROUGH, None)
        is_whole = isinstance(through, int) and not isinstance(through, bool) and through >= 0
        if isinstance(epoch, str) and isinstance(through, int) and is_whole:
            commands.append(Stored(epoch, through))
        else:
            wrong.append(
                f"{names.STORED_EPOCH} and {names.STORED_THROUGH}: expected a text and a whole number, "
                f"got {_short(epoch)} and {_short(through)}"
            )
    return commands, wrong + [f"{name} cannot be written" for name in values]


def _machine_commands(
    machine: str, values: dict[str, Value], wrong: list[str]
) -> tuple[list[Command], list[str]]:
    commands: list[Command] = []
    if names.JOB in values:
        value = values.pop(names.JOB)
        job = "" if value is None else value
        if isinstance(job, str) and valid_job(job):
            commands.append(SetJob(machine, job))
        else:
            wrong.append(
                f"{names.JOB}: expected a text of at most {LONGEST_JOB} characters, none of them a control "
                f"character, got {_short(job)}"
            )
    return commands, wrong + [f"{name} cannot be written" for name in values]


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
