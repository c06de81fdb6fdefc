"""The statements of the money path, each for a whole set of rows.

The text of a statement does not depend on the values and hardly on their number, so a
driver prepares it once. The engines differ only in how a set of rows goes in and comes
out: :mod:`wallet.on_postgresql` and :mod:`wallet.on_sqlite`.

What matters for speed is how often a driver lets go of the interpreter: each time,
every other thread of the server may come first. So a set goes in, and comes out, at
once and not row by row. And it is the driver itself that is handed a statement: what
SQLAlchemy does beside that takes several times as long as a lone deposit.
"""

from collections.abc import Sequence
from typing import Protocol

from ..ledger.outcomes import Scope
from . import postgresql as on_postgresql
from . import sqlite as on_sqlite
from .connections import Driver
from .rows import Row, Rows


class Statements(Protocol):
    """What the store does in the transaction of a batch."""

    def begin(self, driver: Driver) -> None:
        """Begin a transaction, where the first statement alone does not."""

    def lock_wallets(self, driver: Driver, ids: list[str]) -> Sequence[Row]:
        """Read wallets by their sorted ids, and let no one else change them."""

    def find_created(self, driver: Driver, keys: list[str]) -> Sequence[Row]:
        """Read wallets by the keys under which they were created."""

    def find_remembered(self, driver: Driver, scopes: list[Scope]) -> Sequence[Row]:
        """Read scope, id, fingerprint, status and body of what was answered."""

    def write(self, driver: Driver, rows: Rows) -> None:
        """Write everything that a batch changes."""


def statements_for(dialect: str) -> Statements:
    """Choose the statements once, when the store is made."""
    if dialect == "sqlite":
        return on_sqlite.Statements()
    return on_postgresql.Statements()
