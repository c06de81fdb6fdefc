"""What is about to be moved: signed, read again, and foretold by the ledger itself."""

from dataclasses import dataclass
from typing import Final

from ..clock import now_us
from ..ledger.commands import Kind, MoveMoney, Principal, Submission
from ..ledger.ids import is_wallet_id, new_operation_id
from ..ledger.money import Amount
from ..ledger.outcomes import Abandoned, Entry, Known, Moved, Refused, WalletState
from ..ledger.rules import decide
from ..storage.queries import find_names, find_wallet
from ..web.auth import Caller
from ..web.problems import Problem, refused
from ..web.service import current_service
from . import signed

_SALT: Final = "wallet.review"


@dataclass(frozen=True, slots=True)
class Foretold:
    """The wallet as it is, and the entry that would come next."""

    wallet: WalletState
    entry: Entry


def sign(command: MoveMoney) -> str:
    """Write a move so that nobody else can have written it."""
    asked = [
        command.principal,
        command.wallet_id,
        command.kind,
        command.amount.unscaled,
        command.amount.decimals,
        command.recipient,
        command.note,
        command.key,
    ]
    return signed.sign(asked, _SALT)


def read(text: str, caller: Caller) -> MoveMoney:
    """Read a move that was prepared; whether the caller sees its wallet comes next.

    :raises Problem: it is altered, too old, or of another kind of caller.
    """
    asked = signed.read_signed(text, _SALT)
    principal, wallet_id, kind, unscaled, decimals, recipient, note, key = asked
    if principal != caller.principal:
        raise Problem("stale-form")
    return MoveMoney(
        operation_id=new_operation_id(),
        wallet_id=wallet_id,
        kind=Kind(kind),
        amount=Amount(unscaled, decimals),
        recipient=recipient,
        note=note,
        principal=Principal(principal),
        key=key,
    )


def foretell(command: MoveMoney) -> Foretold:
    """Ask the ledger what would come of a move, and write nothing.

    :raises Problem: it would be refused.
    """
    store = current_service().store
    named = {command.wallet_id}
    if command.recipient is not None and is_wallet_id(command.recipient):
        named.add(command.recipient)
    found = {wallet_id: find_wallet(store, wallet_id) for wallet_id in named}
    wallets = {name: wallet for name, wallet in found.items() if wallet is not None}
    submission = Submission((command,), command.wallet_id)
    decision = decide(Known(wallets), (submission,), now_us())
    verdict = decision.verdicts[0]
    assert not isinstance(verdict, Abandoned)  # noqa: S101  only what is atomic can be
    outcome = verdict if isinstance(verdict, Refused) else verdict[0]
    if isinstance(outcome, Refused):
        raise refused(outcome)
    assert isinstance(outcome, Moved)  # noqa: S101  nothing is remembered here
    return Foretold(wallets[command.wallet_id], outcome.entries[0])


def recipient_name(caller: Caller, command: MoveMoney) -> str | None:
    """Tell the operator what the recipient is called, and no one else."""
    if command.recipient is None or caller.principal is not Principal.OPERATOR:
        return None
    names = find_names(current_service().store, {command.recipient})
    return names.get(command.recipient)
