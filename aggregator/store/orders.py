"""Orders, their proposals, steps, jobs and the capacity that jobs hold, as stored."""

from sqlalchemy import Engine


class Orders:
    """All methods block; they raise StoreError."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
