"""The store: loads what a batch is decided from, and writes what was decided.

A batch costs at most five statements beside begin and commit, whatever its size, and
one more when it completes a run of entries.
"""

from collections.abc import Iterator
from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from dataclasses import fields
from operator import attrgetter

from sqlalchemy import URL
from sqlalchemy import Connection
from sqlalchemy import Engine
from sqlalchemy import RowMapping

from . import failures
from .commands import CreateWallet
from .commands import MoveMoney
from .commands import Principal
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
from .spans import completed
from .statements import MOVING
from .statements import Row
from .statements import statements_for

_WALLET_COLUMNS = [field.name for field in fields(WalletState)]


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
        wallets = self._lock_wallets(connection, sorted(_wallet_ids(batch)))
        return Known(
            wallets=wallets,
            created=self._find_created(connection, sorted(_creation_keys(batch))),
            remembered=self._find_remembered(connection, sorted(_scopes(batch))),
        )

    def write(
        self,
        connection: Connection,
        decision: Decision,
        answered: Sequence[Answered],
        now_us: int,
    ) -> None:
        """Write everything that a batch changes."""
        statements = self._statements
        created = [_wallet_row(wallet) for wallet in decision.created]
        operations = [_operation_row(each, now_us) for each in answered]
        entries = [_entry_row(entry) for entry in decision.entries]
        changed = [_moving_columns(wallet) for wallet in decision.changed]
        for statement, rows in (
            (statements.insert_wallets, created),
            (statements.insert_operations, operations),
            (statements.insert_entries, entries),
            (statements.insert_spans, completed(decision.entries)),
            (statements.update_wallets, changed),
        ):
            if rows:
                connection.execute(statement, statements.to_write(rows))

    def _lock_wallets(
        self, connection: Connection, ids: list[str]
    ) -> dict[str, WalletState]:
        if not ids:
            return {}
        found = connection.execute(
            self._statements.lock_wallets,
            self._statements.to_look_up([{"id": wallet_id} for wallet_id in ids]),
        )
        return {row["id"]: to_wallet(row) for row in found.mappings()}

    def _find_created(
        self, connection: Connection, keys: list[str]
    ) -> dict[str, WalletState]:
        if not keys:
            return {}
        found = connection.execute(
            self._statements.find_created,
            self._statements.to_look_up([{"creation_key": key} for key in keys]),
        )
        return {row["creation_key"]: to_wallet(row) for row in found.mappings()}

    def _find_remembered(
        self, connection: Connection, scopes: list[Scope]
    ) -> dict[Scope, Remembered]:
        if not scopes:
            return {}
        found = connection.execute(
            self._statements.find_remembered,
            self._statements.to_look_up([_scope_row(scope) for scope in scopes]),
        )
        return {
            (row.wallet_id, row.principal, row.key): Remembered(
                row.id, row.fingerprint, row.status, row.body
            )
            for row in found
        }


def to_wallet(row: RowMapping) -> WalletState:
    """Read a wallet from its row."""
    return WalletState(**{name: row[name] for name in _WALLET_COLUMNS})


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


def _scope_row(scope: Scope) -> Row:
    wallet_id, principal, key = scope
    return {"wallet_id": wallet_id, "principal": principal, "key": key}


def _wallet_row(wallet: WalletState) -> Row:
    return {name: getattr(wallet, name) for name in _WALLET_COLUMNS}


_moving = attrgetter("id", *MOVING)


def _moving_columns(wallet: WalletState) -> Row:
    return dict(zip(("id", *MOVING), _moving(wallet), strict=True))


def _entry_row(entry: Entry) -> Row:
    return {
        "wallet_id": entry.wallet_id,
        "version": entry.version,
        "previous_version": entry.version - 1 or None,
        "previous_balance_minor": entry.balance_minor - entry.amount_minor,
        "kind": entry.kind.value,
        "amount_minor": entry.amount_minor,
        "balance_minor": entry.balance_minor,
        "operation_id": entry.operation_id,
        "counterparty": entry.counterparty,
        "note": entry.note,
        "at_us": entry.at_us,
        "digest": entry.digest,
    }


def _operation_row(answered: Answered, now_us: int) -> Row:
    command = answered.command
    return {
        "wallet_id": command.wallet_id,
        "id": command.operation_id,
        "principal": Principal(command.principal).value,
        "key": command.key,
        "fingerprint": command.fingerprint(),
        "status": answered.status,
        "body": answered.body,
        "at_us": now_us,
    }
