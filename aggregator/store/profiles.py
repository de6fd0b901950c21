"""Factories' profiles as stored: calendar, reserve, abilities, declared hours."""

from sqlalchemy import Engine


class Profiles:
    """All methods block; they raise StoreError."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
