"""Brings a database up to the tables that this program knows."""

from pathlib import Path
from typing import Any, Final, cast

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from .. import unfinished

#: Longest run of one statement that changes tables.
TIMEOUT_MS: Final = 60_000
#: The name of the lock that lets one process migrate and the others wait.
_LOCK: Final = 0x77616C6C6574


class WrongSchema(Exception):
    """The database has other tables than this program needs."""


def upgrade(connection: Connection) -> None:
    """Create or change tables, within the caller's transaction.

    :raises WrongSchema: the database has a revision that this program lacks, or is
        a copy that is not finished.
    """
    if connection.dialect.name == "postgresql":
        # Waiting here is waiting for another process to create the same tables.
        connection.execute(text("SET LOCAL lock_timeout = 0"))
        connection.execute(text(f"SET LOCAL statement_timeout = {TIMEOUT_MS}"))
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    _refuse_unfinished(connection)
    if not is_current(connection):
        if connection.dialect.name == "postgresql":
            # A long history takes as long as it takes.
            cast("Any", connection.connection.driver_connection).limit_s = None
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def require_current(connection: Connection) -> None:
    """Refuse a database that has yet to be brought up to date.

    :raises WrongSchema: it is empty, older, newer or a copy that is not finished.
    """
    _refuse_unfinished(connection)
    if not is_current(connection):
        raise WrongSchema(
            "The database is empty or of an older version: look at"
            " WALLET_DATABASE_URL and WALLET_HOME, or start the service once."
        )


def is_current(connection: Connection) -> bool:
    """Tell whether the tables are those that this program knows.

    :raises WrongSchema: the database was written by a newer program.
    """
    scripts = ScriptDirectory.from_config(_config())
    known = {script.revision for script in scripts.walk_revisions()}
    found = MigrationContext.configure(connection).get_current_revision()
    if found is not None and found not in known:
        raise WrongSchema(
            f"The database has schema {found}, which this program does not know:"
            " install a newer version of the wallet."
        )
    return found == scripts.get_current_head()


def _refuse_unfinished(connection: Connection) -> None:
    source = unfinished.source_of(connection)
    if source is not None:
        raise WrongSchema(
            f"The database is an unfinished copy of {source}: run wallet copy again,"
            " or look at WALLET_DATABASE_URL."
        )


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    return config
