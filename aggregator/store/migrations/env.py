"""Alembic runs the migrations on the connection that `aggregator.store.migration` opened."""

from alembic import context

from aggregator.store.work_schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
