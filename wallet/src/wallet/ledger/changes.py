"""Changes of a wallet that are no money: its name, floor, archive and key version."""

from typing import Any

from .commands import ChangeWallet
from .draft import Draft
from .money import CURRENCIES
from .outcomes import Change, Changed, Refused, WalletState
from .refusals import Refusal


def change_wallet(draft: Draft, command: ChangeWallet) -> Changed | Refused:
    """Change name, floor and archive, as far as they are asked for and differ.

    A wallet that is already as it was asked to be may have been made so by this very
    request, sent twice: then it does not matter what was seen.
    """
    wallet = draft.wallets[command.wallet_id]
    columns: dict[str, Any] = {}
    if command.name is not None:
        columns["name"] = command.name
    if command.floor is not None:
        exponent = CURRENCIES[wallet.currency]
        columns["floor_minor"] = command.floor.in_minor_units(exponent)
    if command.archived not in (None, wallet.archived_at_us is not None):
        columns["archived_at_us"] = draft.now_us if command.archived else None
    if all(getattr(wallet, name) == value for name, value in columns.items()):
        return Changed(wallet)
    refusal = _refuse(wallet, wallet._replace(**columns), command.seen)
    if refusal is not None:
        return Refused(refusal, command)
    return Changed(change(draft, wallet, **columns))


def _refuse(
    wallet: WalletState, wanted: WalletState, seen: int | None
) -> Refusal | None:
    if seen not in (None, wallet.changes):
        return Refusal.VERSION_MISMATCH
    if wanted.floor_minor > wallet.balance_minor - wallet.held_minor:
        return Refusal.FLOOR_TOO_HIGH
    empty = not (wallet.balance_minor or wallet.held_minor)
    return None if empty or wanted.archived_at_us is None else Refusal.NOT_EMPTY


def change(draft: Draft, wallet: WalletState, **columns: Any) -> WalletState:
    """Change what is not money, and write down what the wallet was and is."""
    if wallet.changes == 0:
        draft.changes.append(_as_it_is(wallet, version=0, at_us=wallet.created_at_us))
    wallet = wallet._replace(changes=wallet.changes + 1, **columns)
    draft.changes.append(_as_it_is(wallet, wallet.version, draft.now_us))
    draft.wallets[wallet.id] = wallet
    draft.changed[wallet.id] = None
    return wallet


def _as_it_is(wallet: WalletState, version: int, at_us: int) -> Change:
    return Change(
        wallet.id,
        wallet.changes,
        wallet.name,
        wallet.floor_minor,
        wallet.archived_at_us,
        wallet.key_version,
        version,
        at_us,
    )
