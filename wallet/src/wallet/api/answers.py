"""The JSON that goes out: wallets, entries, and the outcomes of commands."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Final, Literal, cast

import msgspec
from msgspec import UNSET, UnsetType

from ..clock import timestamp
from ..ledger.commands import Kind
from ..ledger.money import CURRENCIES, format_amount
from ..ledger.outcomes import (
    Abandoned,
    Entry,
    Frozen,
    Held,
    Moved,
    Outcome,
    Refused,
    Remembered,
    Replayed,
    Result,
    Unmoved,
)
from ..web.described import described, named
from ..web.fields import WalletId
from ..web.problems import Problem, refused
from ..web.replies import encode
from ..web.values import Digest, Moment, Money, OperationId
from .held import HeldAnswer, HoldId, hold_answer


class EntryAnswer(msgspec.Struct):
    """A line of a wallet's history."""

    version: int
    kind: Kind
    amount: Money
    balance: Money
    note: str | None
    at: Moment
    digest: Digest
    operation: OperationId
    counterparty: WalletId | None
    payee: str | None
    #: The operation that it undoes, and the one that undid it.
    reverses: OperationId | None
    reversed_by: OperationId | None
    hold: HoldId | None


class EntriesAnswer(msgspec.Struct):
    """A page of a wallet's history; there may be more even if it is not full."""

    entries: list[EntryAnswer]
    next: str | None
    next_cursor: Annotated[
        int | None, described("The next page's before, or after if oldest come first.")
    ]


class MovedAnswer(msgspec.Struct):
    """Money moved: the operation, and its entry in the wallet that was addressed."""

    operation: OperationId
    entry: EntryAnswer


#: Sent as the exact bytes that are stored for a repeated request.
_Outcome = Annotated[msgspec.Raw, described(**named("Outcome"))]


class OddLine(msgspec.Struct):
    """A line of a statement that is not taken, and why."""

    line: int
    reason: str


class ProblemAnswer(msgspec.Struct):
    """Why a request was refused; the type is the address of a page about it."""

    type: Annotated[str, described(**named("ProblemType"))]
    title: str
    status: int
    detail: str
    field: (
        Annotated[str, described("The member, header or parameter that is malformed.")]
        | UnsetType
    ) = UNSET
    outcomes: list[_Outcome] | UnsetType = UNSET
    lines: (
        Annotated[list[OddLine], described("At most 100 lines that are refused.")]
        | UnsetType
    ) = UNSET
    count: Annotated[int, described("How many lines are refused.")] | UnsetType = UNSET


class MovedOutcome(MovedAnswer):
    """An item that was done, now or under the same key before."""

    status: Literal[201]


class RefusedOutcome(msgspec.Struct):
    """An item that was refused."""

    status: Literal[404, 422]
    problem: ProblemAnswer


class NotDoneOutcome(msgspec.Struct):
    """An item that was not done because another one of its batch was refused."""

    status: Literal[424]


class BatchAnswer(msgspec.Struct):
    """The outcome of each item of a batch, in order."""

    outcomes: list[_Outcome]


#: What a request that has a key is answered with.
_ANSWERS: Final = ("MovedAnswer", "HeldAnswer", "ProblemAnswer")


class OperationAnswer(msgspec.Struct):
    """What was answered to an operation, and the key that it was asked under."""

    operation: OperationId
    key: Annotated[
        str | None,
        described("Null if there was none. The owner on the other side is not told."),
    ]
    status: Literal[201, 204, 422]
    body: Annotated[
        msgspec.Raw,
        described(anyOf=[*map(named, _ANSWERS), {"type": "null"}]),
    ]


class KeyAnswer(msgspec.Struct):
    """A wallet's key."""

    key: str


#: The outcome of the other items when one of an atomic batch is refused.
_NOT_DONE: Final = msgspec.Raw(b'{"status":424}')


def entry_answer(entry: Entry, currency: str) -> EntryAnswer:
    """Describe a line of a wallet's history."""
    exponent = CURRENCIES[currency]
    return EntryAnswer(
        version=entry.version,
        kind=entry.kind,
        amount=format_amount(entry.amount_minor, exponent),
        balance=format_amount(entry.balance_minor, exponent),
        note=entry.note,
        at=timestamp(entry.at_us),
        digest=entry.digest.hex(),
        operation=entry.operation_id,
        counterparty=entry.counterparty,
        payee=entry.payee,
        reverses=entry.reverses,
        reversed_by=entry.reversed_by,
        hold=entry.hold_id,
    )


def operation_answer(key: str | None, remembered: Remembered) -> OperationAnswer:
    """Describe what was answered to an operation."""
    return OperationAnswer(
        operation=remembered.operation_id,
        key=key,
        status=cast("Literal[201, 204, 422]", remembered.status),
        body=msgspec.Raw(remembered.body.encode() or b"null"),
    )


def received_answer(entry: Entry, currency: str) -> OperationAnswer:
    """Describe an operation to the wallet on its other side: by its own entry.

    What the one who asked was told, and under which key, is nobody else's.
    """
    body = MovedAnswer(entry.operation_id, entry_answer(entry, currency))
    return OperationAnswer(entry.operation_id, None, 201, msgspec.Raw(encode(body)))


def batch_answer(results: Sequence[Result]) -> BatchAnswer:
    """Describe the outcome of every item of a batch, in order."""
    return BatchAnswer([_outcome_answer(result.frozen) for result in results])


def abandoned(verdict: Abandoned) -> Problem:
    """Return the problem of an atomic batch; its outcomes show the refused item."""
    outcomes = [_NOT_DONE] * verdict.size
    outcomes[verdict.index] = _outcome_answer(freeze(verdict.outcome))
    return Problem("batch-refused", members={"outcomes": outcomes})


def _outcome_answer(frozen: Frozen | None) -> msgspec.Raw:
    # The answer of a single call is sent as it was stored, not written anew.
    assert frozen is not None  # noqa: S101  every move has an answer
    if frozen.status == 201:
        return msgspec.Raw(f'{{"status":201,{frozen.body[1:]}'.encode())
    return msgspec.Raw(f'{{"status":{frozen.status},"problem":{frozen.body}}}'.encode())


def freeze(outcome: Outcome) -> Frozen | None:
    """Write the answer to a command that moves money; it is stored and sent as it is.

    The same outcome always gives the same bytes.
    """
    if isinstance(outcome, Moved):
        entry = entry_answer(outcome.entries[0], outcome.currency)
        answer = MovedAnswer(outcome.command.operation_id, entry)
        return Frozen(201, encode(answer).decode())
    if isinstance(outcome, Held):
        told = HeldAnswer(hold_answer(outcome.hold, outcome.currency))
        return Frozen(201, encode(told).decode())
    if isinstance(outcome, Unmoved):
        return Frozen(204, "")
    if isinstance(outcome, Refused):
        problem = refused(outcome)
        return Frozen(problem.kind.status, encode(problem.body()).decode())
    if isinstance(outcome, Replayed):
        earlier = outcome.earlier
        if isinstance(earlier, Remembered):
            return Frozen(earlier.status, earlier.body, replayed=True)
        first = freeze(earlier)
        return replace(first, replayed=True) if first else None
    return None
