"""Run by Alembic: the connection is the one :func:`visavis.store.database.migrate` was given."""

from alembic import context

from visavis.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
