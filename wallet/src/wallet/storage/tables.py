"""The tables, with every rule that SQL can hold by itself.

Where money is, each key begins with the wallet's id, no sequence hands out numbers, and
no row refers to a row of another wallet, so that a database spread over several
machines can keep each wallet's rows together.
"""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

metadata = MetaData()

#: Ids are ASCII and are compared byte by byte, whatever the language of the database.
identifier = String(34).with_variant(String(34, collation="C"), "postgresql")

wallets = Table(
    "wallets",
    metadata,
    Column("id", identifier, primary_key=True),
    Column("name", String(200), nullable=False),
    Column("currency", String(8), nullable=False),
    Column("floor_minor", BigInteger, nullable=False),
    Column("created_at_us", BigInteger, nullable=False),
    Column("creation_key", String(255), unique=True),
    Column("key_version", Integer, nullable=False),
    Column("balance_minor", BigInteger, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("last_entry_at_us", BigInteger, nullable=False),
    Column("archived_at_us", BigInteger),
    Column("changes", Integer, nullable=False),
    Column("held_minor", BigInteger, nullable=False),
    Column("next_expiry_us", BigInteger),
    Column("seal", LargeBinary, nullable=False),
    CheckConstraint("floor_minor <= 0", name="wallets_floor"),
    CheckConstraint("balance_minor >= floor_minor", name="wallets_balance"),
    CheckConstraint("version >= 0", name="wallets_version"),
    CheckConstraint("version > 0 OR balance_minor = 0", name="wallets_empty"),
    CheckConstraint("key_version >= 1", name="wallets_key_version"),
    CheckConstraint("length(digest) = 32", name="wallets_digest"),
    CheckConstraint(
        "version > 0 OR last_entry_at_us = created_at_us", name="wallets_time"
    ),
    CheckConstraint(
        "archived_at_us IS NULL OR balance_minor = 0", name="wallets_archived"
    ),
    CheckConstraint("changes >= 0", name="wallets_changes"),
    CheckConstraint(
        "held_minor >= 0 AND balance_minor - held_minor >= floor_minor"
        " AND (held_minor = 0 OR archived_at_us IS NULL)",
        name="wallets_held",
    ),
    CheckConstraint(
        "(next_expiry_us IS NULL) = (held_minor = 0)", name="wallets_next_expiry"
    ),
    CheckConstraint("length(seal) = 32", name="wallets_seal"),
)

entries = Table(
    "entries",
    metadata,
    Column("wallet_id", identifier, ForeignKey("wallets.id"), primary_key=True),
    Column("version", BigInteger, primary_key=True),
    # An entry points to the one before it, together with the balance found there.
    Column("previous_version", BigInteger),
    Column("previous_balance_minor", BigInteger, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("balance_minor", BigInteger, nullable=False),
    Column("operation_id", identifier, nullable=False),
    Column("counterparty", identifier),
    Column("note", String(500)),
    Column("at_us", BigInteger, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("payee", String(200)),
    Column("reverses", identifier),
    Column("hold_id", identifier),
    UniqueConstraint(
        "wallet_id", "version", "balance_minor", name="entries_version_balance"
    ),
    ForeignKeyConstraint(
        ["wallet_id", "previous_version", "previous_balance_minor"],
        ["entries.wallet_id", "entries.version", "entries.balance_minor"],
        name="entries_previous",
    ),
    CheckConstraint(
        "(version = 1 AND previous_version IS NULL AND previous_balance_minor = 0)"
        " OR (version > 1 AND previous_version = version - 1"
        " AND previous_version IS NOT NULL)",
        name="entries_no_gap",
    ),
    CheckConstraint(
        "balance_minor = previous_balance_minor + amount_minor", name="entries_balance"
    ),
    CheckConstraint(
        "(kind = 'deposit' AND amount_minor > 0)"
        " OR (kind = 'withdrawal' AND amount_minor < 0)"
        " OR (kind = 'transfer' AND amount_minor <> 0)"
        " OR (kind = 'reversal' AND amount_minor <> 0)",
        name="entries_kind",
    ),
    CheckConstraint(
        "kind = 'reversal' OR (kind = 'transfer') = (counterparty IS NOT NULL)",
        name="entries_counterparty",
    ),
    CheckConstraint(
        "(kind = 'reversal') = (reverses IS NOT NULL)", name="entries_reverses"
    ),
    CheckConstraint(
        "hold_id IS NULL OR (amount_minor < 0 AND kind <> 'reversal')",
        name="entries_hold",
    ),
    CheckConstraint("counterparty <> wallet_id", name="entries_two_sides"),
    CheckConstraint("length(digest) = 32", name="entries_digest"),
    sqlite_with_rowid=False,
)

# An operation is undone once, no matter who asks and on which side.
Index(
    "entries_reversals",
    entries.c.wallet_id,
    entries.c.reverses,
    unique=True,
    postgresql_where=text("reverses IS NOT NULL"),
    sqlite_where=text("reverses IS NOT NULL"),
)

operations = Table(
    "operations",
    metadata,
    Column("wallet_id", identifier, ForeignKey("wallets.id"), primary_key=True),
    Column("id", identifier, primary_key=True),
    Column("principal", String(8), nullable=False),
    Column("key", String(255)),
    Column("fingerprint", LargeBinary, nullable=False),
    Column("status", Integer, nullable=False),
    Column("body", Text, nullable=False),
    Column("at_us", BigInteger, nullable=False),
    CheckConstraint("principal IN ('operator', 'owner')", name="operations_principal"),
    # A 204 is 422 without a body.
    CheckConstraint("status IN (201, 422)", name="operations_status"),
    CheckConstraint("status = 201 OR key IS NOT NULL", name="operations_refused"),
    CheckConstraint("length(fingerprint) = 32", name="operations_fingerprint"),
    sqlite_with_rowid=False,
)

Index(
    "operations_by_key",
    operations.c.wallet_id,
    operations.c.principal,
    operations.c.key,
    unique=True,
    postgresql_where=text("key IS NOT NULL"),
    sqlite_where=text("key IS NOT NULL"),
)

#: What a wallet was from some moment on; number 0 is how it was created.
changes = Table(
    "changes",
    metadata,
    Column("wallet_id", identifier, ForeignKey("wallets.id"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("name", String(200), nullable=False),
    Column("floor_minor", BigInteger, nullable=False),
    Column("archived_at_us", BigInteger),
    Column("key_version", Integer, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("at_us", BigInteger, nullable=False),
    CheckConstraint("number >= 0", name="changes_number"),
    sqlite_with_rowid=False,
)

holds = Table(
    "holds",
    metadata,
    Column("wallet_id", identifier, ForeignKey("wallets.id"), primary_key=True),
    Column("id", identifier, primary_key=True),
    Column("amount_minor", BigInteger, nullable=False),
    Column("captured_minor", BigInteger, nullable=False),
    Column("note", String(500)),
    Column("state", String(8), nullable=False),
    Column("created_at_us", BigInteger, nullable=False),
    Column("expires_at_us", BigInteger, nullable=False),
    Column("closed_at_us", BigInteger),
    CheckConstraint("amount_minor > 0", name="holds_amount"),
    CheckConstraint(
        "captured_minor >= 0 AND captured_minor <= amount_minor", name="holds_captured"
    ),
    CheckConstraint(
        "state IN ('open', 'captured', 'released', 'expired')", name="holds_state"
    ),
    CheckConstraint("(state = 'open') = (closed_at_us IS NULL)", name="holds_end_once"),
    CheckConstraint(
        "state <> 'open' OR captured_minor < amount_minor", name="holds_open"
    ),
    CheckConstraint("expires_at_us > created_at_us", name="holds_time"),
    sqlite_with_rowid=False,
)

Index(
    "holds_by_expiry",
    holds.c.wallet_id,
    holds.c.expires_at_us,
    postgresql_where=text("state = 'open'"),
    sqlite_where=text("state = 'open'"),
)
Index("holds_by_state", holds.c.wallet_id, holds.c.state, holds.c.id)

#: The columns of a wallet that move.
MOVING = (
    "name",
    "floor_minor",
    "key_version",
    "balance_minor",
    "version",
    "digest",
    "last_entry_at_us",
    "archived_at_us",
    "changes",
    "held_minor",
    "next_expiry_us",
    "seal",
)
#: What an idempotency key belongs to.
SCOPE = ("wallet_id", "principal", "key")
#: What names a run of entries.
RUN = ("wallet_id", "size", "number")
