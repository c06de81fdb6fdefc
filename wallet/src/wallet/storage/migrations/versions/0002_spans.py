"""What runs of entries amount to, for every entry that is there already."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_identifier = sa.String(34).with_variant(sa.String(34, collation="C"), "postgresql")
_SIZES = (64, 4096)
_FILL = """
INSERT INTO spans (wallet_id, size, number, low_minor, high_minor, last_at_us)
SELECT wallet_id, {size}, (version - 1) / {size},
  min(balance_minor), max(balance_minor), max(at_us)
FROM entries
GROUP BY wallet_id, (version - 1) / {size}
HAVING count(*) = {size}
"""


def upgrade() -> None:
    """Create the table and fill it."""
    op.create_table(
        "spans",
        sa.Column(
            "wallet_id", _identifier, sa.ForeignKey("wallets.id"), primary_key=True
        ),
        sa.Column("size", sa.Integer, primary_key=True),
        sa.Column("number", sa.BigInteger, primary_key=True),
        sa.Column("low_minor", sa.BigInteger, nullable=False),
        sa.Column("high_minor", sa.BigInteger, nullable=False),
        sa.Column("last_at_us", sa.BigInteger, nullable=False),
        sa.CheckConstraint("size > 1 AND number >= 0", name="spans_place"),
        sa.CheckConstraint("low_minor <= high_minor", name="spans_low_high"),
        sqlite_with_rowid=False,
    )
    if op.get_bind().dialect.name == "postgresql":
        # A long history takes as long as it takes.
        op.execute("SET LOCAL statement_timeout = 0")
        # Nobody may complete a run between the count and the commit.
        op.execute("LOCK TABLE entries IN SHARE MODE")
    for size in _SIZES:
        op.execute(_FILL.format(size=size))
    op.create_index(
        "spans_by_time", "spans", ["wallet_id", "size", "last_at_us", "number"]
    )
