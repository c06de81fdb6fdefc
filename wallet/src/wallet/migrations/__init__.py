"""Brings a database up to the tables that this program knows."""

from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection
from sqlalchemy import text

#: The name of the lock that lets one process migrate and the others wait.
_LOCK: Final = 0x77616C6C6574


class SchemaTooNew(Exception):
    """The database was written by a newer program."""


def upgrade(connection: Connection) -> None:
    """Create or change tables, within the caller's transaction.

    :raises SchemaTooNew: the database has a revision that this program lacks.
    """
    if connection.dialect.name == "postgresql":
        # Waiting here is waiting for another process to create the same tables.
        connection.execute(text("SET LOCAL lock_timeout = 0"))
        connection.execute(text("SET LOCAL statement_timeout = '60s'"))
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.attributes["connection"] = connection
    scripts = ScriptDirectory.from_config(config)
    found = schema_version(connection)
    if found == scripts.get_current_head():
        return
    if found is not None and found not in {
        script.revision for script in scripts.walk_revisions()
    }:
        raise SchemaTooNew(
            f"The database has schema {found}, which this program does not know:"
            " install a newer version of the wallet."
        )
    command.upgrade(config, "head")


def schema_version(connection: Connection) -> str | None:
    """Read the revision of the database, ``None`` for an empty one."""
    return MigrationContext.configure(connection).get_current_revision()
