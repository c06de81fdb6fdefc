"""The store: loads what a batch is decided from, and writes what was decided.

A batch costs five statements beside begin and commit, whatever its size; SQLite takes
a set whose size is no power of two in a few parts.
"""

from collections.abc import Iterator
from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from operator import attrgetter

from sqlalchemy import URL
from sqlalchemy import Connection
from sqlalchemy import Engine
from sqlalchemy import RowMapping

from . import failures
from .commands import CreateWallet
from .commands import MoveMoney
from .commands import Submission
from .engines import Limits
from .engines import is_sqlite
from .engines import make_reading_engine
from .engines import make_writing_engine
from .ids import is_wallet_id
from .outcomes import Decision
from .outcomes import Entry
from .outcomes import Known
from .outcomes import Remembered
from .outcomes import Scope
from .outcomes import WalletState
from .statements import Row
from .statements import statements_for
from .tables import MOVING
from .tables import entries
from .tables import operations
from .tables import wallets


@dataclass(frozen=True, slots=True)
class Answered:
    """An operation with the answer that is kept for it."""

    command: MoveMoney
    status: int
    body: str


class Store:
    """A database with the wallets, their entries and the answers that were given."""

    def __init__(self, url: URL, limits: Limits) -> None:
        self.writing: Engine = make_writing_engine(url, limits)
        self.reading: Engine = make_reading_engine(url, limits)
        self._statements = statements_for(self.writing.dialect.name)

    def close(self) -> None:
        """Close every connection."""
        self.writing.dispose()
        self.reading.dispose()

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Run statements that are committed together, or not at all.

        :raises NotWritten: a statement failed, or the database refused the commit.
        :raises OutcomeUnknown: the database did not say what became of the commit.
        """
        with failures.before_commit():
            connection = self.writing.connect()
        try:
            with failures.before_commit():
                transaction = connection.begin()
                yield connection
            with failures.at_commit():
                transaction.commit()
        finally:
            connection.close()

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """Read with several statements what was committed at one moment."""
        begin = "BEGIN"
        if not is_sqlite(self.reading):
            begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
        with failures.before_commit(), self.reading.connect() as connection:
            connection.exec_driver_sql(begin)
            try:
                yield connection
            finally:
                connection.exec_driver_sql("ROLLBACK")

    def load(self, connection: Connection, batch: Sequence[Submission]) -> Known:
        """Lock the wallets of a batch, and read what it is decided from.

        The keys are read after the locks are held: each belongs to a locked wallet, so
        no other process can use it between the look and the commit.
        """
        ids, keys = sorted(_wallet_ids(batch)), sorted(_creation_keys(batch))
        scopes = sorted(_scopes(batch))
        known = Known()
        if ids:
            for row in self._statements.lock_wallets(connection, ids):
                wallet = WalletState(*row)
                known.wallets[wallet.id] = wallet
        if keys:
            for row in self._statements.find_created(connection, keys):
                wallet = WalletState(*row)
                known.created[wallet.creation_key or ""] = wallet
        if scopes:
            for row in self._statements.find_remembered(connection, scopes):
                wallet_id, principal, key, *answer = row
                known.remembered[wallet_id, principal, key] = Remembered(*answer)
        return known

    def write(
        self,
        connection: Connection,
        decision: Decision,
        answered: Sequence[Answered],
        now_us: int,
    ) -> None:
        """Write everything that a batch changes."""
        for table, rows in (
            (wallets, [_wallet_row(wallet) for wallet in decision.created]),
            (operations, [_operation_row(each, now_us) for each in answered]),
            (entries, [_entry_row(entry) for entry in decision.entries]),
        ):
            if rows:
                self._statements.insert(connection, table, rows)
        if decision.changed:
            rows = [_moving_columns(wallet) for wallet in decision.changed]
            self._statements.move_wallets(connection, rows)


def to_wallet(row: RowMapping) -> WalletState:
    """Read a wallet from its row."""
    return WalletState(**row)


def _wallet_ids(batch: Sequence[Submission]) -> set[str]:
    ids = {submission.wallet_id for submission in batch if submission.wallet_id}
    for submission in batch:
        for command in submission.commands:
            recipient = getattr(command, "recipient", None)
            # Anything may stand there; only what can be an id is looked up.
            if recipient is not None and is_wallet_id(recipient):
                ids.add(recipient)
    return ids


def _creation_keys(batch: Sequence[Submission]) -> set[str]:
    return {
        command.key
        for submission in batch
        for command in submission.commands
        if isinstance(command, CreateWallet) and command.key is not None
    }


def _scopes(batch: Sequence[Submission]) -> set[Scope]:
    return {
        (command.wallet_id, command.principal.value, command.key)
        for submission in batch
        for command in submission.commands
        if isinstance(command, MoveMoney) and command.key is not None
    }


_wallet_row = attrgetter(*wallets.columns.keys())
_moving_columns = attrgetter("id", *MOVING)


def _entry_row(entry: Entry) -> Row:
    return (
        entry.wallet_id,
        entry.version,
        entry.version - 1 or None,
        entry.balance_minor - entry.amount_minor,
        entry.kind.value,
        entry.amount_minor,
        entry.balance_minor,
        entry.operation_id,
        entry.counterparty,
        entry.note,
        entry.at_us,
        entry.digest,
    )


def _operation_row(answered: Answered, now_us: int) -> Row:
    command = answered.command
    return (
        command.wallet_id,
        command.operation_id,
        command.principal.value,
        command.key,
        command.fingerprint(),
        answered.status,
        answered.body,
        now_us,
    )
