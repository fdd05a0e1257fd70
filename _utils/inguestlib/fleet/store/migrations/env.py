"""Run by Alembic with the connection that :mod:`inguestlib.fleet.store.migrate` gave it."""

from alembic import context

from inguestlib.fleet.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    compare_server_default=True,
)
context.run_migrations()
