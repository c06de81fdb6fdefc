"""Sessions of the pages that were ended before their time was over."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "ended_sessions",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("until_us", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("ended_sessions_by_time", "ended_sessions", ["until_us"])
