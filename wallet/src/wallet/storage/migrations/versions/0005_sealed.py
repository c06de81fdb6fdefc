"""What a wallet has beside its entries is sealed; entries name more than before."""

from collections import defaultdict

from alembic import op
from sqlalchemy import Connection, text

from wallet.ledger.digests import reseal, row_digest

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

# Both databases take these as they stand, but for the names of two types.
_COLUMNS = """
ALTER TABLE wallets ADD COLUMN archived_at_us BIGINT
  CONSTRAINT wallets_archived CHECK (archived_at_us IS NULL OR balance_minor = 0);
ALTER TABLE wallets ADD COLUMN changes INTEGER NOT NULL DEFAULT 0
  CONSTRAINT wallets_changes CHECK (changes >= 0);
ALTER TABLE wallets ADD COLUMN held_minor BIGINT NOT NULL DEFAULT 0
  CONSTRAINT wallets_held CHECK (
    held_minor >= 0 AND balance_minor - held_minor >= floor_minor
    AND (held_minor = 0 OR archived_at_us IS NULL)
  );
ALTER TABLE wallets ADD COLUMN next_expiry_us BIGINT
  CONSTRAINT wallets_next_expiry CHECK (
    (next_expiry_us IS NULL) = (held_minor = 0)
  );
ALTER TABLE wallets ADD COLUMN seal {bytes} NOT NULL DEFAULT {zeros}
  CONSTRAINT wallets_seal CHECK (length(seal) = 32);
ALTER TABLE entries ADD COLUMN payee VARCHAR(200);
ALTER TABLE entries ADD COLUMN reverses VARCHAR(34){collation}
  CONSTRAINT entries_reverses CHECK ((kind = 'reversal') = (reverses IS NOT NULL));
ALTER TABLE entries ADD COLUMN hold_id VARCHAR(34){collation}
  CONSTRAINT entries_hold CHECK (
    hold_id IS NULL OR (amount_minor < 0 AND kind <> 'reversal')
  );
CREATE UNIQUE INDEX entries_reversals ON entries (wallet_id, reverses)
  WHERE reverses IS NOT NULL;
CREATE TABLE changes (
  wallet_id VARCHAR(34){collation} NOT NULL REFERENCES wallets (id),
  number INTEGER NOT NULL,
  name VARCHAR(200) NOT NULL,
  floor_minor BIGINT NOT NULL,
  archived_at_us BIGINT,
  key_version INTEGER NOT NULL,
  version BIGINT NOT NULL,
  at_us BIGINT NOT NULL,
  PRIMARY KEY (wallet_id, number),
  CONSTRAINT changes_number CHECK (number >= 0)
){without_rowid};
CREATE TABLE holds (
  wallet_id VARCHAR(34){collation} NOT NULL REFERENCES wallets (id),
  id VARCHAR(34){collation} NOT NULL,
  amount_minor BIGINT NOT NULL,
  captured_minor BIGINT NOT NULL,
  note VARCHAR(500),
  state VARCHAR(8) NOT NULL,
  created_at_us BIGINT NOT NULL,
  expires_at_us BIGINT NOT NULL,
  closed_at_us BIGINT,
  PRIMARY KEY (wallet_id, id),
  CONSTRAINT holds_amount CHECK (amount_minor > 0),
  CONSTRAINT holds_captured CHECK (
    captured_minor >= 0 AND captured_minor <= amount_minor
  ),
  CONSTRAINT holds_state CHECK (
    state IN ('open', 'captured', 'released', 'expired')
  ),
  CONSTRAINT holds_end_once CHECK ((state = 'open') = (closed_at_us IS NULL)),
  CONSTRAINT holds_open CHECK (state <> 'open' OR captured_minor < amount_minor),
  CONSTRAINT holds_time CHECK (expires_at_us > created_at_us)
){without_rowid};
CREATE INDEX holds_by_expiry ON holds (wallet_id, expires_at_us) WHERE state = 'open';
CREATE INDEX holds_by_state ON holds (wallet_id, state, id)
"""
_POSTGRESQL = {
    "bytes": "BYTEA",
    "zeros": f"'\\x{bytes(32).hex()}'",
    "collation": ' COLLATE "C"',
    "without_rowid": "",
}
_SQLITE = {
    "bytes": "BLOB",
    "zeros": f"x'{bytes(32).hex()}'",
    "collation": "",
    "without_rowid": " WITHOUT ROWID",
}
#: Two rules of entries now know reversals.
_RULES = {
    "entries_kind": (
        "(kind = 'deposit' AND amount_minor > 0)"
        " OR (kind = 'withdrawal' AND amount_minor < 0)"
        " OR (kind = 'transfer' AND amount_minor <> 0)",
        " OR (kind = 'reversal' AND amount_minor <> 0)",
    ),
    "entries_counterparty": (
        "(kind = 'transfer') = (counterparty IS NOT NULL)",
        " OR kind = 'reversal'",
    ),
}
_NAMES = (
    *("wallet_id", "number", "name", "floor_minor", "archived_at_us", "key_version"),
    *("version", "at_us"),
)
_INSERT = """
INSERT INTO changes VALUES (:wallet_id, :number, :name, :floor_minor, :archived_at_us,
  :key_version, :version, :at_us)
"""
_RAISED = """
SELECT id, name, floor_minor, key_version, version, created_at_us, last_entry_at_us
FROM wallets WHERE key_version > 1
"""
_REFUSALS = """
SELECT wallet_id, id, principal, key, fingerprint, status, body, at_us
FROM operations WHERE status <> 201
"""


def upgrade() -> None:
    """Add the columns, and seal what is there."""
    connection = op.get_bind()
    sqlite = connection.dialect.name == "sqlite"
    if not sqlite:
        # A long history takes as long as it takes.
        op.execute("SET LOCAL statement_timeout = 0")
    for statement in _COLUMNS.format(**(_SQLITE if sqlite else _POSTGRESQL)).split(";"):
        connection.exec_driver_sql(statement)
    if sqlite:
        _relax_in_sqlite(connection)
    else:
        _relax_in_postgresql(connection)
    _seal(connection)


def _relax_in_postgresql(connection: Connection) -> None:
    for name, (rule, more) in _RULES.items():
        connection.exec_driver_sql(
            f"ALTER TABLE entries DROP CONSTRAINT {name},"
            f" ADD CONSTRAINT {name} CHECK ({rule}{more})"
        )


def _relax_in_sqlite(connection: Connection) -> None:
    # SQLite changes no rule of a table, but a rule is nothing but the table's text.
    look = "SELECT sql FROM sqlite_schema WHERE name = 'entries'"
    sql = connection.exec_driver_sql(look).scalar_one()
    for rule, more in _RULES.values():
        if sql.count(rule) != 1:
            raise RuntimeError("the table of entries is not the one that was made")
        sql = sql.replace(rule, rule + more)
    version = connection.exec_driver_sql("PRAGMA schema_version").scalar_one()
    connection.exec_driver_sql("PRAGMA writable_schema = ON")
    connection.exec_driver_sql(
        "UPDATE sqlite_schema SET sql = ? WHERE name = 'entries'", (sql,)
    )
    connection.exec_driver_sql(f"PRAGMA schema_version = {version + 1}")
    connection.exec_driver_sql("PRAGMA writable_schema = RESET")


def _seal(connection: Connection) -> None:
    """Put down the changes of keys that were made, and seal them with the refusals."""
    digests: dict[str, list[bytes]] = defaultdict(list)
    for row in connection.execute(text(_RAISED)).all():
        wallet_id, name, floor_minor, key_version, version, made_us, last_us = row
        for change in (
            (wallet_id, 0, name, floor_minor, None, 1, 0, made_us),
            (wallet_id, 1, name, floor_minor, None, key_version, version, last_us),
        ):
            digests[wallet_id].append(row_digest("changes", change))
            connection.execute(text(_INSERT), dict(zip(_NAMES, change, strict=True)))
        connection.execute(
            text("UPDATE wallets SET changes = 1 WHERE id = :id"), {"id": wallet_id}
        )
    in_parts = {"yield_per": 1000}
    with connection.execute(text(_REFUSALS), execution_options=in_parts) as refusals:
        for row in refusals:
            digests[row[0]].append(row_digest("operations", row))
    for wallet_id, added in digests.items():
        connection.execute(
            text("UPDATE wallets SET seal = :seal WHERE id = :id"),
            {"seal": reseal(bytes(32), added), "id": wallet_id},
        )
