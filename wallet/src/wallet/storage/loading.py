"""What a batch is decided from: read after its wallets are locked."""

from collections.abc import Sequence

from ..ledger.commands import CreateWallet, Keyed, Reverse, Submission
from ..ledger.outcomes import Known, Remembered, Scope, WalletState
from .connections import Dialect
from .rows import Driver


def load(dialect: Dialect, driver: Driver, batch: Sequence[Submission]) -> Known:
    """Lock the wallets of a batch, and read what it is decided from.

    The keys are read after the locks are held: each belongs to a locked wallet, so
    no other process can use it between the look and the commit.
    """
    ids, keys, scopes, undone = _named(batch)
    known = Known()
    if ids:
        for row in dialect.lock_wallets(driver, sorted(ids)):
            wallet = WalletState(*row)
            known.wallets[wallet.id] = wallet
    if keys:
        for row in dialect.find_created(driver, sorted(keys)):
            wallet = WalletState(*row)
            known.created[wallet.creation_key or ""] = wallet
    if scopes:
        for row in dialect.find_remembered(driver, sorted(scopes)):
            wallet_id, principal, key, *answer = row
            known.remembered[wallet_id, principal, key] = Remembered(*answer)
    if undone:
        for wallet_id, operation_id in dialect.find_reversed(driver, sorted(undone)):
            known.reversed.add((wallet_id, operation_id))
    return known


def wallet_ids(batch: Sequence[Submission]) -> set[str]:
    """Name the wallets that a batch is about."""
    return set().union(*(submission.wallets() for submission in batch))


def _named(
    batch: Sequence[Submission],
) -> tuple[set[str], set[str], set[Scope], set[tuple[str, str]]]:
    """Name wallets, keys of creations, keys within wallets, and what is undone."""
    ids: set[str] = set()
    keys: set[str] = set()
    scopes: set[Scope] = set()
    undone: set[tuple[str, str]] = set()
    for submission in batch:
        ids |= submission.wallets()
        for command in submission.commands:
            if isinstance(command, CreateWallet):
                if command.key is not None:
                    keys.add(command.key)
            elif isinstance(command, Keyed):
                wallet_id = command.wallet_id
                if command.key is not None:
                    scopes.add((wallet_id, command.principal.value, command.key))
                if isinstance(command, Reverse):
                    undone.add((wallet_id, command.undone))
    return ids, keys, scopes, undone
