"""What a database tells of itself for monitoring, and when it was backed up."""

from contextlib import suppress
from typing import Final

from sqlalchemy import insert

from .errors import Collision
from .side_tables import backups
from .store import Store

#: Whatever the role may not see, such as sessions of others, counts as not there.
_FIGURES: Final = {
    "postgresql": """
VALUES ('wallet_database_size_bytes',
    CAST(pg_database_size(current_database()) AS float8)),
  ('wallet_database_connections', (SELECT sum(numbackends) FROM pg_stat_database)),
  ('wallet_database_connections_limit',
    CAST(current_setting('max_connections') AS float8)),
  ('wallet_database_oldest_transaction_seconds',
    (SELECT coalesce(max(extract(epoch FROM now() - xact_start)), 0)
     FROM pg_stat_activity WHERE backend_type = 'client backend')),
  ('wallet_database_standbys', (SELECT count(*) FROM pg_stat_replication
     WHERE application_name IS DISTINCT FROM 'pg_basebackup')),
  ('wallet_database_replication_lag_bytes',
    (SELECT max(pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn))
     FROM pg_stat_replication WHERE NOT pg_is_in_recovery()))
""",
    "sqlite": """
SELECT 'wallet_database_size_bytes', page_count * page_size
FROM pragma_page_count, pragma_page_size
""",
}
_LAST_BACKUP: Final = "SELECT max(at_us) FROM backups"


def read_figures(store: Store) -> dict[str, float]:
    """Read the figures of a database by the names of their metrics.

    :raises NotWritten: the database does not answer.
    """
    rows = store.watch.rows(_FIGURES[store.reading.dialect.name])
    told = {name: float(value) for name, value in rows if value is not None}
    ((last_us,),) = store.watch.rows(_LAST_BACKUP)
    return told | {"wallet_last_backup_timestamp_seconds": (last_us or 0) / 1e6}


def note_backup(store: Store, at_us: int) -> None:
    """Note that whatever was there at a moment is in a backup.

    :raises StoreFailure: it is not noted.
    """
    # Somebody may have noted it before.
    with suppress(Collision), store.transaction() as connection:
        connection.execute(insert(backups).values(at_us=at_us))
