"""What a batch writes, as rows of the tables."""

from collections.abc import Sequence
from operator import attrgetter
from typing import Any, NamedTuple, Protocol

from ..ledger.commands import MoveMoney
from ..ledger.digests import fingerprint
from ..ledger.outcomes import Decision, Entry
from .spans import completed
from .tables import MOVING, wallets

#: The columns of one row, in the order of its table.
Row = tuple[Any, ...]


class Driver(Protocol):
    """A connection as its driver has it, without what SQLAlchemy does beside that."""

    def execute(self, text: str, values: Any, /) -> Any:
        """Execute a statement, and return a cursor with what was found."""


class Answered(NamedTuple):
    """An operation with the answer that is kept for it."""

    command: MoveMoney
    status: int
    body: str


class Rows(NamedTuple):
    """What a batch writes.

    :param moved: the id and :data:`MOVING` of wallets.
    :param runs: wallet, size and number of the runs of entries that are complete now.
    """

    created: list[Row]
    operations: list[Row]
    entries: list[Row]
    moved: list[Row]
    runs: list[Row]


def rows_of(decision: Decision, answered: Sequence[Answered], now_us: int) -> Rows:
    """Put down what was decided and answered."""
    return Rows(
        created=[_wallet(each) for each in decision.created],
        operations=[_operation(each, now_us) for each in answered],
        entries=[_entry(each) for each in decision.entries],
        moved=[_moved(each) for each in decision.changed],
        runs=completed(decision.entries),
    )


_wallet = attrgetter(*wallets.columns.keys())
_moved = attrgetter("id", *MOVING)


def _operation(answered: Answered, now_us: int) -> Row:
    command, status, body = answered
    return (
        command.wallet_id,
        command.operation_id,
        command.principal.value,
        command.key,
        fingerprint(command),
        status,
        body,
        now_us,
    )


def _entry(entry: Entry) -> Row:
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
