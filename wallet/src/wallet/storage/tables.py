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
    CheckConstraint("floor_minor <= 0", name="wallets_floor"),
    CheckConstraint("balance_minor >= floor_minor", name="wallets_balance"),
    CheckConstraint("version >= 0", name="wallets_version"),
    CheckConstraint("version > 0 OR balance_minor = 0", name="wallets_empty"),
    CheckConstraint("key_version >= 1", name="wallets_key_version"),
    CheckConstraint("length(digest) = 32", name="wallets_digest"),
    CheckConstraint("last_entry_at_us >= created_at_us", name="wallets_time"),
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
        " OR (kind = 'transfer' AND amount_minor <> 0)",
        name="entries_kind",
    ),
    CheckConstraint(
        "(kind = 'transfer') = (counterparty IS NOT NULL)",
        name="entries_counterparty",
    ),
    CheckConstraint("counterparty <> wallet_id", name="entries_two_sides"),
    CheckConstraint("length(digest) = 32", name="entries_digest"),
    sqlite_with_rowid=False,
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

#: What runs of entries amount to, for reading highs and lows; made from the entries.
spans = Table(
    "spans",
    metadata,
    Column("wallet_id", identifier, ForeignKey("wallets.id"), primary_key=True),
    Column("size", Integer, primary_key=True),
    Column("number", BigInteger, primary_key=True),
    Column("low_minor", BigInteger, nullable=False),
    Column("high_minor", BigInteger, nullable=False),
    Column("last_at_us", BigInteger, nullable=False),
    CheckConstraint("size > 1 AND number >= 0", name="spans_place"),
    CheckConstraint("low_minor <= high_minor", name="spans_low_high"),
    sqlite_with_rowid=False,
)

Index(
    "spans_by_time",
    spans.c.wallet_id,
    spans.c.size,
    spans.c.last_at_us,
    spans.c.number,
)

#: Prices of one bitcoin in rand, as they were seen. The text keeps every digit.
rates = Table(
    "rates",
    metadata,
    Column("pair", String(8), primary_key=True),
    Column("at_us", BigInteger, primary_key=True),
    Column("price", String(40), nullable=False),
    CheckConstraint("at_us >= 0", name="rates_time"),
    CheckConstraint("length(price) > 0", name="rates_price"),
    sqlite_with_rowid=False,
)

#: When the price of a pair may be asked for again: whoever moves this on may ask.
rate_asks = Table(
    "rate_asks",
    metadata,
    Column("pair", String(8), primary_key=True),
    Column("next_at_us", BigInteger, nullable=False),
    # Counts nothing any more; to remove it is not worth a migration.
    Column("failures", Integer, nullable=False),
    CheckConstraint("failures >= 0", name="rate_asks_failures"),
    sqlite_with_rowid=False,
)

#: Sessions of the pages that were ended before their time was over.
ended_sessions = Table(
    "ended_sessions",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("until_us", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

Index("ended_sessions_by_time", ended_sessions.c.until_us)

#: The columns of a wallet that move.
MOVING = ("key_version", "balance_minor", "version", "digest", "last_entry_at_us")
#: What an idempotency key belongs to.
SCOPE = ("wallet_id", "principal", "key")
#: What names a run of entries.
RUN = ("wallet_id", "size", "number")
