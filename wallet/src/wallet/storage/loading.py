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
    ids, keys = sorted(wallet_ids(batch)), sorted(_creation_keys(batch))
    scopes = sorted(_scopes(batch))
    known = Known()
    if ids:
        for row in dialect.lock_wallets(driver, ids):
            wallet = WalletState(*row)
            known.wallets[wallet.id] = wallet
    if keys:
        for row in dialect.find_created(driver, keys):
            wallet = WalletState(*row)
            known.created[wallet.creation_key or ""] = wallet
    if scopes:
        for row in dialect.find_remembered(driver, scopes):
            wallet_id, principal, key, *answer = row
            known.remembered[wallet_id, principal, key] = Remembered(*answer)
    if undone := sorted(_undone(batch)):
        for wallet_id, operation_id in dialect.find_reversed(driver, undone):
            known.reversed.add((wallet_id, operation_id))
    return known


def wallet_ids(batch: Sequence[Submission]) -> set[str]:
    """Name the wallets that a batch is about."""
    return set().union(*(submission.wallets() for submission in batch))


def _creation_keys(batch: Sequence[Submission]) -> set[str]:
    return {
        command.key
        for submission in batch
        for command in submission.commands
        if isinstance(command, CreateWallet) and command.key is not None
    }


def _scopes(batch: Sequence[Submission]) -> set[Scope]:
    return {
        (command.wallet_id, command.principal.value, command.key)
        for submission in batch
        for command in submission.commands
        if isinstance(command, Keyed) and command.key is not None
    }


def _undone(batch: Sequence[Submission]) -> set[tuple[str, str]]:
    return {
        (command.wallet_id, command.undone)
        for submission in batch
        for command in submission.commands
        if isinstance(command, Reverse)
    }
