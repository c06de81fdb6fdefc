"""The prices that were seen, and when the next may be asked for."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables, and the one row that is claimed before each question."""
    op.create_table(
        "rates",
        sa.Column("pair", sa.String(8), primary_key=True),
        sa.Column("at_us", sa.BigInteger, primary_key=True),
        sa.Column("price", sa.String(40), nullable=False),
        sa.CheckConstraint("at_us >= 0", name="rates_time"),
        sa.CheckConstraint("length(price) > 0", name="rates_price"),
        sqlite_with_rowid=False,
    )
    asks = op.create_table(
        "rate_asks",
        sa.Column("pair", sa.String(8), primary_key=True),
        sa.Column("next_at_us", sa.BigInteger, nullable=False),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.CheckConstraint("failures >= 0", name="rate_asks_failures"),
        sqlite_with_rowid=False,
    )
    op.bulk_insert(asks, [{"pair": "XBTZAR", "next_at_us": 0, "failures": 0}])
