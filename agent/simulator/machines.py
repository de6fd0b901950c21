"""The machines of a scenario: their tables in, checked machines with rhythm, wiring and script out."""

from itertools import pairwise

from msgspec.structs import asdict

from agent.contract.states import State
from agent.mistakes import converted, mistake
from agent.simulator.checks import check_choice, check_id
from agent.simulator.plant import MODBUS, OPCUA, Factory, Machine, Scripted, Wiring
from agent.simulator.rhythm import KINDS, Rhythm
from agent.simulator.tables import Load, MachineTable, ScenarioTable


def make_machines(
    table: ScenarioTable, factories: list[Factory], anchor_ms: int, end_ms: int | None
) -> list[Machine]:
    """Return the machines in the order of the file; raises ConfigError with place and cure."""
    entries = zip(factories, table.factories, strict=True)
    homes = {factory.id: (factory, entry.load) for factory, entry in entries}
    ids: dict[str, set[str]] = {factory.id: set() for factory in factories}
    units: dict[str, set[int]] = {factory.id: set() for factory in factories}
    machines = []
    for index, entry in enumerate(table.machines):
        place = f"machines[{index}]"
        check_choice(f"{place}.factory", entry.factory, homes)
        check_choice(f"{place}.kind", entry.kind, KINDS)
        check_id(f"{place}.id", entry.id, ids[entry.factory])
        factory, usual_load = homes[entry.factory]
        machine = _machine(
            entry,
            factory,
            seed=str(table.seed),
            rhythm=_rhythm(f"{place}.rhythm", KINDS[entry.kind].rhythm, entry.rhythm),
            load=usual_load if entry.load is None else entry.load,
            wiring=_wiring(place, entry, factory, units[entry.factory]),
            scripted=_script(place, entry, anchor_ms),
            end_ms=end_ms,
        )
        machines.append(machine)
    for index, factory in enumerate(factories):
        if not ids[factory.id]:
            raise mistake(f"factories[{index}]", f"{factory.id!r} has no machine; add one or remove it")
    return machines


def _machine(
    entry: MachineTable,
    factory: Factory,
    *,
    seed: str,
    rhythm: Rhythm,
    load: Load,
    wiring: Wiring,
    scripted: tuple[Scripted, ...],
    end_ms: int | None,
) -> Machine:
    kind = KINDS[entry.kind]
    return Machine(
        id=entry.id,
        name=entry.name or entry.id,
        factory=factory,
        kind=entry.kind,
        traits=kind,
        process=entry.process or kind.process,
        rhythm=rhythm,
        load=tuple(load) if isinstance(load, list) else (load,) * 7,
        wiring=wiring,
        seed=seed,
        end_ms=end_ms,
        scripted=scripted,
        initial_count=entry.initial_count,
        pieces_per_cycle=entry.pieces_per_cycle,
        counts_scrap=entry.counts_scrap,
        work_order=entry.work_order,
        agent=entry.agent,
    )


def _rhythm(place: str, usual: Rhythm, own: dict[str, float]) -> Rhythm:
    return converted({**asdict(usual), **own}, Rhythm, place)


def _wiring(place: str, entry: MachineTable, factory: Factory, units: set[int]) -> Wiring:
    ports = {OPCUA: factory.opcua_port, MODBUS: factory.modbus_port}
    offered = [protocol for protocol, port in ports.items() if port is not None]
    protocol = entry.protocol or offered[0]
    if protocol not in offered:
        raise mistake(f"{place}.protocol", f"factory {factory.id!r} has no {protocol}_port; add it there")
    if entry.protocol is None and len(offered) > 1:
        raise mistake(f"{place}.protocol", f"factory {factory.id!r} has both servers; write opcua or modbus")
    if protocol != MODBUS:
        return Wiring(protocol)
    bits = entry.counter_bits or KINDS[entry.kind].counter_bits
    return Wiring(protocol, _unit(place, entry, units), entry.order, bits)


def _unit(place: str, entry: MachineTable, units: set[int]) -> int:
    """Return the Modbus unit: the given one, else the lowest that is free so far."""
    unit = entry.unit or next((number for number in range(1, 248) if number not in units), 0)
    if not unit:
        raise mistake(place, "is the 248th Modbus machine of its factory; move it to another factory")
    if unit in units:
        raise mistake(f"{place}.unit", f"{unit} is taken by an earlier machine here; choose another")
    units.add(unit)
    return unit


def _script(place: str, entry: MachineTable, anchor_ms: int) -> tuple[Scripted, ...]:
    script: list[tuple[Scripted, str]] = []
    for nth, event in enumerate(entry.events):
        start_ms = anchor_ms + round(event.after_s * 1000)
        end_ms = start_ms + round(event.for_s * 1000)
        script.append((Scripted(start_ms, end_ms, State(event.state)), f"{place}.events[{nth}].after_s"))
    script.sort(key=lambda step: step[0].start_ms)
    for (earlier, _earlier_place), (later, where) in pairwise(script):
        if later.start_ms < earlier.end_ms:
            raise mistake(where, "begins before the event before it is over; move it")
    return tuple(scripted for scripted, _where in script)
