"""What a batch is decided from: read after its wallets are locked."""

from collections.abc import Callable, Sequence
from typing import Any

from ..ledger.commands import (
    CaptureHold,
    CreateWallet,
    Keyed,
    ReleaseHold,
    Reverse,
    Submission,
)
from ..ledger.held import HoldEnd, HoldState
from ..ledger.ids import is_hold_id
from ..ledger.outcomes import HoldId, Known, Scope, WalletState
from .connections import Dialect
from .rows import Driver, Row, to_remembered


def load(
    dialect: Dialect,
    driver: Driver,
    batch: Sequence[Submission],
    clock: Callable[[], int],
) -> Known:
    """Lock the wallets of a batch, and read what it is decided from.

    The keys are read after the locks are held: each belongs to a locked wallet, so
    no other process can use it between the look and the commit. So is the clock: what
    has expired by then is read as well.
    """
    ids, keys, scopes, undone, holds = _named(batch)
    wallets: dict[str, WalletState] = {}
    if ids:
        for row in dialect.lock_wallets(driver, sorted(ids)):
            wallet = WalletState(*row)
            wallets[wallet.id] = wallet
    known = Known(wallets, now_us=clock())
    due = [
        (each.id, known.now_us)
        for each in wallets.values()
        if each.next_expiry_us is not None and each.next_expiry_us <= known.now_us
    ]
    if due:
        _add_holds(known, dialect.find_due_holds(driver, due))
        known.next_expiry_us.update(dialect.find_next_expiry(driver, due))
    if holds:
        _add_holds(known, dialect.find_holds(driver, sorted(holds)))
    if keys:
        for row in dialect.find_created(driver, sorted(keys)):
            wallet = WalletState(*row)
            known.created[wallet.creation_key or ""] = wallet
    if scopes:
        for row in dialect.find_remembered(driver, sorted(scopes)):
            wallet_id, principal, key, *answer = row
            known.remembered[wallet_id, principal, key] = to_remembered(answer)
    if undone:
        known.reversed.update(dialect.find_reversed(driver, sorted(undone)))
    return known


def _add_holds(known: Known, rows: Sequence[Row]) -> None:
    for row in rows:
        hold = to_hold(row)
        known.holds[hold.wallet_id, hold.id] = hold


def to_hold(row: Sequence[Any]) -> HoldState:
    """Read a hold from its row."""
    hold = HoldState(*row)
    return hold._replace(state=HoldEnd(hold.state))


def wallet_ids(batch: Sequence[Submission]) -> set[str]:
    """Name the wallets that a batch is about."""
    return set().union(*(submission.wallets() for submission in batch))


def _named(
    batch: Sequence[Submission],
) -> tuple[set[str], set[str], set[Scope], set[tuple[str, str]], set[HoldId]]:
    """Name wallets, keys of creations, keys within wallets, what is undone, holds."""
    ids: set[str] = set()
    keys: set[str] = set()
    scopes: set[Scope] = set()
    undone: set[tuple[str, str]] = set()
    holds: set[HoldId] = set()
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
                elif isinstance(command, CaptureHold | ReleaseHold):
                    # Only what can be an id is looked up.
                    if is_hold_id(command.hold_id):
                        holds.add((wallet_id, command.hold_id))
    return ids, keys, scopes, undone, holds
