"""Time elements by machine and local day, as stored."""

from sqlalchemy import Engine


class MachineDays:
    """All methods block; they raise StoreError."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
