"""The statements of the money path, each for a whole set of rows.

The text of a statement does not depend on the values and hardly on their number, so a
driver prepares it once. The engines differ only in how a set of rows goes in and comes
out: :mod:`wallet.on_postgresql` and :mod:`wallet.on_sqlite`.

What matters for speed is how often a driver lets go of the interpreter: each time,
every other thread of the server may come first. So a set goes in, and comes out, at
once and not row by row.
"""

from collections.abc import Sequence
from typing import Any
from typing import Protocol

from sqlalchemy import Connection
from sqlalchemy import Table

from . import on_postgresql
from . import on_sqlite
from .outcomes import Scope

#: The columns of one row, in the order of the table or as the statement says.
Row = tuple[Any, ...]


class Statements(Protocol):
    """What the store does in the transaction of a batch."""

    def lock_wallets(self, connection: Connection, ids: list[str]) -> Sequence[Row]:
        """Read wallets by their sorted ids, and let no one else change them."""

    def find_created(self, connection: Connection, keys: list[str]) -> Sequence[Row]:
        """Read wallets by the keys under which they were created."""

    def find_remembered(
        self, connection: Connection, scopes: list[Scope]
    ) -> Sequence[Row]:
        """Read scope, id, fingerprint, status and body of what was answered."""

    def insert(self, connection: Connection, table: Table, rows: Sequence[Row]) -> None:
        """Add rows to a table."""

    def move_wallets(self, connection: Connection, rows: Sequence[Row]) -> None:
        """Change what moves about wallets: rows of the id and :data:`MOVING`."""


def statements_for(dialect: str) -> Statements:
    """Choose the statements once, when the store is made."""
    if dialect == "sqlite":
        return on_sqlite.Statements()
    return on_postgresql.Statements()
