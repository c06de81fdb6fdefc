"""Reads the requests that move money: one move, or a batch of them."""

from flask import Request

from ..ledger.commands import Kind, MoveMoney, Submission
from ..ledger.ids import new_operation_id
from ..web import fields
from ..web.auth import Caller
from ..web.body import read_body, require_json
from ..web.problems import malformed
from . import bodies


def read_move(
    request: Request, caller: Caller, wallet_id: str, kind: Kind
) -> Submission:
    """Read the request for a single move.

    :raises Problem: it is malformed.
    """
    require_json(request)
    given = request.environ.get
    key = fields.read_idempotency_key(given("HTTP_IDEMPOTENCY_KEY"))
    if_match = fields.read_if_match(given("HTTP_IF_MATCH"))
    is_transfer = kind is Kind.TRANSFER
    form = bodies.NewTransfer if is_transfer else bodies.NewEntry
    message: bodies.NewEntry = bodies.decode(read_body(request), form)
    command = _read_command(caller, wallet_id, kind, message, key)
    return Submission((command,), wallet_id, caller.key_version, if_match)


def read_batch(request: Request, caller: Caller, wallet_id: str) -> Submission:
    """Read the request for a batch of moves.

    :raises Problem: it is malformed, or the caller may not do one of its items.
    """
    require_json(request)
    if "Idempotency-Key" in request.headers:
        raise malformed("Idempotency-Key", "belongs to the items of a batch, as key")
    if_match = fields.read_if_match(request.headers.get("If-Match"))
    batch = bodies.decode(read_body(request), bodies.NewBatch)
    bodies.check_size(batch)
    if any(isinstance(item, bodies.DepositItem) for item in batch.operations):
        caller.must_be_operator()
    commands = []
    for index, item in enumerate(batch.operations):
        at = f"operations[{index}]."
        key = fields.read_idempotency_key(item.key, f"{at}key")
        kind = bodies.kind_of(item)
        commands.append(_read_command(caller, wallet_id, kind, item, key, at))
    return Submission(
        tuple(commands), wallet_id, caller.key_version, if_match, batch.atomic
    )


def _read_command(
    caller: Caller,
    wallet_id: str,
    kind: Kind,
    message: bodies.NewEntry,
    key: str | None,
    at: str = "",
) -> MoveMoney:
    recipient = None
    if isinstance(message, bodies.NewTransfer):
        recipient = fields.read_recipient(message.to, f"{at}to")
    return MoveMoney(
        operation_id=new_operation_id(),
        wallet_id=wallet_id,
        kind=kind,
        amount=fields.read_positive_amount(message.amount, f"{at}amount"),
        recipient=recipient,
        note=fields.read_note(message.note, f"{at}note"),
        principal=caller.principal,
        key=key,
    )
