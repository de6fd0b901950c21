"""Factories, machines, and how far each agent's records are stored."""

from sqlalchemy import Engine


class Records:
    """All methods block; call them in a thread from asynchronous code. They raise StoreError."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
