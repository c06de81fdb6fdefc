"""Changes of a wallet that are no money: its name, floor, archive and key version."""

from typing import Any

from .commands import ChangeWallet
from .draft import Draft
from .money import CURRENCIES
from .outcomes import Change, Changed, Refused, WalletState
from .refusals import Refusal


def change_wallet(draft: Draft, command: ChangeWallet) -> Changed | Refused:
    """Change name, floor and archive, as far as they are asked for and differ."""
    wallet = draft.wallets[command.wallet_id]
    columns: dict[str, Any] = {}
    if command.name is not None:
        columns["name"] = command.name
    if command.floor is not None:
        floor = command.floor.in_minor_units(CURRENCIES[wallet.currency])
        if floor > wallet.balance_minor - wallet.held_minor:
            return Refused(Refusal.FLOOR_TOO_HIGH, command)
        columns["floor_minor"] = floor
    if command.archived is not None:
        if command.archived and (wallet.balance_minor or wallet.held_minor):
            return Refused(Refusal.NOT_EMPTY, command)
        if command.archived != (wallet.archived_at_us is not None):
            columns["archived_at_us"] = draft.now_us if command.archived else None
    if all(getattr(wallet, name) == value for name, value in columns.items()):
        return Changed(wallet)
    return Changed(change(draft, wallet, **columns))


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
