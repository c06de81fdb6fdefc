"""What forms send, as commands for the ledger, and what the ledger says to them."""

import json
import secrets
from typing import Any

from flask import request

from ..ledger.commands import Kind, MoveMoney, Submission
from ..ledger.ids import new_operation_id
from ..ledger.money import CURRENCIES, Amount, AmountError
from ..ledger.outcomes import WalletState
from ..web import fields
from ..web.auth import Caller
from ..web.problems import KINDS, Problem, malformed
from ..web.service import current_service
from .typed import read_typed


def new_key() -> str:
    """Make the idempotency key that a form carries, so that it is done once at most."""
    return secrets.token_urlsafe(16)


def field(name: str) -> str:
    """Take a field of the form, without the blanks around it."""
    return request.form.get(name, "").strip()


def read_key() -> str:
    """Read the idempotency key of the form.

    :raises Problem: it is malformed.
    """
    return fields.read_idempotency_key(field("key")) or ""


def read_version() -> int:
    """Read the version of the wallet that the form was made from.

    :raises Problem: it is malformed.
    """
    version = fields.read_if_match(f'"{field("version")}"')
    assert version is not None  # noqa: S101  only * gives none
    return version


def read_amount(wallet: WalletState) -> int:
    """Read an amount that moves, in minor units.

    :raises Problem: it is malformed; the detail is a sentence.
    """
    try:
        minor = read_typed(field("amount"), wallet.currency)
    except AmountError as error:
        raise Problem("malformed", str(error), members={"field": "amount"}) from error
    if minor <= 0:
        raise malformed("amount", "must be above zero")
    return minor


def a_move(
    caller: Caller,
    wallet: WalletState,
    change_minor: int,
    key: str,
    recipient: str | None = None,
    note: str | None = None,
) -> MoveMoney:
    """Ask for a deposit, a withdrawal, or with a recipient for a transfer."""
    kind = Kind.DEPOSIT if change_minor > 0 else Kind.WITHDRAWAL
    return MoveMoney(
        operation_id=new_operation_id(),
        wallet_id=wallet.id,
        kind=Kind.TRANSFER if recipient is not None else kind,
        amount=Amount(abs(change_minor), CURRENCIES[wallet.currency]),
        recipient=recipient,
        note=note,
        principal=caller.principal,
        key=key,
    )


def submit(caller: Caller, command: MoveMoney, version: int) -> None:
    """Have money moved if the wallet still has the version that was shown.

    :raises Problem: it was not moved, now or when it was first asked.
    """
    submission = Submission(
        (command,), command.wallet_id, caller.key_version, if_match=version
    )
    frozen = current_service().submit_one(submission).frozen
    assert frozen is not None  # noqa: S101  every move has an answer
    if frozen.status >= 400:
        raise answered(frozen.body)


def answered(told: str) -> Problem:
    """Find the problem that a client was told."""
    body: dict[str, Any] = json.loads(told)
    return Problem(body["type"].removeprefix("/problems/"), body["detail"])


def sentence(problem: Problem) -> str:
    """Tell a problem to people."""
    detail = problem.detail[:1].upper() + problem.detail[1:]
    if problem.kind.name == "malformed":
        return detail if detail.endswith(".") else f"{detail}."
    if problem.kind is KINDS["outcome-unknown"]:
        return "It is not known whether this was done. Send it again: it is done once."
    return f"{problem.kind.title}. {detail}"
