"""The tables in which there is no money: sums, prices, ended sessions, backups."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
)

from .tables import identifier
from .tables import metadata as metadata

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

#: When the price of a pair may be asked for again, by the process that moves it on.
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

#: When backups were made: what is older than the last one is in it.
backups = Table(
    "backups",
    metadata,
    Column("at_us", BigInteger, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)
