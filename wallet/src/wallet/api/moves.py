"""Reads the requests that move money: one move, or a batch of them."""

from collections.abc import Callable

from flask import Request

from ..ledger.commands import Kind, MoveMoney, Reverse, Submission
from ..ledger.ids import new_operation_id
from ..ledger.money import read_amount
from ..ledger.outcomes import Entry
from ..web.auth import Caller
from ..web.body import require_json
from ..web.fields import bare_key, read_idempotency_key, read_if_match
from ..web.problems import Problem, malformed
from .bodies import DepositItem, NewBatch, NewEntry, NewReversal, NewTransfer, read_json


def read_move(
    request: Request, caller: Caller, wallet_id: str, kind: Kind
) -> Submission:
    """Read the request for a single move.

    :raises Problem: it is malformed.
    """
    require_json(request)
    header = request.environ.get
    key = read_idempotency_key(header("HTTP_IDEMPOTENCY_KEY"))
    if_match = read_if_match(header("HTTP_IF_MATCH"))
    form = NewTransfer if kind is Kind.TRANSFER else NewEntry
    command = _command(caller, wallet_id, kind, read_json(request, caller, form), key)
    return Submission((command,), wallet_id, caller.key_version, if_match)


def read_reversal(
    request: Request, caller: Caller, wallet_id: str, find: Callable[[], Entry | None]
) -> Submission:
    """Read the request that undoes an entry.

    :raises Problem: it is malformed, or there is no such entry.
    """
    require_json(request)
    key = read_idempotency_key(request.headers.get("Idempotency-Key"))
    if_match = read_if_match(request.headers.get("If-Match"))
    body = read_json(request, caller, NewReversal, b"{}")
    entry = find()
    if entry is None:
        raise Problem("unknown-entry")
    command = Reverse(
        operation_id=new_operation_id(),
        wallet_id=wallet_id,
        undone=entry.operation_id,
        undone_kind=entry.kind,
        change_minor=-entry.amount_minor,
        recipient=entry.counterparty,
        note=body.note,
        principal=caller.principal,
        key=key,
    )
    return Submission((command,), wallet_id, caller.key_version, if_match)


def read_batch(request: Request, caller: Caller, wallet_id: str) -> Submission:
    """Read the request for a batch of moves.

    :raises Problem: it is malformed, or the caller may not do one of its items.
    """
    require_json(request)
    if "Idempotency-Key" in request.headers:
        raise malformed("Idempotency-Key", "belongs to the items of a batch, as key")
    if_match = read_if_match(request.headers.get("If-Match"))
    batch = read_json(request, caller, NewBatch)
    if any(isinstance(item, DepositItem) for item in batch.operations):
        caller.must_be_operator()
    commands = []
    for item in batch.operations:
        kind = Kind(str(item.__struct_config__.tag))
        key = None if item.key is None else bare_key(item.key)
        commands.append(_command(caller, wallet_id, kind, item, key))
    return Submission(
        tuple(commands), wallet_id, caller.key_version, if_match, batch.atomic
    )


def _command(
    caller: Caller, wallet_id: str, kind: Kind, move: NewEntry, key: str | None
) -> MoveMoney:
    return MoveMoney(
        operation_id=new_operation_id(),
        wallet_id=wallet_id,
        kind=kind,
        # Its decimals are judged with the wallet's currency.
        amount=read_amount(move.amount),
        recipient=move.to if isinstance(move, NewTransfer) else None,
        note=move.note,
        payee=move.payee,
        principal=caller.principal,
        key=key,
    )
