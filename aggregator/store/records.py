"""Factories, machines, and how far each agent's records are stored."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import astuple, dataclass

from sqlalchemy import Engine, select

from aggregator.model.machine import Factory, Machine, MachineKey
from aggregator.store.database import reading, upsert, writing
from aggregator.store.schema import delivery, factories, machines, refused_records


@dataclass(frozen=True, slots=True)
class RefusedRecord:
    """A row that is no record, as it came (`content` is JSON), and why; `received_ms` is UTC."""

    factory: str
    epoch: str
    sequence: int
    received_ms: int
    reason: str
    content: str


class Records:
    """All methods block; call them in a thread from asynchronous code. They raise StoreError."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._remember_factories = upsert(engine.dialect, factories)
        self._remember_machines = upsert(engine.dialect, machines)
        self._advance = upsert(engine.dialect, delivery)
        self._refuse = upsert(engine.dialect, refused_records)

    def factories(self, within: Collection[str] | None = None) -> list[Factory]:
        """Return every factory that was ever born, by id; only those of the ids `within`, when given."""
        statement = select(factories).order_by(factories.c.id)
        if within is not None:
            statement = statement.where(factories.c.id.in_(within))
        with reading(self.engine) as connection:
            rows = connection.execute(statement)
            return [Factory(row.id, row.name) for row in rows]

    def machines(self, within: Collection[str] | None = None) -> list[Machine]:
        """Return every machine that was ever born, by factory and id; only of the factories `within`."""
        statement = select(machines).order_by(machines.c.factory, machines.c.machine)
        if within is not None:
            statement = statement.where(machines.c.factory.in_(within))
        with reading(self.engine) as connection:
            rows = connection.execute(statement)
            return [Machine(MachineKey(factory, machine), *about) for factory, machine, *about in rows]

    def remember(self, born_factories: Sequence[Factory], born_machines: Sequence[Machine]) -> None:
        """Add factories and machines, or replace what was known of them."""
        with writing(self.engine) as connection:
            if born_factories:
                rows = [(factory.id, factory.name) for factory in born_factories]
                connection.exec_driver_sql(self._remember_factories, rows)
            if born_machines:
                machine_rows = [
                    (*item.key, item.name, item.process, item.trust, item.share, item.counts)
                    for item in born_machines
                ]
                connection.exec_driver_sql(self._remember_machines, machine_rows)

    def remember_factory(self, factory: Factory) -> None:
        """Add one factory, or replace what was known of it."""
        self.remember([factory], [])

    def remember_machine(self, machine: Machine) -> None:
        """Add one machine, or replace what was known of it."""
        self.remember([], [machine])

    def stored_through(self, factory: str, epoch: str) -> int:
        """Return up to which sequence this outbox is stored without a gap; 0 when nothing is."""
        query = select(delivery.c.stored_through).filter_by(factory=factory, epoch=epoch)
        with reading(self.engine) as connection:
            return connection.scalar(query) or 0

    def settle(self, through: Mapping[tuple[str, str], int], refused: Sequence[RefusedRecord]) -> None:
        """Note how far (factory, epoch) is stored, and keep refused rows, in one durable step."""
        advanced = [(*outbox, sequence) for outbox, sequence in through.items()]
        with writing(self.engine) as connection:
            if refused:
                connection.exec_driver_sql(self._refuse, [astuple(record) for record in refused])
            if advanced:
                connection.exec_driver_sql(self._advance, advanced)

    def refused(self, factory: str, limit: int = 100) -> list[RefusedRecord]:
        """Return a factory's refused rows, the newest first."""
        query = (
            select(refused_records)
            .filter_by(factory=factory)
            .order_by(refused_records.c.received_ms.desc(), refused_records.c.sequence.desc())
            .limit(limit)
        )
        with reading(self.engine) as connection:
            return [RefusedRecord(**row) for row in connection.execute(query).mappings()]
