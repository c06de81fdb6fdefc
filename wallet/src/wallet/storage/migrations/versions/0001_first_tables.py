"""The wallets, their entries, and the answers that were given."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_identifier = sa.String(34).with_variant(sa.String(34, collation="C"), "postgresql")


def upgrade() -> None:
    """Create the tables."""
    _create_wallets()
    _create_entries()
    _create_operations()


def _create_wallets() -> None:
    op.create_table(
        "wallets",
        sa.Column("id", _identifier, primary_key=True),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("currency", sa.String(8), nullable=False),
        sa.Column("floor_minor", sa.BigInteger, nullable=False),
        sa.Column("created_at_us", sa.BigInteger, nullable=False),
        sa.Column("creation_key", sa.String(255), unique=True),
        sa.Column("key_version", sa.Integer, nullable=False),
        sa.Column("balance_minor", sa.BigInteger, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("digest", sa.LargeBinary, nullable=False),
        sa.Column("last_entry_at_us", sa.BigInteger, nullable=False),
        sa.CheckConstraint("floor_minor <= 0", name="wallets_floor"),
        sa.CheckConstraint("balance_minor >= floor_minor", name="wallets_balance"),
        sa.CheckConstraint("version >= 0", name="wallets_version"),
        sa.CheckConstraint("version > 0 OR balance_minor = 0", name="wallets_empty"),
        sa.CheckConstraint("key_version >= 1", name="wallets_key_version"),
        sa.CheckConstraint("length(digest) = 32", name="wallets_digest"),
        sa.CheckConstraint("last_entry_at_us >= created_at_us", name="wallets_time"),
    )


def _create_entries() -> None:
    op.create_table(
        "entries",
        sa.Column(
            "wallet_id", _identifier, sa.ForeignKey("wallets.id"), primary_key=True
        ),
        sa.Column("version", sa.BigInteger, primary_key=True),
        sa.Column("previous_version", sa.BigInteger),
        sa.Column("previous_balance_minor", sa.BigInteger, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("amount_minor", sa.BigInteger, nullable=False),
        sa.Column("balance_minor", sa.BigInteger, nullable=False),
        sa.Column("operation_id", _identifier, nullable=False),
        sa.Column("counterparty", _identifier),
        sa.Column("note", sa.String(500)),
        sa.Column("at_us", sa.BigInteger, nullable=False),
        sa.Column("digest", sa.LargeBinary, nullable=False),
        sa.UniqueConstraint(
            "wallet_id", "version", "balance_minor", name="entries_version_balance"
        ),
        sa.ForeignKeyConstraint(
            ["wallet_id", "previous_version", "previous_balance_minor"],
            ["entries.wallet_id", "entries.version", "entries.balance_minor"],
            name="entries_previous",
        ),
        *_entry_checks(),
        sqlite_with_rowid=False,
    )


def _entry_checks() -> list[sa.CheckConstraint]:
    return [
        sa.CheckConstraint(
            "(version = 1 AND previous_version IS NULL AND previous_balance_minor = 0)"
            " OR (version > 1 AND previous_version = version - 1"
            " AND previous_version IS NOT NULL)",
            name="entries_no_gap",
        ),
        sa.CheckConstraint(
            "balance_minor = previous_balance_minor + amount_minor",
            name="entries_balance",
        ),
        sa.CheckConstraint(
            "(kind = 'deposit' AND amount_minor > 0)"
            " OR (kind = 'withdrawal' AND amount_minor < 0)"
            " OR (kind = 'transfer' AND amount_minor <> 0)",
            name="entries_kind",
        ),
        sa.CheckConstraint(
            "(kind = 'transfer') = (counterparty IS NOT NULL)",
            name="entries_counterparty",
        ),
        sa.CheckConstraint("counterparty <> wallet_id", name="entries_two_sides"),
        sa.CheckConstraint("length(digest) = 32", name="entries_digest"),
    ]


def _create_operations() -> None:
    op.create_table(
        "operations",
        sa.Column(
            "wallet_id", _identifier, sa.ForeignKey("wallets.id"), primary_key=True
        ),
        sa.Column("id", _identifier, primary_key=True),
        sa.Column("principal", sa.String(8), nullable=False),
        sa.Column("key", sa.String(255)),
        sa.Column("fingerprint", sa.LargeBinary, nullable=False),
        sa.Column("status", sa.Integer, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("at_us", sa.BigInteger, nullable=False),
        sa.CheckConstraint(
            "principal IN ('operator', 'owner')", name="operations_principal"
        ),
        sa.CheckConstraint("status IN (201, 422)", name="operations_status"),
        sa.CheckConstraint(
            "status = 201 OR key IS NOT NULL", name="operations_refused"
        ),
        sa.CheckConstraint("length(fingerprint) = 32", name="operations_fingerprint"),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "operations_by_key",
        "operations",
        ["wallet_id", "principal", "key"],
        unique=True,
        postgresql_where=sa.text("key IS NOT NULL"),
        sqlite_where=sa.text("key IS NOT NULL"),
    )
