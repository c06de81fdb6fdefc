"""Reads the requests that move money: one move, or a batch of them."""

import re
from collections.abc import Callable

from flask import Request

from ..ledger.commands import (
    CaptureHold,
    Keyed,
    Kind,
    MoveMoney,
    PlaceHold,
    ReleaseHold,
    SetBalance,
    Submission,
)
from ..ledger.ids import new_hold_id, new_operation_id
from ..ledger.money import read_amount, read_signed_amount
from ..ledger.moves import reversal_of
from ..ledger.outcomes import Entry
from ..web.auth import Caller
from ..web.body import require_json
from ..web.fields import bare_key, read_idempotency_key, read_if_match
from ..web.problems import Problem, malformed
from .bodies import (
    CaptureItem,
    DepositItem,
    HoldItem,
    MoveItem,
    NewBalance,
    NewBatch,
    NewCapture,
    NewEntry,
    NewHold,
    NewReversal,
    NewTransfer,
    Nothing,
    read_json,
)


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


def read_version(text: str) -> int | None:
    """Read the version in an address; ``None`` if no entry can have it."""
    return int(text) if re.fullmatch("[1-9][0-9]{0,17}", text, re.ASCII) else None


def read_reversal(
    request: Request, caller: Caller, wallet_id: str, find: Callable[[], Entry | None]
) -> Submission:
    """Read the request that undoes an entry.

    :raises Problem: it is malformed, or there is no such entry.
    """
    key, if_match = _read_headers(request)
    body = read_json(request, caller, NewReversal, b"{}")
    entry = find()
    if entry is None:
        raise Problem("unknown-entry")
    command = reversal_of(
        entry,
        new_operation_id(),
        note=body.note,
        principal=caller.principal,
        key=key,
    )
    return Submission((command,), wallet_id, caller.key_version, if_match)


def read_new_balance(request: Request, caller: Caller, wallet_id: str) -> Submission:
    """Read the request that sets a balance.

    :raises Problem: it is malformed, or does not name the version that it goes by.
    """
    key, if_match = _read_headers(request)
    if "If-Match" not in request.headers:
        raise malformed("If-Match", "must name the version that the balance goes by")
    body = read_json(request, caller, NewBalance)
    amount = read_signed_amount(body.amount)
    operation_id = new_operation_id()
    command = SetBalance(
        operation_id, wallet_id, amount, body.note, caller.principal, key
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
        key = None if item.key is None else bare_key(item.key)
        if isinstance(item, MoveItem):
            kind = Kind(str(item.__struct_config__.tag))
            command: Keyed = _command(caller, wallet_id, kind, item, key)
        elif isinstance(item, HoldItem):
            command = new_hold(caller, wallet_id, item, key)
        elif isinstance(item, CaptureItem):
            command = new_capture(caller, wallet_id, item.hold, item, key)
        else:
            command = new_release(caller, wallet_id, item.hold, key)
        commands.append(command)
    return Submission(
        tuple(commands), wallet_id, caller.key_version, if_match, batch.atomic
    )


def read_hold(request: Request, caller: Caller, wallet_id: str) -> Submission:
    """Read the request that sets money aside.

    :raises Problem: it is malformed.
    """
    key, if_match = _read_headers(request)
    command = new_hold(caller, wallet_id, read_json(request, caller, NewHold), key)
    return Submission((command,), wallet_id, caller.key_version, if_match)


def read_capture(
    request: Request, caller: Caller, wallet_id: str, hold_id: str
) -> Submission:
    """Read the request that pays out of a hold.

    :raises Problem: it is malformed.
    """
    key, if_match = _read_headers(request)
    body = read_json(request, caller, NewCapture, b"{}")
    command = new_capture(caller, wallet_id, hold_id, body, key)
    return Submission((command,), wallet_id, caller.key_version, if_match)


def read_release(
    request: Request, caller: Caller, wallet_id: str, hold_id: str
) -> Submission:
    """Read the request that lets a hold go.

    :raises Problem: it is malformed.
    """
    key, if_match = _read_headers(request)
    read_json(request, caller, Nothing, b"{}")
    command = new_release(caller, wallet_id, hold_id, key)
    return Submission((command,), wallet_id, caller.key_version, if_match)


def _read_headers(request: Request) -> tuple[str | None, int | None]:
    require_json(request)
    key = read_idempotency_key(request.headers.get("Idempotency-Key"))
    return key, read_if_match(request.headers.get("If-Match"))


def new_hold(
    caller: Caller, wallet_id: str, hold: NewHold, key: str | None
) -> PlaceHold:
    """Ask for a hold."""
    return PlaceHold(
        operation_id=new_operation_id(),
        wallet_id=wallet_id,
        hold_id=new_hold_id(),
        amount=read_amount(hold.amount),
        expires_in_s=hold.expires_in,
        note=hold.note,
        principal=caller.principal,
        key=key,
    )


def new_capture(
    caller: Caller, wallet_id: str, hold_id: str, capture: NewCapture, key: str | None
) -> CaptureHold:
    """Ask to pay out of a hold."""
    return CaptureHold(
        operation_id=new_operation_id(),
        wallet_id=wallet_id,
        hold_id=hold_id,
        amount=None if capture.amount is None else read_amount(capture.amount),
        recipient=capture.to,
        note=capture.note,
        payee=capture.payee,
        keep_open=capture.keep_open,
        principal=caller.principal,
        key=key,
    )


def new_release(
    caller: Caller, wallet_id: str, hold_id: str, key: str | None
) -> ReleaseHold:
    """Ask to let a hold go."""
    return ReleaseHold(new_operation_id(), wallet_id, hold_id, caller.principal, key)


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
