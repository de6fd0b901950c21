"""What factories agree that others see of them, as stored; every change stands in the audit log."""

from sqlalchemy import Connection, Engine, select

from aggregator.model.consent import UNASKED, Consent, Consents, Field
from aggregator.store.audit import append
from aggregator.store.database import reading, take_turns, upsert, writing
from aggregator.store.work_schema import consents

_LOCK = 0x636F6E73
CHANGED = "consent changed"
"""The action of the audit log."""


class ConsentStore:
    """All methods block; they raise StoreError.

    Nothing is kept in memory: what a factory takes back is gone from the next response on, whichever process
    gives it. Streams read it again for every event, and every few seconds.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._write = upsert(engine.dialect, consents)

    def read(self) -> Consents:
        """Return what every factory agrees to now."""
        with reading(self._engine) as connection:
            return _read(connection)

    def change(self, factory: str, field: Field, granted: bool, who: str, now_ms: int) -> bool:
        """Store the answer with its entry in the audit log; False when it is what was answered before."""
        with writing(self._engine) as connection:
            take_turns(connection, _LOCK)  # each answer is told with the one before it
            before = _read(connection).answers.get((factory, field))
            if before is not None and before.granted == granted:
                return False
            row = (factory, field.value, granted, now_ms, who)
            connection.exec_driver_sql(self._write, [row])
            held = UNASKED[field] if before is None else before.granted
            detail = {"field": field.value, "granted": granted, "before": held}
            append(connection, now_ms, who, CHANGED, factory, detail)
        return True


def _read(connection: Connection) -> Consents:
    rows = [
        Consent(row.factory, Field(row.field), bool(row.granted), row.changed_ms, row.changed_by)
        for row in connection.execute(select(consents))
    ]
    return Consents({(each.factory, each.field): each for each in rows})
