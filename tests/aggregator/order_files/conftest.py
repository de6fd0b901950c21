from tests.aggregator.store.conftest import (
    database_url,
    engine,
    postgres_server,
    postgres_url,
    sqlite_url,
)

__all__ = ["database_url", "engine", "postgres_server", "postgres_url", "sqlite_url"]
