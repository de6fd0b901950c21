"""Factories' profiles as stored: calendar, reserve, abilities, declared hours."""

import json
from dataclasses import replace
from typing import Any, NamedTuple

from pydantic import TypeAdapter, ValidationError
from sqlalchemy import Connection, Engine, Row, insert, select, update
from sqlalchemy.exc import IntegrityError

from aggregator.errors import AggregatorError
from aggregator.model.factory_profile import FactoryProfile
from aggregator.model.profile_faults import Fault, faults_of
from aggregator.store.audit import append
from aggregator.store.database import reading, writing
from aggregator.store.planning_schema import factory_profiles
from aggregator.store.profile_changes import changes
from aggregator.store.timeseries import StoreError

CHANGED = "profile changed"
"""The action of the audit log."""

_DOCUMENT: TypeAdapter[FactoryProfile] = TypeAdapter(FactoryProfile)


class ProfileConflict(AggregatorError):
    """Someone else saved in between; `current` is what they saved."""

    def __init__(self, current: FactoryProfile, expected_revision: int) -> None:
        super().__init__(
            f"factory {current.factory!r}: its profile was changed in between (revision {current.revision}, "
            f"expected {expected_revision}); look at it again and repeat your change"
        )
        self.current = current


class ProfileRefused(AggregatorError):
    """The profile cannot be right; `faults` names every place."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__("; ".join(str(fault) for fault in faults))
        self.faults = faults


class LastChange(NamedTuple):
    """Who saved a profile, and when (UTC ms)."""

    who: str
    at_ms: int


class Profiles:
    """All methods block; they raise StoreError."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def all(self) -> dict[str, FactoryProfile]:
        """Return every profile by factory."""
        with reading(self._engine) as connection:
            rows = connection.execute(select(factory_profiles).order_by(factory_profiles.c.factory))
            return {row.factory: _profile(row) for row in rows}

    def get(self, factory: str) -> FactoryProfile:
        """Return a factory's profile, an empty one of revision 0 when it has none."""
        with reading(self._engine) as connection:
            return _stored(connection, factory)

    def last_changes(self) -> dict[str, LastChange]:
        """Return by factory who changed its profile last, and when."""
        columns = (factory_profiles.c.factory, factory_profiles.c.changed_by, factory_profiles.c.changed_ms)
        with reading(self._engine) as connection:
            return {factory: LastChange(*rest) for factory, *rest in connection.execute(select(*columns))}

    def save(self, profile: FactoryProfile, expected_revision: int, who: str, now_ms: int) -> FactoryProfile:
        """Store the profile and an audit entry, both or neither, and return it with its new revision.

        Raises ProfileRefused when it cannot be right, ProfileConflict when the stored revision is another.
        A profile that says what is stored already is not stored again.
        """
        faults = faults_of(profile)
        if faults:
            raise ProfileRefused(faults)
        with writing(self._engine) as connection:
            current = _stored(connection, profile.factory)
            if current.revision != expected_revision:
                raise ProfileConflict(current, expected_revision)
            fresh = replace(profile, revision=expected_revision)
            if fresh == current:
                return current
            fresh = replace(profile, revision=expected_revision + 1)
            if not _write(connection, fresh, who, now_ms):
                raise ProfileConflict(_stored(connection, profile.factory), expected_revision)
            append(connection, now_ms, who, CHANGED, profile.factory, changes(current, fresh))
        return fresh


def _stored(connection: Connection, factory: str) -> FactoryProfile:
    row = connection.execute(select(factory_profiles).filter_by(factory=factory)).one_or_none()
    return FactoryProfile(factory) if row is None else _profile(row)


def _write(connection: Connection, profile: FactoryProfile, who: str, now_ms: int) -> bool:
    """Write the row; False when another transaction was faster, which only PostgreSQL lets happen."""
    values = {
        "revision": profile.revision,
        "document": _document(profile),
        "changed_ms": now_ms,
        "changed_by": who,
    }
    if profile.revision == 1:
        try:
            with connection.begin_nested():
                connection.execute(insert(factory_profiles).values(factory=profile.factory, **values))
        except IntegrityError:
            return False
        return True
    before = profile.revision - 1
    statement = update(factory_profiles).filter_by(factory=profile.factory, revision=before).values(values)
    return connection.execute(statement).rowcount == 1


def _document(profile: FactoryProfile) -> str:
    """Return the profile as JSON; what is a set is sorted, so that equal profiles read the same."""
    plain = _DOCUMENT.dump_python(profile, mode="json")
    for abilities in plain["abilities"].values():
        abilities["materials"].sort()
        abilities["others"].sort()
    return json.dumps(plain, ensure_ascii=False)


def _profile(row: Row[Any]) -> FactoryProfile:
    try:
        return _DOCUMENT.validate_json(row.document, strict=True, extra="forbid")
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise StoreError(f"profile of factory {row.factory!r}: {place}: {first['msg']}") from error
