"""Alembic environment: runs on the connection that the caller opened."""

from alembic import context
from sqlmodel import SQLModel

import ledger.rows  # noqa: F401  (registers the tables)

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=SQLModel.metadata, transactional_ddl=False)
context.run_migrations()
