"""What a batch writes, as rows of the tables."""

from collections import defaultdict
from collections.abc import Sequence
from operator import attrgetter
from typing import Any, Final, NamedTuple, Protocol

from ..ledger.commands import Keyed
from ..ledger.digests import fingerprint, reseal, row_digest
from ..ledger.outcomes import (
    Abandoned,
    Decision,
    Entry,
    Held,
    Moved,
    Outcome,
    Refused,
    Remembered,
    Results,
    Unmoved,
    WalletState,
)
from .spans import completed
from .tables import MOVING, wallets

#: Where an operation has its status, and that of one that was done.
_STATUS: Final = 5
_DONE: Final = 201
#: The tables know no 204. It is kept like a refusal, which has no entry either, and
#: always a body.
_REFUSED: Final = 422
_NOTHING_TO_DO: Final = 204
_BODY: Final = 6
#: How the answer about a hold begins.
_HELD: Final = '{"hold":'

#: The columns of one row, in the order of its table.
Row = tuple[Any, ...]


#: A wallet, and microseconds since 1970.
Moment = tuple[str, int]


class Driver(Protocol):
    """A connection as its driver has it, without what SQLAlchemy does beside that."""

    def execute(self, text: str, values: Any, /) -> Any:
        """Execute a statement, and return a cursor with what was found."""


class Answered(NamedTuple):
    """An operation with the answer that is kept for it."""

    command: Keyed
    status: int
    body: str


def to_remember(results: Sequence[Results]) -> list[Answered]:
    """Choose the answers that are given again when a request is repeated."""
    answered = []
    for of_submission in results:
        if isinstance(of_submission, Refused | Abandoned):
            continue
        for result in of_submission:
            command = _remembered_command(result.outcome)
            if command is not None and result.frozen is not None:
                frozen = result.frozen
                answered.append(Answered(command, frozen.status, frozen.body))
    return answered


def _remembered_command(outcome: Outcome) -> Keyed | None:
    if isinstance(outcome, Moved | Held):
        return outcome.command
    kept = not isinstance(outcome, Refused) or outcome.remember
    if isinstance(outcome, Unmoved | Refused) and kept:
        command = outcome.command
        if isinstance(command, Keyed) and command.key is not None:
            return command
    return None


class Rows(NamedTuple):
    """What a batch writes.

    :param moved: the id and :data:`MOVING` of wallets.
    :param runs: wallet, size and number of the runs of entries that are complete now.
    """

    created: list[Row]
    operations: list[Row]
    entries: list[Row]
    moved: list[Row]
    changes: list[Row]
    holds: list[Row]
    runs: list[Row]


def rows_of(decision: Decision, answered: Sequence[Answered], now_us: int) -> Rows:
    """Put down what was decided and answered."""
    operations = [_operation(each, now_us) for each in answered]
    created, changed = decision.created, decision.changed
    if seals := _seals(decision, operations):
        created, changed = _sealed(created, *seals), _sealed(changed, *seals)
    return Rows(
        created=[_wallet(each) for each in created],
        operations=operations,
        entries=[_entry(each) for each in decision.entries],
        moved=[_moved(each) for each in changed],
        changes=list(decision.changes),
        holds=[hold for _, hold in decision.holds],
        runs=completed(decision.entries),
    )


#: The digests of rows, by wallet.
_Digests = dict[str, list[bytes]]


def _sealed(
    wallets: Sequence[WalletState], added: _Digests, removed: _Digests
) -> tuple[WalletState, ...]:
    return tuple(
        each._replace(
            seal=reseal(each.seal, added.get(each.id, ()), removed.get(each.id, ()))
        )
        for each in wallets
    )


def _seals(
    decision: Decision, operations: list[Row]
) -> tuple[_Digests, _Digests] | None:
    """Digest the rows beside the entries that come, and those that they replace."""
    added: _Digests = defaultdict(list)
    removed: _Digests = defaultdict(list)
    for row in operations:
        if is_sealed(row[_STATUS], row[_BODY]):
            added[row[0]].append(row_digest("operations", row))
    for change in decision.changes:
        added[change.wallet_id].append(row_digest("changes", change))
    for before, hold in decision.holds:
        added[hold.wallet_id].append(row_digest("holds", hold))
        if before is not None:
            removed[hold.wallet_id].append(row_digest("holds", before))
    return (added, removed) if added else None


def is_sealed(status: int, body: str) -> bool:
    """Tell whether an answer has no entry that it could be compared with."""
    return status != _DONE or body.startswith(_HELD)


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
        _REFUSED if status == _NOTHING_TO_DO else status,
        body,
        now_us,
    )


def to_remembered(row: Sequence[Any]) -> Remembered:
    """Read an answer from its row."""
    answer = Remembered(*row)
    return answer if answer.body else answer._replace(status=_NOTHING_TO_DO)


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
        entry.payee,
        entry.reverses,
        entry.hold_id,
    )
