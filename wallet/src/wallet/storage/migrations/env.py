"""Alembic runs this file. The connection and its transaction belong to the caller."""

from alembic import context

from wallet.storage.side_tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    # SQLite can create tables within a transaction, which Alembic does not expect.
    transactional_ddl=True,
)
context.run_migrations()
