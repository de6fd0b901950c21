"""People, their sessions, and the tokens of programs, as stored: only hashes of what is secret."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Column, Engine, Table, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from aggregator.errors import AggregatorError
from aggregator.model.user import Role, User
from aggregator.store.database import reading, writing
from aggregator.store.schema import sessions, tokens, users

ALL, READ = "all", "read"
"""Scopes of tokens: what the person may do, or only what they may see."""


class PersonError(AggregatorError):
    """There is such a person already, or none; the message names them."""


class People:
    """All methods block; call them in a thread from asynchronous code. They raise StoreError."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add_user(self, user: User, password_hash: str, now_ms: int) -> None:
        """Remember a person; raises PersonError when the name is taken."""
        row = {
            "name": user.name,
            "password_hash": password_hash,
            "role": user.role.value,
            "factory": user.factory,
            "buyer": user.buyer,
            "created_ms": now_ms,
        }
        with writing(self._engine) as connection:
            try:
                connection.execute(insert(users).values(row))
            except IntegrityError:
                raise PersonError(f"user {user.name!r}: there is one already; remove it first") from None

    def set_password(self, name: str, password_hash: str) -> None:
        """Replace the password and end the person's sessions; raises PersonError for an unknown name."""
        with writing(self._engine) as connection:
            connection.execute(delete(sessions).where(sessions.c.user == name))
            statement = update(users).where(users.c.name == name).values(password_hash=password_hash)
            if not connection.execute(statement).rowcount:
                raise PersonError(f"user {name!r}: there is none of that name")

    def remove_user(self, name: str) -> None:
        """Forget a person, their sessions and tokens; raises PersonError for an unknown name."""
        with writing(self._engine) as connection:
            connection.execute(delete(sessions).where(sessions.c.user == name))
            connection.execute(delete(tokens).where(tokens.c.name == name))
            if not connection.execute(delete(users).where(users.c.name == name)).rowcount:
                raise PersonError(f"user {name!r}: there is none of that name")

    def users(self) -> Sequence[User]:
        """Return everyone, by name."""
        with reading(self._engine) as connection:
            rows = connection.execute(select(*_who(users)).order_by("name"))
            return [_user(row) for row in rows]

    def user(self, name: str) -> User | None:
        """Return the person of that name."""
        found = self.credentials(name)
        return found[0] if found else None

    def credentials(self, name: str) -> tuple[User, str] | None:
        """Return the person and the hash of their password."""
        with reading(self._engine) as connection:
            row = connection.execute(select(users).where(users.c.name == name)).one_or_none()
        return (_user(row), row.password_hash) if row else None

    def open_session(self, id_hash: str, name: str, now_ms: int, expires_ms: int) -> None:
        """Begin a person's session; sessions that are over are swept out on the way."""
        row = {"id_hash": id_hash, "user": name, "created_ms": now_ms, "expires_ms": expires_ms}
        with writing(self._engine) as connection:
            connection.execute(delete(sessions).where(sessions.c.expires_ms <= now_ms))
            connection.execute(insert(sessions).values(row))

    def session(self, id_hash: str, now_ms: int) -> tuple[User, int] | None:
        """Return whose session it is and when it ends (UTC ms); None when it is over or was never."""
        statement = (
            select(*_who(users), sessions.c.expires_ms)
            .join(sessions, sessions.c.user == users.c.name)
            .where(sessions.c.id_hash == id_hash, sessions.c.expires_ms > now_ms)
        )
        with reading(self._engine) as connection:
            row = connection.execute(statement).one_or_none()
        return (_user(row), row.expires_ms) if row else None

    def extend_session(self, id_hash: str, expires_ms: int) -> None:
        """Move the end of a session."""
        with writing(self._engine) as connection:
            connection.execute(
                update(sessions).where(sessions.c.id_hash == id_hash).values(expires_ms=expires_ms)
            )

    def close_session(self, id_hash: str) -> None:
        """End a session."""
        with writing(self._engine) as connection:
            connection.execute(delete(sessions).where(sessions.c.id_hash == id_hash))

    def add_token(self, token_hash: str, user: User, now_ms: int, expires_ms: int | None) -> None:
        """Remember a program's token: it may do what `user` may do; those that are over are swept out."""
        row = {
            "token_hash": token_hash,
            "name": user.name,
            "role": user.role.value,
            "factory": user.factory,
            "buyer": user.buyer,
            "created_ms": now_ms,
            "expires_ms": expires_ms,
            "scope": READ if user.reads_only else ALL,
        }
        with writing(self._engine) as connection:
            connection.execute(delete(tokens).where(tokens.c.expires_ms <= now_ms))
            connection.execute(insert(tokens).values(row))

    def token(self, token_hash: str, now_ms: int) -> User | None:
        """Return for whom the token speaks; None when it is over or was never."""
        alive = tokens.c.expires_ms.is_(None) | (tokens.c.expires_ms > now_ms)
        statement = select(*_who(tokens), tokens.c.scope)
        with reading(self._engine) as connection:
            row = connection.execute(statement.where(tokens.c.token_hash == token_hash, alive)).one_or_none()
        return replace(_user(row), reads_only=row.scope != ALL) if row else None

    def revoke_tokens(self, name: str) -> int:
        """Forget all tokens of a person; returns how many there were."""
        with writing(self._engine) as connection:
            return connection.execute(delete(tokens).where(tokens.c.name == name)).rowcount


def _who(table: Table) -> list[Column[Any]]:
    return [table.c[name] for name in ("name", "role", "factory", "buyer")]


def _user(row: Any) -> User:
    return User(row.name, Role(row.role), row.factory, row.buyer)
