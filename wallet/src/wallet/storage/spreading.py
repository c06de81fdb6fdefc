"""Spreads the tables over the machines of Citus, each wallet whole on one of them."""

from typing import Any, Final

from sqlalchemy import Connection

from .durability import UnsafeDatabase

_VERSION: Final = "SELECT extversion FROM pg_extension WHERE extname = 'citus'"
#: A change of several machines that one was lost in is seen there only when it was
#: recovered, and a request that was answered looks until then as if it had not been.
_LONGEST_MS: Final = 1_000
_RECOVERY: Final = """
SELECT CAST(setting AS integer) FROM pg_settings
WHERE name = 'citus.recover_2pc_interval'
"""
_IS_SPREAD: Final = """
SELECT EXISTS (SELECT FROM pg_dist_partition
  WHERE logicalrelid = CAST('wallets' AS regclass))
"""

#: Each row of these is where its wallet is.
_OF_WALLETS: Final = ("operations", "entries", "changes", "holds", "spans")
#: Every machine has these.
_ON_ALL: Final = ("rates", "rate_asks", "ended_sessions", "backups", "alembic_version")

#: Keys of creations, spread by themselves: in the table of wallets, which is spread by
#: other values, no two machines could know that a key is unique.
_CREATIONS: Final = """
CREATE TABLE creations (key VARCHAR(255) PRIMARY KEY, wallet_id VARCHAR(34) NOT NULL);
INSERT INTO creations SELECT creation_key, id FROM wallets
  WHERE creation_key IS NOT NULL;
ALTER TABLE wallets DROP CONSTRAINT wallets_creation_key_key
"""
_REFERENCES: Final = """
SELECT CAST(CAST(conrelid AS regclass) AS text), conname, pg_get_constraintdef(oid)
FROM pg_constraint
WHERE contype = 'f' AND confrelid = CAST('wallets' AS regclass)
"""


def is_spread(connection: Connection) -> bool:
    """Tell whether the tables are on several machines, which share no moment."""
    if connection.dialect.name != "postgresql":
        return False
    if connection.exec_driver_sql(_VERSION).first() is None:
        return False
    return bool(connection.exec_driver_sql(_IS_SPREAD).scalar_one())


def spread(connection: Connection, *, wanted: bool) -> None:
    """Spread the tables, with what is in them, unless that was done before.

    :raises UnsafeDatabase: the database cannot do that, or not safely; or they are
        spread already, and that is not wanted.
    """
    if not wanted:
        if is_spread(connection):
            raise UnsafeDatabase(
                "The database is spread over the machines of Citus: set"
                " WALLET_DISTRIBUTED=1 on every server that uses it."
            )
        return
    _require_citus(connection)
    if is_spread(connection):
        return
    run = connection.exec_driver_sql
    # Otherwise the foreign keys of one transaction hinder each other.
    run("SET LOCAL citus.multi_shard_modify_mode = sequential")
    for statement in _CREATIONS.split(";"):
        run(statement)
    # A table that stays cannot refer to one that is spread.
    references: list[Any] = [*run(_REFERENCES).all()]
    for table, name, _ in references:
        run(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
    _distribute(connection, "wallets", "id", "none")
    for table in _OF_WALLETS:
        _distribute(connection, table, "wallet_id", "wallets")
    _distribute(connection, "creations", "key", "none")
    for table in _ON_ALL:
        run(f"SELECT create_reference_table('{table}')")
    for table, name, definition in references:
        run(f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition}")


def _distribute(connection: Connection, table: str, column: str, beside: str) -> None:
    connection.exec_driver_sql(
        "SELECT create_distributed_table(%s, %s, colocate_with => %s)",
        (table, column, beside),
    )


def _require_citus(connection: Connection) -> None:
    postgresql = connection.dialect.name == "postgresql"
    if not postgresql or connection.exec_driver_sql(_VERSION).first() is None:
        raise UnsafeDatabase(
            "WALLET_DISTRIBUTED needs a PostgreSQL whose database has the extension"
            " citus: create it there, and add its workers, or unset the variable."
        )
    found = connection.exec_driver_sql(_RECOVERY).scalar_one_or_none()
    if found is None or not 0 < found <= _LONGEST_MS:
        raise UnsafeDatabase(
            "Citus would recover a change too late in which it lost a machine, and"
            " what was answered would not be seen: set citus.recover_2pc_interval to"
            " 1s on each machine, and reload."
        )
