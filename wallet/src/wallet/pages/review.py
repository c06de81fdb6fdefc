"""What is about to be moved: signed, read again, and foretold by the ledger itself."""

from dataclasses import dataclass
from typing import Any, Final

import msgspec
from flask import url_for

from ..clock import now_us
from ..ledger.commands import (
    Kind,
    MoveMoney,
    Principal,
    Reverse,
    SetBalance,
    Submission,
)
from ..ledger.ids import is_wallet_id
from ..ledger.outcomes import Abandoned, Entry, Known, Moved, Refused, WalletState
from ..ledger.rules import decide
from ..storage.queries import find_names, find_wallet, is_reversed
from ..web.auth import Caller
from ..web.problems import Problem, refused
from ..web.service import current_service
from . import signed
from .filters import kept
from .wording import money

_SALT: Final = "wallet.review"


#: What can be reviewed.
Reviewed = MoveMoney | SetBalance | Reverse
_KINDS: Final[dict[str, type[Reviewed]]] = {
    kind.__name__: kind for kind in (MoveMoney, SetBalance, Reverse)
}


#: The pages on which moves are asked for, and how it is said that they were made.
_WAYS: Final = {
    Kind.DEPOSIT: "add",
    Kind.WITHDRAWAL: "pay",
    Kind.TRANSFER: "transfer",
}
_DONE: Final = {"add": "added", "pay": "paid", "transfer": "transferred"}


@dataclass(frozen=True, slots=True)
class Foretold:
    """The wallet as it is, and the entry that would come next, if any."""

    wallet: WalletState
    entry: Entry | None


@dataclass(frozen=True, slots=True)
class Words:
    """How a review speaks of what it asks."""

    question: str
    verb: str
    button: str
    done: str
    back: str


def words(command: Reviewed, wallet: WalletState) -> Words:
    """Choose the words for a command, and the page that one came from."""
    if isinstance(command, Reverse):
        question = f"Undo this {command.undone_kind}?"
        return Words(question, "Undo", "Undo it", "undone", _history(wallet))
    amount = money(command.amount.unscaled, wallet.currency)
    if isinstance(command, SetBalance):
        question = f"Set the balance to {amount}?"
        return Words(question, "Set", f"Set to {amount}", "saved", _history(wallet))
    way = _WAYS[command.kind]
    verb, done = way.title(), _DONE[way]
    back = f"{url_for('moving.ask', way=way)}?from={wallet.id}"
    return Words(f"{verb} {amount}?", verb, f"{verb} {amount}", done, back)


def said(command: Reviewed, entry: Entry, wallet: WalletState) -> str:
    """Say what was done."""
    amount = money(abs(entry.amount_minor), wallet.currency)
    if isinstance(command, Reverse | SetBalance):
        what = words(command, wallet).done.title()
        return f"{what}: {amount} {'taken out' if entry.amount_minor < 0 else 'added'}."
    return f"{words(command, wallet).done.title()}: {amount}."


def _history(wallet: WalletState) -> str:
    return url_for("history.show", wallet_id=wallet.id, **kept())


def address(command: Reviewed, **kept: Any) -> str:
    """Tell where a command is reviewed; nobody else can have written that.

    :param kept: the part of the history that is shown again afterwards.
    """
    asked = [type(command).__name__, msgspec.to_builtins(command)]
    return url_for("confirming.look", signed=signed.sign(asked, _SALT), **kept)


def read(text: str, caller: Caller) -> Reviewed:
    """Read a command that was prepared; whether the caller sees its wallet comes next.

    :raises Problem: it is altered, too old, or of another kind of caller.
    """
    prepared = signed.read_signed(text, _SALT)
    try:
        name, asked = prepared
        command: Reviewed = msgspec.convert(asked, _KINDS[name])
    # What an older program signed has another shape.
    except (ValueError, KeyError, msgspec.ValidationError) as error:
        raise Problem("stale-form") from error
    if command.principal != caller.principal:
        raise Problem("stale-form")
    return command


def foretell(command: Reviewed) -> Foretold:
    """Ask the ledger what would come of a command, and write nothing.

    :raises Problem: it would be refused.
    """
    store = current_service().store
    named = {command.wallet_id}
    recipient = None if isinstance(command, SetBalance) else command.recipient
    if recipient is not None and is_wallet_id(recipient):
        named.add(recipient)
    found = {wallet_id: find_wallet(store, wallet_id) for wallet_id in named}
    wallets = {name: wallet for name, wallet in found.items() if wallet is not None}
    known = Known(wallets)
    if isinstance(command, Reverse):
        undone = command.wallet_id, command.undone
        if is_reversed(store, *undone):
            known.reversed.add(undone)
    submission = Submission((command,), command.wallet_id)
    verdict = decide(known, (submission,), now_us()).verdicts[0]
    assert not isinstance(verdict, Abandoned)  # noqa: S101  only what is atomic can be
    outcome = verdict if isinstance(verdict, Refused) else verdict[0]
    if isinstance(outcome, Refused):
        raise refused(outcome)
    # Nothing is remembered here, so it is an entry, or none to be made.
    entry = outcome.entries[0] if isinstance(outcome, Moved) else None
    return Foretold(wallets[command.wallet_id], entry)


def recipient_name(caller: Caller, command: Reviewed) -> str | None:
    """Tell the operator what the recipient is called, and no one else."""
    recipient = getattr(command, "recipient", None)
    if recipient is None or caller.principal is not Principal.OPERATOR:
        return None
    return find_names(current_service().store, {recipient}).get(recipient)
