"""The first entry of a wallet may be older than the wallet itself."""

from alembic import op
from sqlalchemy import Connection

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_BEFORE = "last_entry_at_us >= created_at_us"
_NOW = "version > 0 OR last_entry_at_us = created_at_us"


def upgrade() -> None:
    """Relax the rule about the times of a wallet."""
    connection = op.get_bind()
    if connection.dialect.name == "sqlite":
        _relax_in_sqlite(connection)
    else:
        connection.exec_driver_sql(
            "ALTER TABLE wallets DROP CONSTRAINT wallets_time,"
            f" ADD CONSTRAINT wallets_time CHECK ({_NOW})"
        )


def _relax_in_sqlite(connection: Connection) -> None:
    # SQLite changes no rule of a table, but a rule is nothing but the table's text.
    look = "SELECT sql FROM sqlite_schema WHERE name = 'wallets'"
    sql = connection.exec_driver_sql(look).scalar_one()
    if sql.count(_BEFORE) != 1:
        raise RuntimeError("the table of wallets is not the one that was made")
    version = connection.exec_driver_sql("PRAGMA schema_version").scalar_one()
    connection.exec_driver_sql("PRAGMA writable_schema = ON")
    connection.exec_driver_sql(
        "UPDATE sqlite_schema SET sql = ? WHERE name = 'wallets'",
        (sql.replace(_BEFORE, _NOW),),
    )
    connection.exec_driver_sql(f"PRAGMA schema_version = {version + 1}")
    connection.exec_driver_sql("PRAGMA writable_schema = RESET")
