"""What the aggregator knows about its own health; ingest writes it, `/readyz` and the pages read it."""

from dataclasses import dataclass


@dataclass(slots=True)
class Status:
    """`*_ms` are UTC milliseconds; None: not yet. Errors are one sentence, None while all is well."""

    broker_connected: bool = False
    broker_error: str | None = None
    store_ok: bool = True
    store_error: str | None = None
    queue_depth: int = 0
    """Rows received and not yet stored."""
    last_stored_ms: int | None = None
    last_announced_ms: int | None = None
    warnings: tuple[str, ...] = ()
    """What works today and will not for long: certificates that end."""
    ending: tuple[str, ...] = ()
    """Whose certificates end soon or have ended: ids of factories, `_aggregator`, `_broker`."""

    @property
    def last_error(self) -> str | None:
        """The sentence to show: the store's, else the broker's."""
        return self.store_error or self.broker_error

    @property
    def ready(self) -> bool:
        """Tell whether records flow from the broker into the store."""
        return self.broker_connected and self.store_ok
