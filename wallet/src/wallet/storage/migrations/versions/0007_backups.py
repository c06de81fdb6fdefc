"""When backups were made."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "backups",
        sa.Column("at_us", sa.BigInteger, primary_key=True, autoincrement=False),
        sqlite_with_rowid=False,
    )
