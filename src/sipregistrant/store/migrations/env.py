"""Alembic's entry: runs the migrations on the connection that `store/migrate.py` hands over."""

from alembic import context

from sipregistrant.store.schema import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    transactional_ddl=True,
    render_as_batch=True,
)
context.run_migrations()
