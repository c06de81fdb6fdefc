"""Bringing in a bank's statement: foretold by the ledger itself, or written whole."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from ..clock import now_us, shown_in
from ..imports.cells import Unreadable
from ..imports.commands import moment_of, submission_of
from ..imports.movements import Odd, Row
from ..imports.statement import Statement, read_statement
from ..ledger.commands import Keyed, Submission
from ..ledger.outcomes import (
    Abandoned,
    Known,
    Moved,
    Outcome,
    Refused,
    Remembered,
    Replayed,
    WalletState,
)
from ..ledger.refusals import Refusal
from ..ledger.rules import decide
from ..storage.queries import find_answered, find_wallet
from .kinds import KINDS
from .problems import Problem, malformed, refused
from .service import Service

#: So many lines of a kind are told one by one.
MOST_TOLD: Final = 100


@dataclass(slots=True)
class Import:
    """What comes of a statement.

    :param wallet: as it was before.
    :param taken: the movements that are new.
    :param known: those that were brought in before.
    :param refused: lines for which nothing at all is written.
    :param operations: what wrote a line, now or before, by its number.
    :param balance_minor: what the wallet holds with what is taken.
    :param version: the wallet's version now.
    """

    wallet: WalletState
    statement: Statement
    balance_minor: int
    version: int
    taken: list[Row] = field(default_factory=list)
    known: list[Row] = field(default_factory=list)
    refused: list[Odd] = field(default_factory=list)
    operations: dict[int, str] = field(default_factory=dict)


def read_file(wallet: WalletState, data: bytes) -> Statement:
    """Read a file.

    :raises Problem: it is no statement.
    """
    try:
        return read_statement(data, wallet.currency)
    except Unreadable as error:
        raise malformed("body", str(error)) from error


def foretell(
    service: Service,
    wallet: WalletState,
    statement: Statement,
    if_match: int | None = None,
) -> Import:
    """Ask the ledger what would come of each line, and write nothing.

    :raises Problem: the wallet has another version.
    """
    submission = _submission(service, wallet, statement, if_match)
    keys = [each.key for each in submission.commands if isinstance(each, Keyed)]
    answered = {
        (wallet.id, "operator", key): Remembered(name, asked, status, "")
        for key, name, asked, status in find_answered(service.store, wallet.id, keys)
    }
    known = Known({wallet.id: wallet}, remembered=answered)
    each_alone = replace(submission, atomic=False)
    (verdict,) = decide(known, (each_alone,), now_us()).verdicts
    if isinstance(verdict, Refused):
        raise refused(verdict)
    assert not isinstance(verdict, Abandoned)  # noqa: S101  only what is atomic can be
    return _import(service, wallet, statement, verdict)


def bring_in(
    service: Service,
    wallet: WalletState,
    statement: Statement,
    if_match: int | None = None,
) -> Import:
    """Write every line that is new, or nothing.

    :raises Problem: a line is refused, or the wallet has another version.
    """
    if statement.refused or not statement.rows:
        return _must_be_taken(foretell(service, wallet, statement, if_match))
    results = service.submit(_submission(service, wallet, statement, if_match))
    if isinstance(results, Refused):
        raise refused(results)
    if isinstance(results, Abandoned):
        wallet = find_wallet(service.store, wallet.id) or wallet
        _must_be_taken(foretell(service, wallet, statement))
        # It was refused, but would not be any more: another one changed the wallet.
        row = statement.rows[results.index]
        reason = _reason(service, wallet, results.outcome, row)
        raise _refused([Odd(row.line, reason)])
    outcomes = [result.outcome for result in results]
    first = next((each for each in outcomes if isinstance(each, Moved)), None)
    if first is None:
        # Another one may have written all of it, just now.
        wallet = find_wallet(service.store, wallet.id) or wallet
    else:
        entry = first.entries[0]
        before = entry.balance_minor - entry.amount_minor
        wallet = wallet._replace(version=entry.version - 1, balance_minor=before)
    return _import(service, wallet, statement, outcomes)


def _submission(
    service: Service, wallet: WalletState, statement: Statement, if_match: int | None
) -> Submission:
    zone = service.settings.time_zone
    return submission_of(wallet, statement.rows, zone, if_match)


def _import(
    service: Service,
    wallet: WalletState,
    statement: Statement,
    outcomes: Sequence[Outcome],
) -> Import:
    found = Import(wallet, statement, wallet.balance_minor, wallet.version)
    found.refused += statement.refused
    for row, outcome in zip(statement.rows, outcomes, strict=True):
        earlier = outcome.earlier if isinstance(outcome, Replayed) else None
        if isinstance(outcome, Moved):
            found.taken.append(row)
            found.operations[row.line] = outcome.command.operation_id
            found.balance_minor = outcome.entries[0].balance_minor
            found.version = outcome.entries[0].version
        elif isinstance(earlier, Remembered) and earlier.status == 201:
            found.known.append(row)
            found.operations[row.line] = earlier.operation_id
        elif isinstance(earlier, Moved):
            found.known.append(row)
            found.operations[row.line] = earlier.command.operation_id
        else:
            reason = _reason(service, wallet, outcome, row)
            found.refused.append(Odd(row.line, reason))
    found.refused.sort()
    return found


def _must_be_taken(found: Import) -> Import:
    if found.refused:
        raise _refused(found.refused)
    return found


def _refused(lines: Sequence[Odd]) -> Problem:
    told = [each._asdict() for each in lines[:MOST_TOLD]]
    return Problem("import-refused", members={"lines": told, "count": len(lines)})


def _reason(service: Service, wallet: WalletState, outcome: Outcome, row: Row) -> str:
    if not isinstance(outcome, Refused):
        return "was refused when it was brought in before"
    if outcome.refusal is not Refusal.MALFORMED:
        title = KINDS[outcome.refusal.value].title
        return f"{title[0].lower()}{title[1:]}"
    zone = service.settings.time_zone
    if moment_of(row, zone) >= wallet.last_entry_at_us:
        return f"{row.date} {outcome.reason}"
    last = shown_in(zone, wallet.last_entry_at_us).isoformat(" ", "seconds")
    return f"{row.date} counts from 00:00, before the wallet's last entry at {last}"
