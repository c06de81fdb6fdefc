"""Changes of a wallet that are no money: its name, floor, archive and key version."""

from typing import Any

from .draft import Draft
from .outcomes import Change, WalletState


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
